import { performance } from 'node:perf_hooks';
import { LRUCache } from 'lru-cache';

export const WINDOW_MS = 60_000;
/** The window is counted in this many slots, and slides by one slot at a time. */
export const SLOTS = 60;
/** The most callers (networks, accounts) that are counted at a time; the longest idle is forgotten first. */
const CALLERS_MAX = 50_000;

export interface Verdict {
  readonly allowed: boolean;
  readonly remaining: number;
  /** Seconds until the oldest counted request leaves the window. */
  readonly resetS: number;
}

/** The port: counts one request under `key` if it is allowed; a refused one is not counted. */
export interface RateLimiter {
  take(key: string, limit: number): Verdict | Promise<Verdict>;
}

/** Counts in this process alone, synchronously. */
export interface LocalLimiter extends RateLimiter {
  take(key: string, limit: number): Verdict;
  /** What `take` would answer, without counting anything. */
  look(key: string, limit: number): Verdict;
  /** Counts a request that was allowed elsewhere. */
  count(key: string): void;
}

/** The counts of one caller, one per slot of the window, as a ring. */
interface Counts {
  readonly slots: Uint32Array;
  /** The number of the newest slot, counted from the zero of the clock. */
  newest: number;
  sum: number;
}

const SLOT_MS = WINDOW_MS / SLOTS;

function advance(counts: Counts, slot: number): void {
  const steps = Math.min(slot - counts.newest, SLOTS + 1);
  for (let step = 1; step <= steps; step += 1) {
    const index = (counts.newest + step) % (SLOTS + 1);
    counts.sum -= counts.slots[index] ?? 0;
    counts.slots[index] = 0;
  }
  if (steps > 0) counts.newest = slot;
}

/** Seconds until the oldest non-empty slot has wholly left the window. */
function secondsToReset(counts: Counts, nowMs: number): number {
  for (let slot = counts.newest - SLOTS; slot <= counts.newest; slot += 1) {
    if ((counts.slots[slot % (SLOTS + 1)] ?? 0) > 0) {
      return Math.max(1, Math.ceil(((slot + SLOTS + 1) * SLOT_MS - nowMs) / 1_000));
    }
  }
  return WINDOW_MS / 1_000;
}

/**
 * A sliding window in this process, on a clock that nobody can set: after a change of the wall clock a caller neither waits
 * longer nor gets a second allowance. Slots that have only partly left the window still count fully, so at most `limit` requests
 * pass in any 60 s, whenever those begin.
 */
export function createMemoryLimiter(now: () => number = () => performance.now()): LocalLimiter {
  const callers = new LRUCache<string, Counts>({ max: CALLERS_MAX });

  const known = (key: string, nowMs: number): Counts | undefined => {
    const counts = callers.get(key);
    if (counts !== undefined) advance(counts, Math.floor(nowMs / SLOT_MS));
    return counts;
  };
  const begun = (key: string, nowMs: number): Counts => {
    const counts = { slots: new Uint32Array(SLOTS + 1), newest: Math.floor(nowMs / SLOT_MS), sum: 0 };
    callers.set(key, counts);
    return counts;
  };
  const add = (counts: Counts): void => {
    counts.slots[counts.newest % (SLOTS + 1)]! += 1;
    counts.sum += 1;
  };
  const verdict = (allowed: boolean, limit: number, counts: Counts, nowMs: number): Verdict => ({
    allowed,
    remaining: Math.max(0, limit - counts.sum),
    resetS: secondsToReset(counts, nowMs),
  });

  return {
    take(key, limit) {
      const nowMs = now();
      const counts = known(key, nowMs) ?? begun(key, nowMs);
      const allowed = counts.sum < limit;
      if (allowed) add(counts);
      return verdict(allowed, limit, counts, nowMs);
    },
    look(key, limit) {
      const nowMs = now();
      const counts = known(key, nowMs);
      if (counts === undefined) return { allowed: limit > 0, remaining: limit, resetS: WINDOW_MS / 1_000 };
      return verdict(counts.sum < limit, limit, counts, nowMs);
    },
    count(key) {
      const nowMs = now();
      add(known(key, nowMs) ?? begun(key, nowMs));
    },
  };
}
