import { setTimeout as delay } from 'node:timers/promises';

/** While a query waits, other processes' checkpoints are read after the minimum, then after doubling pauses up to the maximum. */
const POLL_MIN_MS = 5;
const POLL_MAX_MS = 50;

/** A caller that waits until all of these projections have passed a position. */
export interface Waiter {
  readonly names: readonly string[];
  readonly position: bigint;
  readonly resolve: (passed: boolean) => void;
}

/** The lowest of the projections' positions; 0 without projections. */
export function leastOf(names: readonly string[], positionOf: (name: string) => bigint): bigint {
  let least: bigint | undefined;
  for (const name of names) {
    const one = positionOf(name);
    if (least === undefined || one < least) least = one;
  }
  return least ?? 0n;
}

/** The highest position that any of them waits for. */
export const highestOf = (waiters: Iterable<Waiter>): bigint =>
  [...waiters].reduce((highest, { position }) => (position > highest ? position : highest), 0n);

/** Waits until the owner of the set resolves the waiter, or false after `timeoutMs`. */
export function waitIn(waiters: Set<Waiter>, wanted: Omit<Waiter, 'resolve'>, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const waiter: Waiter = {
      ...wanted,
      resolve: (passed) => {
        clearTimeout(timer);
        resolve(passed);
      },
    };
    const timer = setTimeout(() => {
      waiters.delete(waiter);
      resolve(false);
    }, timeoutMs);
    waiters.add(waiter);
  });
}

/** One loop that looks for the sake of all waiters, as long as there are any. A call while it runs does nothing. */
export function createPoll(waiters: ReadonlySet<Waiter>, look: () => Promise<void>): () => Promise<void> {
  let polling = false;
  return async () => {
    if (polling) return;
    polling = true;
    for (let pauseMs = POLL_MIN_MS; waiters.size > 0; pauseMs = Math.min(pauseMs * 2, POLL_MAX_MS)) {
      // A database that does not answer is covered by the waiters' own timeouts.
      await look().catch(() => undefined);
      await delay(pauseMs);
    }
    polling = false;
  };
}
