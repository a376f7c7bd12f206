import type { Worker } from 'node:cluster';
import type { MetricValues } from '../http/metrics.ts';
import type { ToWorker } from './messages.ts';

/** A worker that does not tell its metrics within this time is left out of them. */
const TELL_TIMEOUT_MS = 2_000;

interface Round {
  readonly missing: Set<number>;
  readonly metrics: MetricValues[];
  readonly done: () => void;
}

/** Lets any worker answer for all: whichever is asked for metrics gets those of every worker that is up. */
export function createGathering(send: (worker: Worker, message: ToWorker) => void) {
  const rounds = new Map<number, Round>();
  let last = 0;
  return {
    gather(asking: Worker, id: number, workers: readonly Worker[]): void {
      const round = (last += 1);
      const metrics: MetricValues[] = [];
      const done = (): void => {
        if (!rounds.delete(round)) return;
        clearTimeout(timer);
        send(asking, { cartulary: 'gathered', id, metrics });
      };
      const timer = setTimeout(done, TELL_TIMEOUT_MS);
      rounds.set(round, { missing: new Set(workers.map((worker) => worker.id)), metrics, done });
      for (const worker of workers) send(worker, { cartulary: 'tell', id: round });
    },
    told(worker: Worker, id: number, metrics: MetricValues): void {
      const round = rounds.get(id);
      if (round?.missing.delete(worker.id) !== true) return;
      round.metrics.push(metrics);
      if (round.missing.size === 0) round.done();
    },
  };
}
