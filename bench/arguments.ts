import { parseArgs } from 'node:util';
import { BENCHES } from './benches.ts';

export interface Arguments {
  /** Which benches to run, in the order of the table. */
  readonly names: readonly string[];
  readonly quick: boolean;
  /** Put the table into the page about performance. */
  readonly write: boolean;
}

/** What `npm run bench` was told; throws what to tell a person otherwise. */
export function argumentsOf(argv: readonly string[]): Arguments {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
    },
  });
  const { quick, write } = values;
  const unknown = positionals.filter((name) => !(name in BENCHES));
  if (unknown.length > 0) {
    throw new Error(`There is no bench ${unknown.join(', ')}; there are ${Object.keys(BENCHES).join(', ')}.`);
  }
  if (write && (quick || positionals.length > 0)) {
    throw new Error('--write takes the whole table in full rounds: give it alone.');
  }
  const names = Object.keys(BENCHES).filter((name) => positionals.length === 0 || positionals.includes(name));
  return { names, quick, write };
}
