import { setTimeout as pause } from 'node:timers/promises';

/** How long to wait before an attempt is made again. */
export interface Backoff {
  /** First delay, ms; doubles with each failure, up to `delayMaxMs`. */
  readonly delayMs: number;
  readonly delayMaxMs: number;
}

/** The delay after so many failures (from 1), ms: exponential, and between half of it and all of it by chance, so that attempts that failed together do not come back together. */
export function delayAfter(
  { delayMs, delayMaxMs }: Backoff,
  failures: number,
  random: () => number = Math.random,
): number {
  const whole = Math.min(delayMaxMs, delayMs * 2 ** (failures - 1));
  return whole * (0.5 + random() / 2);
}

/** Whether the signal has aborted. A call, because the answer may change while something is awaited. */
export const isOver = (signal: AbortSignal): boolean => signal.aborted;

/** Resolves early when `signal` aborts. */
export async function rest(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await pause(milliseconds, undefined, { signal });
  } catch {
    // Woken by the signal, which the caller looks at.
  }
}
