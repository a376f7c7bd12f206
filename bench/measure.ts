import type { BenchOptions, BenchRow } from './row.ts';

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

export const perSecond = (count: number, ms: number): number => (count * 1_000) / ms;

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** The figures of both sides in one round. */
export interface Round {
  readonly ours: number;
  readonly theirs: number;
}

/** How many rounds to run: `rounds` if given, otherwise one in the quick form and `full` in the long one. */
export const roundsOf = ({ quick, rounds }: BenchOptions, full: number): number => rounds ?? (quick ? 1 : full);

/** The figures of a row, from its rounds. */
export function fromRounds(rounds: readonly Round[]): Pick<BenchRow, 'ratio' | 'ratios' | 'figures'> {
  const ratios = rounds.map(({ ours, theirs }) => ours / theirs);
  return { ratio: median(ratios), ratios, figures: rounds.map(({ ours }) => ours) };
}

export const medians = (rounds: readonly Round[]): Round => ({
  ours: median(rounds.map(({ ours }) => ours)),
  theirs: median(rounds.map(({ theirs }) => theirs)),
});

/** The values, split in order into this many parts of equal length. A remainder is left out. */
export function parts(values: readonly number[], count: number): number[][] {
  const length = Math.floor(values.length / count);
  return Array.from({ length: count }, (_, index) => values.slice(index * length, (index + 1) * length));
}

/**
 * Times two candidates in turn. The one that goes first alternates, so that other work of the machine affects both. Returns how many
 * of `count` each did per second.
 */
export async function interleaved(
  rounds: number,
  count: number,
  prepare: (round: number) => readonly [ours: () => Promise<unknown>, theirs: () => Promise<unknown>],
): Promise<Round[]> {
  const done: Round[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const [ours, theirs] = prepare(round);
    const early = round % 2 === 0 ? await timed(ours) : undefined;
    const theirMs = await timed(theirs);
    const ourMs = early ?? (await timed(ours));
    done.push({ ours: perSecond(count, ourMs), theirs: perSecond(count, theirMs) });
  }
  return done;
}
