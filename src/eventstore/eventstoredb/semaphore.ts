import { unavailable } from '../../errors.ts';

export interface Turnstile {
  /** Number of tasks that run or wait. */
  readonly size: number;
  /** Runs the task when there is room. Refuses it (`unavailable`) when too many wait, or when its turn has not come in `waitMs`. */
  run<T>(work: () => Promise<T>, waitMs: number): Promise<T>;
}

/** A semaphore with a bounded queue: at most `insideMax` tasks run and `waitingMax` wait, first come first served. */
export function createTurnstile({
  insideMax,
  waitingMax,
}: {
  readonly insideMax: number;
  readonly waitingMax: number;
}): Turnstile {
  const waiting = new Set<() => void>();
  let inside = 0;

  const busy = (): Error => unavailable('LogOverloaded', 'Too many appends are waiting for the log; try again.');

  function enter(waitMs: number): Promise<void> {
    if (inside < insideMax) {
      inside += 1;
      return Promise.resolve();
    }
    if (waiting.size >= waitingMax) return Promise.reject(busy());
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(admit);
        reject(busy());
      }, waitMs);
      function admit(): void {
        clearTimeout(timer);
        resolve();
      }
      waiting.add(admit);
    });
  }

  /** Gives the freed place to the task that has waited longest. */
  function leave(): void {
    for (const admit of waiting) {
      waiting.delete(admit);
      admit();
      return;
    }
    inside -= 1;
  }

  return {
    get size() {
      return inside + waiting.size;
    },
    async run(work, waitMs) {
      await enter(waitMs);
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}
