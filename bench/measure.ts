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

/** Times two candidates in turn, the first of each round changing, so that what else the machine does hits both. */
export async function interleaved(
  rounds: number,
  prepare: (round: number) => [first: () => Promise<unknown>, second: () => Promise<unknown>],
): Promise<[first: number, second: number][]> {
  const pairs: [number, number][] = [];
  for (let round = 0; round < rounds; round += 1) {
    const [first, second] = prepare(round);
    if (round % 2 === 0) pairs.push([await timed(first), await timed(second)]);
    else {
      const later = await timed(second);
      pairs.push([await timed(first), later]);
    }
  }
  return pairs;
}
