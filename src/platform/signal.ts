export interface Signal {
  /** How often it was raised. */
  readonly count: number;
  raise(): void;
  /** Resolves once `count` is above `seen`, when the time is up, or when `signal` aborts. */
  next(seen: number, until: { signal: AbortSignal; timeoutMs?: number }): Promise<void>;
}

/** Wakes all that wait for it. A reader takes `count` before it looks, so that no signal is lost between looking and waiting. */
export function createSignal(): Signal {
  const waiting = new Set<() => void>();
  let count = 0;
  return {
    get count() {
      return count;
    },
    raise() {
      count += 1;
      for (const wake of [...waiting]) wake();
    },
    next: (seen, { signal, timeoutMs }) =>
      new Promise((resolve) => {
        if (count > seen || signal.aborted) {
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
