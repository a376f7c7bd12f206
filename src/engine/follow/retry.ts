import { setTimeout as pause } from 'node:timers/promises';
import { isRefusal } from '../../errors.ts';
import { isPassing } from '../../platform/postgres/pool.ts';

/** How much of an error's text is kept. */
const REASON_CHARS_MAX = 2_000;

/** How long to wait before an attempt is made again. */
export interface Backoff {
  /** First delay, ms; doubles with each failure, up to `delayMaxMs`. */
  readonly delayMs: number;
  readonly delayMaxMs: number;
}

/** The delay after so many failures (from 1), ms: exponential, and between half of it and all of it by chance, so that attempts that failed together do not come back together. */
export function delayAfter({ delayMs, delayMaxMs }: Backoff, failures: number, random: () => number = Math.random): number {
  const whole = Math.min(delayMaxMs, delayMs * 2 ** (failures - 1));
  return whole * (0.5 + random() / 2);
}

/** A part that does not answer, as opposed to an event that cannot be handled. */
export const isUnavailable = (error: unknown): boolean =>
  isRefusal(error) ? error.kind === 'unavailable' : isPassing(error);

/** What went wrong, in text that Postgres takes: it keeps no NUL. An error of a kind of its own says its kind first. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? `${error.name === 'Error' ? '' : `${error.name}: `}${error.message}` : String(error);
  return text.replaceAll('\0', '\ufffd').slice(0, REASON_CHARS_MAX);
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

