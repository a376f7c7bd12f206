export interface Semaphore {
  /** Runs the work once there is a permit for it, and gives the permit back when the work ends. */
  run<T>(work: () => Promise<T>): Promise<T>;
}

export interface SemaphoreOptions {
  /** Works that run at once. */
  readonly permits: number;
  /** Bounds of the wait for a permit; without them each work waits for as long as it takes. */
  readonly wait?: {
    /** Works that wait at once. */
    readonly max: number;
    readonly timeoutMs: number;
    /** The error of a work that found no room to wait, or whose turn did not come in time. */
    refused(): Error;
  };
}

/** Lets a number of works run at once; the others wait, first come first served. */
export function createSemaphore({ permits, wait }: SemaphoreOptions): Semaphore {
  const waiting = new Set<() => void>();
  let free = permits;

  function acquire(): Promise<void> {
    if (free > 0) {
      free -= 1;
      return Promise.resolve();
    }
    if (wait !== undefined && waiting.size >= wait.max) return Promise.reject(wait.refused());
    return new Promise((resolve, reject) => {
      const timer = wait && setTimeout(expire, wait.timeoutMs);
      function expire(): void {
        waiting.delete(admit);
        reject(wait!.refused());
      }
      function admit(): void {
        clearTimeout(timer);
        resolve();
      }
      waiting.add(admit);
    });
  }

  /** Hands the permit to the work that has waited longest. */
  function release(): void {
    for (const admit of waiting) {
      waiting.delete(admit);
      admit();
      return;
    }
    free += 1;
  }

  return {
    async run(work) {
      await acquire();
      try {
        return await work();
      } finally {
        release();
      }
    },
  };
}
