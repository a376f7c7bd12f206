import cluster, { type Worker } from 'node:cluster';
import { setTimeout as delay } from 'node:timers/promises';
import type { ProcessRole } from '../config/settings.ts';
import { type Backoff, delayAfter } from '../platform/backoff.ts';
import type { Logger } from '../platform/log.ts';
import type { MetricValues } from '../http/pages/metrics.ts';

const START_TIMEOUT_MS = 60_000;
/** A worker that ends is started again, later each time it does so soon. */
const RESTART: Backoff = { delayMs: 250, delayMaxMs: 10_000 };
const LASTING_MS = 60_000;
/** Leaves the primary the time to stop the database within its own limit. */
const STOP_TIMEOUT_MS = 7_000;
const STOP_POLL_MS = 20;

export interface CrewOptions {
  /** One worker for each. */
  readonly posts: readonly (readonly ProcessRole[])[];
  readonly task: Omit<Task, 'roles'>;
  readonly log: Logger;
}

export interface Crew {
  /** Resolves with the URL once every worker is up; rejects with the reason of the first that is not to be had. */
  start(): Promise<string>;
  /** Resolves when every worker has ended, if need be by force. */
  stop(): Promise<void>;
}

interface Post {
  readonly roles: readonly ProcessRole[];
  worker: Worker | undefined;
  up: boolean;
  failures: number;
  timer: NodeJS.Timeout | undefined;
}

const send = (worker: Worker, message: ToWorker): void => {
  // Whoever is ending hears nothing more, and that is no error.
  if (worker.isConnected()) worker.send(message, () => undefined);
};

const hasEnded = (worker: Worker): boolean => worker.isDead() || worker.process.exitCode !== null;

/** One worker per post for as long as the primary lives: a worker that ends is replaced. */
export function createCrew({ posts: roles, task, log }: CrewOptions): Crew {
  const posts = roles.map((each): Post => ({
    roles: each,
    worker: undefined,
    up: false,
    failures: 0,
    timer: undefined,
  }));
  const gathering = createGathering(send);
  let stopping = false;

  const working = (): Worker[] => posts.flatMap(({ worker, up }) => (up && worker !== undefined ? [worker] : []));

  function replace(post: Post, livedMs: number, exit: { code: number | null; signal: string | null }): void {
    if (stopping) return;
    post.failures = livedMs > LASTING_MS ? 1 : post.failures + 1;
    const pauseMs = delayAfter(RESTART, post.failures);
    log.error({ ...exit, roles: post.roles, pauseMs }, 'a worker has ended; starting another');
    post.timer = setTimeout(() => man(post), pauseMs);
  }

  function hear(post: Post, worker: Worker, message: ToPrimary): void {
    switch (message.cartulary) {
      case 'ready':
        send(worker, { cartulary: 'begin', task: { ...task, roles: post.roles } });
        return;
      case 'up':
        post.up = true;
        return;
      case 'failed':
        log.error({ roles: post.roles, reason: message.message }, 'a worker could not start');
        return;
      case 'gather':
        gathering.gather(worker, message.id, working());
        return;
      case 'told':
        gathering.told(worker, message.id, message.metrics);
        return;
    }
  }

  function man(post: Post): Worker {
    const worker = cluster.fork();
    const bornAt = performance.now();
    post.worker = worker;
    worker.on('error', (error) => log.warn({ err: error, roles: post.roles }, 'a worker is not to be reached'));
    worker.on('message', (message: unknown) => {
      if (isOurs(message)) hear(post, worker, message as ToPrimary);
    });
    worker.once('exit', (code: number | null, signal: string | null) => {
      post.worker = undefined;
      post.up = false;
      replace(post, performance.now() - bornAt, { code, signal });
    });
    return worker;
  }

  return {
    start: () => allUp(posts.map(man)),

    async stop() {
      stopping = true;
      for (const { timer } of posts) clearTimeout(timer);
      await allEnded(
        posts.flatMap(({ worker }) => worker ?? []),
        log,
      );
    },
  };
}

async function allEnded(workers: readonly Worker[], log: Logger): Promise<void> {
  for (const worker of workers) send(worker, { cartulary: 'stop' });
  const until = performance.now() + STOP_TIMEOUT_MS;
  while (!workers.every(hasEnded) && performance.now() < until) await delay(STOP_POLL_MS);
  for (const worker of workers.filter((one) => !hasEnded(one))) {
    log.error({ pid: worker.process.pid }, `a worker did not stop within ${STOP_TIMEOUT_MS} ms: ending it by force`);
    worker.process.kill('SIGKILL');
  }
}

/** The URL is that of those who have one. */
async function allUp(workers: readonly Worker[]): Promise<string> {
  const urls = workers.map(
    (worker) =>
      new Promise<string>((resolve, reject) => {
        worker.on('message', (message: unknown) => {
          if (!isOurs(message)) return;
          if (message.cartulary === 'up') resolve(message.url);
          if (message.cartulary === 'failed') reject(new Error(message.message));
        });
        worker.once('exit', (code, signal) =>
          reject(new Error(`A worker ended (${signal || String(code)}) at its start.`)),
        );
      }),
  );
  const bound = new AbortController();
  const late = delay(START_TIMEOUT_MS, undefined, { signal: bound.signal }).then(() => {
    throw new Error(`The workers were not up after ${START_TIMEOUT_MS} ms.`);
  });
  late.catch(() => undefined);
  try {
    const all = await Promise.race([Promise.all(urls), late]);
    return all.find((url) => url !== '') ?? '';
  } finally {
    bound.abort();
  }
}

/** What a worker is there for, and what it must not find out by itself. */
export interface Task {
  readonly roles: readonly ProcessRole[];
  readonly databaseUrl: string;
  readonly jwtSecret: string;
  /** Base64. */
  readonly masterKey: string;
}

export type ToWorker =
  | { readonly cartulary: 'begin'; readonly task: Task }
  | { readonly cartulary: 'stop' }
  /** Asks for its metrics. */
  | { readonly cartulary: 'tell'; readonly id: number }
  /** The answer to `gather`: the metrics of every worker that told them in time. */
  | { readonly cartulary: 'gathered'; readonly id: number; readonly metrics: readonly MetricValues[] };

export type ToPrimary =
  /** Asks for its task: what is said to a process before it listens is lost. */
  | { readonly cartulary: 'ready' }
  | { readonly cartulary: 'up'; readonly url: string }
  | { readonly cartulary: 'failed'; readonly message: string }
  | { readonly cartulary: 'gather'; readonly id: number }
  | { readonly cartulary: 'told'; readonly id: number; readonly metrics: MetricValues };

/** Other messages on the same channel are those of Node itself. */
export const isOurs = (message: unknown): message is ToWorker | ToPrimary =>
  typeof message === 'object' && message !== null && 'cartulary' in message;

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
