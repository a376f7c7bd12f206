import { median } from '../measure.ts';
import type { Figures } from '../row.ts';

/** Accepted probability that a row of two equal commits comes out worse; the same applies to better. */
const FALSE_ALARMS_MAX = 0.025;
/** Fewest rounds. With fewer, a row of two equal commits loses every round more often than that. */
export const ROUNDS_MIN = 6;

/** One round of a row: the figures of this tree and of the other commit, measured one right after the other. */
export interface Turn {
  readonly today: number;
  readonly other: number;
}

type Verdict = 'worse than its noise' | 'within noise' | 'better' | 'too few rounds';

export interface Judgement {
  /** The median of the rounds' ratios of this tree to the other commit. */
  readonly ratio: number;
  /** The range in which the true median ratio lies, with 95 % confidence or more. */
  readonly from: number;
  readonly to: number;
  readonly verdict: Verdict;
}

/** The probability of at most `heads` heads in `throws` throws of a coin. */
function atMostHeads(heads: number, throws: number): number {
  let ways = 1;
  let sum = 0;
  for (let head = 0; head <= heads; head += 1) {
    sum += ways;
    ways = (ways * (throws - head)) / (head + 1);
  }
  return sum / 2 ** throws;
}

/** How many ratios can be cut off at each end so that the rest is still the confidence range; undefined if there are too few. */
function cutOff(rounds: number): number | undefined {
  let cut: number | undefined;
  for (let next = 0; atMostHeads(next, rounds) <= FALSE_ALARMS_MAX; next += 1) cut = next;
  return cut;
}

/**
 * Judges a row only by the ratios of its rounds. This is a sign test, which assumes nothing about the distribution of the noise. For
 * two equal commits a ratio is above 1 as often as below, like a coin. So of n sorted ratios we cut off as many at each end as such a
 * coin exceeds in at most one of forty runs (none of 6, one of 9, two of 12). The range of the rest is the row's noise. A row is worse
 * than its noise when the whole range is on the worse side of 1, and better when it is on the better side. Note that one slow round
 * among many changes nothing, and that with six rounds a single better one is enough for "not worse".
 */
export function judge(turns: readonly Turn[], better: Figures['better']): Judgement {
  const ratios = turns.map(({ today, other }) => today / other).sort((a, b) => a - b);
  if (ratios.length === 0 || !ratios.every((ratio) => Number.isFinite(ratio) && ratio > 0)) {
    throw new Error(`these are no figures to compare: ${JSON.stringify(turns)}`);
  }
  const cut = cutOff(ratios.length);
  const [from, to] = [ratios[cut ?? 0]!, ratios.at(-1 - (cut ?? 0))!];
  const [allLess, allMore] = [to < 1, from > 1];
  const side = (worse: boolean, gain: boolean): Verdict =>
    worse ? 'worse than its noise' : gain ? 'better' : 'within noise';
  const verdict = better === 'more' ? side(allLess, allMore) : side(allMore, allLess);
  return { ratio: median(ratios), from, to, verdict: cut === undefined ? 'too few rounds' : verdict };
}
