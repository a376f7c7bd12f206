import { median } from '../measure.ts';
import type { Figures } from '../row.ts';

/** How often a row whose two commits are equal may come out worse; and as often better. */
const FALSE_ALARMS_MAX = 0.025;
/** With fewer rounds even an unbroken run of losses is no rarer than that. */
export const ROUNDS_MIN = 6;

/** One round of a row: what this tree did and what the other commit did, one right after the other. */
export interface Turn {
  readonly today: number;
  readonly other: number;
}

export type Verdict = 'worse than its noise' | 'within noise' | 'better' | 'too few rounds';

export interface Judgement {
  /** Today to other: the median of the rounds' ratios. */
  readonly ratio: number;
  /** The range in which the true median ratio lies, with 95 % confidence or more. */
  readonly from: number;
  readonly to: number;
  readonly verdict: Verdict;
}

/** How likely at most `heads` heads are in `throws` throws of a coin. */
function atMostHeads(heads: number, throws: number): number {
  let ways = 1;
  let sum = 0;
  for (let head = 0; head <= heads; head += 1) {
    sum += ways;
    ways = (ways * (throws - head)) / (head + 1);
  }
  return sum / 2 ** throws;
}

/** How many ratios may be cut off at each end, and the range of the rest still be the range of confidence; undefined if none is. */
function cutOff(rounds: number): number | undefined {
  let cut: number | undefined;
  for (let next = 0; atMostHeads(next, rounds) <= FALSE_ALARMS_MAX; next += 1) cut = next;
  return cut;
}

/**
 * Judges a row by the ratios of its rounds alone: a sign test, which supposes nothing about how noise is distributed. Were both
 * commits equal, a ratio would lie above 1 as often as below, like a coin. So of n sorted ratios we cut off as many at each end as
 * such a coin exceeds in at most one of forty runs (none of 6, one of 9, two of 12) and call the range of the rest the row's noise.
 * A row is worse than its noise when that whole range is on the worse side of 1, and better when it is on the better side.
 * What would surprise: one slow round of many changes nothing, and with six rounds a single better one acquits.
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
