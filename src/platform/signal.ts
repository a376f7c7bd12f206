export interface Bell {
  /** Number of rings so far. */
  readonly rings: number;
  ring(): void;
  /** Resolves once it has rung more than `heard` times, after `timeoutMs`, or when `signal` aborts. */
  next(heard: number, until: { signal: AbortSignal; timeoutMs?: number }): Promise<void>;
}

/** Wakes all waiters. Read `rings` before checking a condition and pass it to `next`: then no ring in between is missed. */
export function createBell(): Bell {
  const waiting = new Set<() => void>();
  let rings = 0;
  return {
    get rings() {
      return rings;
    },
    ring() {
      rings += 1;
      for (const wake of [...waiting]) wake();
    },
    next: (heard, { signal, timeoutMs }) =>
      new Promise((resolve) => {
        if (rings > heard || signal.aborted) {
          resolve();
          return;
        }
        const timer = timeoutMs === undefined ? undefined : setTimeout(wake, timeoutMs);
        function wake(): void {
          waiting.delete(wake);
          clearTimeout(timer);
          signal.removeEventListener('abort', wake);
          resolve();
        }
        signal.addEventListener('abort', wake);
        waiting.add(wake);
      }),
  };
}
