import { setTimeout as pause } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { type Backoff, delayAfter } from '../../platform/backoff.ts';

/** Random growing pauses after lost races, so that processes that lost together do not try again together. */
const LOST: Backoff = { delayMs: 2, delayMaxMs: 50 };
/** How long a batch of commands tries to win a race on its stream, ms. */
const CROWD_WAIT_MAX_MS = 5_000;
/** A batch loses at least so many races before it is given up, however slow the log is. */
const RACES_MIN = 8;
/** How long a stream counts as crowded after a race that this process has lost there, ms. */
const CROWDED_MS = 1_000;
/** Crowded streams that are remembered, at most. */
const CROWDED_STREAMS_MAX = 10_000;
/** How long a process yields a crowded stream to others after it has won, ms, at most. */
const YIELD_MAX_MS = 25;

/** The races of one batch. */
export interface Races {
  /** Pauses after a lost race. False when the batch has waited long enough. */
  lost(): Promise<boolean>;
}

/** Whom this process meets on which stream. */
export interface Crowds {
  /** Call it when the first race is lost. */
  enter(stream: string): Races;
  /**
   * Yields a crowded stream after an append that took `tookMs`. The winner of a race knows the newest state and would win the next
   * one too; the others would never get through.
   */
  leave(stream: string, tookMs: number): void | Promise<void>;
}

export function createCrowds(waitMaxMs: number = CROWD_WAIT_MAX_MS): Crowds {
  const crowded = new LRUCache<string, true>({ max: CROWDED_STREAMS_MAX, ttl: CROWDED_MS });
  return {
    enter(stream) {
      let races = 0;
      let since: number | undefined;
      return {
        async lost() {
          crowded.set(stream, true);
          races += 1;
          since ??= performance.now();
          if (races >= RACES_MIN && performance.now() - since > waitMaxMs) return false;
          await pause(delayAfter(LOST, races));
          return true;
        },
      };
    },
    leave(stream, tookMs) {
      if (!crowded.has(stream)) return undefined;
      return pause(Math.min(YIELD_MAX_MS, tookMs) * (0.5 + Math.random() / 2));
    },
  };
}
