export interface Bell {
  /** How often it has rung. */
  readonly rings: number;
  ring(): void;
  /** Resolves once it has rung more than `heard` times, when the time is up, or when `signal` aborts. */
  next(heard: number, until: { signal: AbortSignal; timeoutMs?: number }): Promise<void>;
}

/** Wakes whoever waits. Counting the rings is what makes none of them go unheard between looking and waiting. */
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
