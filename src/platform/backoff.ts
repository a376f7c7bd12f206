import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

/** Delays between attempts. */
export interface Backoff {
  /** First delay, ms; doubles with each failure, up to `delayMaxMs`. */
  readonly delayMs: number;
  readonly delayMaxMs: number;
}

/**
 * The delay before the next attempt, ms, after this many failures (from 1). It grows exponentially. Random jitter takes away
 * up to half of it, so that attempts that failed together are not retried together.
 */
export function delayAfter(
  { delayMs, delayMaxMs }: Backoff,
  failures: number,
  random: () => number = Math.random,
): number {
  const whole = Math.min(delayMaxMs, delayMs * 2 ** (failures - 1));
  return whole * (0.5 + random() / 2);
}

/** For a signal that any number of callers wait for at once. Node warns of a leak when more than ten wait for an ordinary one. */
export function createStop(): AbortController {
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  return stop;
}

/** Whether the signal has aborted. A function, so that TypeScript does not assume an earlier result after an `await`. */
export const isOver = (signal: AbortSignal): boolean => signal.aborted;

/** Waits; resolves early when `signal` aborts. Never rejects. */
export async function rest(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await pause(milliseconds, undefined, { signal });
  } catch {
    // The signal has aborted. Callers check it themselves.
  }
}

export interface Rounds {
  /** Begins with a round at once. Does nothing when it has begun. */
  start(): void;
  /** Resolves when no round is under way any more. */
  stop(): Promise<void>;
}

/** Carries out a round, again and again, with a pause between two. `round` must not reject. */
export function createRounds(round: () => Promise<void>, pauseMs: number): Rounds {
  const stopping = createStop();
  let running: Promise<void> | undefined;

  async function run(stop: AbortSignal): Promise<void> {
    while (!isOver(stop)) {
      await round();
      await rest(pauseMs, stop);
    }
  }

  return {
    start() {
      running ??= run(stopping.signal);
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
