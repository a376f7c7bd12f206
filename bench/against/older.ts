import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { BENCHES, runApart } from '../benches.ts';
import type { BenchRow, Figures } from '../row.ts';

// Support for commits without `bench/turn.ts`: edits constants in their programs, and parses the text that they print for people.

export interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const rounds = (bench: string): number => BENCHES[bench]!.roundsPerTurn;
const roundsIn = (bench: string, from: number): Edit => ({
  file: `bench/${bench}.ts`,
  from: `const ROUNDS = ${from};`,
  to: `const ROUNDS = ${rounds(bench)};`,
});

/** Edits that give older programs the rounds and events of our turns, no yardstick over HTTP, one build, and unrounded times. */
export const EDITS: readonly Edit[] = [
  ...['http', 'workers', 'redis', 'rebuild', 'relay'].map((bench) => roundsIn(bench, 5)),
  roundsIn('projecting', 3),
  {
    file: 'bench/appends.ts',
    from: 'quick ? [2, 500] : [9, 10_000]',
    to: `quick ? [${rounds('appends')}, 500] : [${rounds('appends')}, 10_000]`,
  },
  {
    file: 'bench/eventStoreDb.ts',
    from: 'quick ? [2, 10] : [9, 60]',
    to: `quick ? [${rounds('eventStoreDb')}, 10] : [${rounds('eventStoreDb')}, 60]`,
  },
  { file: 'bench/load.ts', from: "await one('theirs', theirs);", to: 'void theirs;' },
  { file: 'bench/rebuild.ts', from: 'const EVENTS = 500_000;', to: 'const EVENTS = 200_000;' },
  { file: 'bench/serving.ts', from: "  compile('tsconfig.build.json');\n", to: '' },
  { file: 'bench/loads.ts', from: 'p50 ${longMs.toFixed(2)} ms', to: 'p50 ${longMs} ms' },
];

/** The text after the edit. The replaced part must occur exactly once. */
export function edited(text: string, { file, from, to }: Edit): string {
  if (text.split(from).length !== 2) throw new Error(`${file} does not hold ${JSON.stringify(from)} once`);
  return text.replace(from, () => to);
}

/** Whether a tree has a program for single turns. */
export const takesTurns = (root: string): boolean => existsSync(path.join(root, 'bench/turn.ts'));

/** Prepares an older tree, before it is compiled. */
export function edit(root: string): void {
  for (const one of EDITS) {
    const file = path.join(root, one.file);
    try {
      writeFileSync(file, edited(readFileSync(file, 'utf8'), one));
    } catch (error) {
      throw new Error('That commit is too old: its benches are not those that we know how to read.', { cause: error });
    }
  }
}

const RATE = /^([\d,]+)\/s /;
const TIME = /^p50 ([\d.]+) ms /;

/** The rows of older benches, in printed order. `in` finds the measured figure in the details; without it the ratio is the figure. */
const ROWS: Readonly<Record<string, readonly (Omit<Figures, 'figures'> & { readonly in?: RegExp })[]>> = {
  http: [
    { id: 'cached-get', better: 'more', in: RATE },
    { id: 'cart-post', better: 'more', in: RATE },
    { id: 'hot-checkout', better: 'more', in: RATE },
  ],
  workers: [{ id: 'workers-get', better: 'more', in: RATE }],
  redis: [{ id: 'redis-get', better: 'more', in: RATE }],
  appends: [{ id: 'appends', better: 'more', in: RATE }],
  eventStoreDb: [{ id: 'eventstoredb-commands', better: 'more', in: RATE }],
  loads: [{ id: 'warm-load', better: 'less', in: TIME }],
  projecting: [{ id: 'projecting', better: 'more', in: RATE }],
  rebuild: [{ id: 'rebuild', better: 'more', in: RATE }],
  lag: [{ id: 'lag', better: 'less' }],
  relay: [{ id: 'relay', better: 'more', in: RATE }],
};

type OlderRow = Pick<BenchRow, 'ratio' | 'details'>;

/** The measured figures in older rows. */
export function figuresOf(bench: string, rows: readonly OlderRow[]): Figures[] {
  const known = ROWS[bench] ?? [];
  if (rows.length !== known.length) throw new Error(`${bench} answered ${rows.length} rows, not ${known.length}`);
  return known.map(({ id, better, in: pattern }, index) => {
    const { ratio, details } = rows[index]!;
    const figure = pattern === undefined ? ratio : Number(pattern.exec(details)?.[1]?.replaceAll(',', ''));
    if (!Number.isFinite(figure)) throw new Error(`${id} tells no figure: ${details}`);
    return { id, better, figures: [figure] };
  });
}

/** One turn of an older tree. */
export async function olderTurn(root: string, bench: string, { url, quick }: { url: string; quick: boolean }) {
  const rows = await runApart({ root, main: 'one', bench, args: [url, ...(quick ? ['quick'] : [])] });
  return figuresOf(bench, rows as OlderRow[]);
}
