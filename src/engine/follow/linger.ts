/** Events per second for each of which a millisecond may pass between two transactions, and how many may pass at most. */
const EVENTS_PER_LINGER_MS = 250;
const LINGER_MAX_MS = 10;
/** How much the newest measurement counts. */
const WEIGHT = 0.2;
/** A pause after which the rate is measured afresh. */
const FORGET_MS = 1_000;

export interface Linger {
  /** How long to wait before the next batch, ms, after one of so many events that began at `beganAt`. */
  after(events: number, beganAt: number): number;
}

/**
 * Lets batches grow with the load: at a few events per second nothing waits, at thousands a transaction every few
 * milliseconds carries all that came meanwhile.
 */
export function createLinger(now: () => number = () => performance.now()): Linger {
  let perMs = 0;
  let lastAt = now();
  return {
    after(events, beganAt) {
      const at = now();
      const elapsed = Math.max(at - lastAt, 0.1);
      lastAt = at;
      perMs = elapsed > FORGET_MS ? 0 : perMs + WEIGHT * (events / elapsed - perMs);
      const linger = Math.min((perMs * 1_000) / EVENTS_PER_LINGER_MS, LINGER_MAX_MS);
      return Math.max(0, linger - (at - beganAt));
    },
  };
}
