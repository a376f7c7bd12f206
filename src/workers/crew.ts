import cluster, { type Worker } from 'node:cluster';
import { setTimeout as delay } from 'node:timers/promises';
import { ConfigError, type ConfigProblem } from '../config/config.ts';
import type { ProcessRole } from '../config/settings.ts';
import { type Backoff, delayAfter } from '../platform/backoff.ts';
import type { Logger } from '../platform/log.ts';
import type { MetricValues } from '../http/pages/metrics.ts';

const START_TIMEOUT_MS = 60_000;
/** The delay before a worker that ended is replaced, ms; it grows while workers end within `LASTING_MS`. */
const RESTART: Backoff = { delayMs: 250, delayMaxMs: 10_000 };
const LASTING_MS = 60_000;
/** Short enough for the primary to stop the database within its own limit, ms. */
const STOP_TIMEOUT_MS = 7_000;
const STOP_POLL_MS = 20;

export interface CrewOptions {
  /** One worker is started for each. */
  readonly posts: readonly (readonly ProcessRole[])[];
  readonly task: Omit<Task, 'roles'>;
  readonly log: Logger;
}

export interface Crew {
  /** Resolves with the URL once every worker is up; rejects with the reason of the first that fails, or after 60 s. */
  start(): Promise<string>;
  /** Resolves when every worker has ended or was killed. */
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
  // A worker that is ending gets no more messages; that is not an error.
  if (worker.isConnected()) worker.send(message, () => undefined);
};

const hasEnded = (worker: Worker): boolean => worker.isDead() || worker.process.exitCode !== null;

/** Keeps one worker running per post: a worker that ends is replaced. */
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
    worker.on('error', (error) => log.warn({ err: error, roles: post.roles }, 'a worker could not be reached'));
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

const failureOf = ({ message, problems }: Extract<ToPrimary, { cartulary: 'failed' }>): Error =>
  problems === undefined ? new Error(message) : new ConfigError(problems);

/** Resolves with the URL of the workers that serve HTTP, once all workers are up. */
async function allUp(workers: readonly Worker[]): Promise<string> {
  const urls = workers.map(
    (worker) =>
      new Promise<string>((resolve, reject) => {
        worker.on('message', (message: unknown) => {
          if (!isOurs(message)) return;
          if (message.cartulary === 'up') resolve(message.url);
          if (message.cartulary === 'failed') reject(failureOf(message));
        });
        worker.once('exit', (code, signal) =>
          reject(new Error(`A worker ended (${signal || String(code)}) while it started.`)),
        );
      }),
  );
  const bound = new AbortController();
  const late = delay(START_TIMEOUT_MS, undefined, { signal: bound.signal }).then(() => {
    throw new Error(`The workers did not start within ${START_TIMEOUT_MS} ms.`);
  });
  late.catch(() => undefined);
  try {
    const all = await Promise.race([Promise.all(urls), late]);
    return all.find((url) => url !== '') ?? '';
  } finally {
    bound.abort();
  }
}

/** The roles of a worker, and the settings that it must take from the primary. */
export interface Task {
  readonly roles: readonly ProcessRole[];
  readonly databaseUrl: string;
  readonly jwtSecret: string;
  /** Base64. */
  readonly masterKey: string;
  readonly formerMasterKeys: readonly string[];
}

export type ToWorker =
  | { readonly cartulary: 'begin'; readonly task: Task }
  | { readonly cartulary: 'stop' }
  /** Asks the worker for its metrics. */
  | { readonly cartulary: 'tell'; readonly id: number }
  /** The answer to `gather`: the metrics of every worker that answered in time. */
  | { readonly cartulary: 'gathered'; readonly id: number; readonly metrics: readonly MetricValues[] };

export type ToPrimary =
  /** Asks for its task, because a message to a process that does not listen yet is lost. */
  | { readonly cartulary: 'ready' }
  | { readonly cartulary: 'up'; readonly url: string }
  /** `problems`: the settings are wrong. */
  | { readonly cartulary: 'failed'; readonly message: string; readonly problems?: readonly ConfigProblem[] }
  | { readonly cartulary: 'gather'; readonly id: number }
  | { readonly cartulary: 'told'; readonly id: number; readonly metrics: MetricValues };

/** Distinguishes our messages from those that Node itself sends on the same channel. */
export const isOurs = (message: unknown): message is ToWorker | ToPrimary =>
  typeof message === 'object' && message !== null && 'cartulary' in message;

/** How long the primary waits for the metrics of its workers, ms; workers that do not answer in time are left out. */
const TELL_TIMEOUT_MS = 2_000;

interface Round {
  readonly missing: Set<number>;
  readonly metrics: MetricValues[];
  readonly done: () => void;
}

/** Lets any worker answer for all: the worker that is asked for metrics gets those of every worker that is up. */
function createGathering(send: (worker: Worker, message: ToWorker) => void) {
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
