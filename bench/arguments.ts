import { parseArgs } from 'node:util';
import { BENCHES } from './benches.ts';
import { ROUNDS_MIN } from './against/verdict.ts';

const ROUNDS_MAX = 100;

export interface Arguments {
  /** The benches to run, in the order of the table. */
  readonly names: readonly string[];
  readonly quick: boolean;
  /** Whether to write the table into the page about performance. */
  readonly write: boolean;
  /** The other commit of a comparison. */
  readonly against: string | undefined;
  /** Rounds of a comparison, each one turn of both sides. */
  readonly rounds: number;
}

/** Parses the arguments of `npm run bench`. Throws an error with a message for people when they are wrong. */
export function argumentsOf(argv: readonly string[]): Arguments {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      against: { type: 'string' },
      rounds: { type: 'string' },
    },
  });
  const { quick, write, against } = values;
  const unknown = positionals.filter((name) => !(name in BENCHES));
  if (unknown.length > 0) {
    throw new Error(`There is no bench ${unknown.join(', ')}; there are ${Object.keys(BENCHES).join(', ')}.`);
  }
  if (write && (quick || against !== undefined || positionals.length > 0)) {
    throw new Error('--write takes the whole table in full rounds: give it alone.');
  }
  if (values.rounds !== undefined && against === undefined) throw new Error('--rounds goes with --against.');
  const rounds = Number(values.rounds ?? ROUNDS_MIN);
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > ROUNDS_MAX) {
    throw new Error(`--rounds is a number from 1 to ${ROUNDS_MAX}, not ${values.rounds}.`);
  }
  const names = Object.keys(BENCHES).filter((name) => positionals.length === 0 || positionals.includes(name));
  return { names, quick, write, against, rounds };
}
