import { unavailable } from '../errors.ts';
import { type Backoff, delayAfter, rest } from './backoff.ts';
import type { Logger } from './log.ts';

const AT_ONCE_MAX = 2;
const WAITING_MAX = 1_000;
const ATTEMPTS_MAX = 4;
const AGAIN: Backoff = { delayMs: 100, delayMaxMs: 2_000 };
/** How long a stop waits for work that is under way, ms. */
const STOP_WAIT_MS = 5_000;

/** Work that a caller does not wait for, so that the time of its answer tells nothing about it. */
export interface Background {
  /** Takes the work, or refuses it (`unavailable`) when too much waits. Work that fails is tried again a few times, then logged. */
  run(what: string, work: () => Promise<void>): void;
  /** Waits a while for the work taken so far. */
  stop(): Promise<void>;
}

interface Job {
  readonly what: string;
  readonly work: () => Promise<void>;
}

export function createBackground(log: Pick<Logger, 'warn'>): Background {
  const waiting: Job[] = [];
  const working = new Set<Promise<void>>();
  const abort = new AbortController();

  const carryOut = async ({ what, work }: Job): Promise<void> => {
    for (let attempts = 1; ; attempts += 1) {
      try {
        await work();
        return;
      } catch (err) {
        if (attempts >= ATTEMPTS_MAX || abort.signal.aborted) {
          log.warn({ err }, `${what} failed`);
          return;
        }
      }
      await rest(delayAfter(AGAIN, attempts), abort.signal);
    }
  };
  const next = (): void => {
    const job = working.size < AT_ONCE_MAX ? waiting.shift() : undefined;
    if (job === undefined) return;
    const done = carryOut(job).finally(() => {
      working.delete(done);
      next();
    });
    working.add(done);
  };

  return {
    run(what, work) {
      if (abort.signal.aborted || waiting.length >= WAITING_MAX) {
        throw unavailable('BackgroundBusy', 'Too many such requests wait at the moment; try again.');
      }
      waiting.push({ what, work });
      next();
    },
    async stop() {
      const until = performance.now() + STOP_WAIT_MS;
      while (working.size > 0 && performance.now() < until) {
        await Promise.race([...working, rest(until - performance.now(), abort.signal)]);
      }
      abort.abort();
      if (waiting.length > 0) log.warn({ waiting: waiting.length }, 'background work was left undone');
      waiting.length = 0;
    },
  };
}
