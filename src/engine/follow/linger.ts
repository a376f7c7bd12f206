/** A transaction starts 1 ms later for each of these events per second, but at most `LINGER_MAX_MS` after the last start. */
const EVENTS_PER_LINGER_MS = 250;
const LINGER_MAX_MS = 10;
/** Weight of the newest measurement in the moving average. */
const WEIGHT = 0.2;
/** After a pause longer than this, the average starts again at 0. */
const FORGET_MS = 1_000;

export interface Linger {
  /** Call it after each batch, with its number of events and its start time (ms). Returns the wait before the next batch, ms. */
  after(events: number, beganAt: number): number;
}

/**
 * Makes batches grow with the load. At a few events per second there is no wait. At thousands, one transaction every few
 * milliseconds takes all events that arrived meanwhile.
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
