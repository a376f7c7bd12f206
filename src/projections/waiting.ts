import { setTimeout as delay } from 'node:timers/promises';

export const rest = (ms: number, signal: AbortSignal): Promise<void> =>
  delay(ms, undefined, { signal }).then(
    () => undefined,
    () => undefined,
  );

/** Asked anew each time: while something was awaited, the answer may have changed. */
export const isOver = (signal: AbortSignal): boolean => signal.aborted;
