import { setMaxListeners } from 'node:events';
import type { Logger } from '../platform/log.ts';
import { acquireLease } from '../engine/follow/lease.ts';
import type { EventStore } from '../eventstore/eventStore.ts';
import { createLag } from '../eventstore/scan.ts';
import type { Pool } from '../platform/postgres/pool.ts';
import { PATIENCE_MS, RETRY } from './attempts.ts';
import { delayAfter, reasonOf, rest } from '../engine/follow/retry.ts';
import type { Bus, ConsumerStatus, RetryPolicy, Subscription } from './bus.ts';
import { consume } from './consumer.ts';
import { logFeed, type OpenFeed } from './feed.ts';
import type { ConsumerDeps, ConsumerLimits } from './run.ts';
import type { Window } from './window.ts';

export const CONSUMER_LIMITS: ConsumerLimits = {
  handlersMax: 64,
  unfinishedMax: 512,
  streamEventsMax: 64,
  beyondMax: 100_000,
  saveMs: 200,
  pollMs: 500,
  stopMs: 4_000,
};

export interface ConsumersOptions {
  readonly pool: Pool;
  readonly store: EventStore;
  /** Who this process is, among those that may own a consumer. */
  readonly owner: string;
  readonly log: Logger;
  readonly retry?: RetryPolicy;
  readonly patienceMs?: number;
  readonly limits?: Partial<ConsumerLimits>;
  readonly openFeed: OpenFeed;
}

interface Consumer {
  readonly subscription: Subscription;
  /** Present while this process owns the consumer. */
  window: Window | undefined;
  lastError: string | undefined;
}

/** How often a process that is not the owner tries to become it. */
const OWN_RETRY_MS = 500;
const RESTART_RETRY = { delayMs: 250, delayMaxMs: 10_000 };

/** Under this name a consumer keeps its checkpoint and its lease. */
export const checkpointOf = (consumer: string): string => `consumer:${consumer}`;

/**
 * What every bus does, wherever its events come from: each consumer goes on from its own checkpoint, in one process at a
 * time. A slow or failing event holds up its stream and the checkpoint, but no other stream.
 */
export function createConsumers(options: ConsumersOptions): Bus {
  const { pool, store } = options;
  const deps: ConsumerDeps = {
    pool,
    store,
    openFeed: options.openFeed,
    log: options.log,
    retry: options.retry ?? RETRY,
    patienceMs: options.patienceMs ?? PATIENCE_MS,
    limits: { ...CONSUMER_LIMITS, ...options.limits },
  };
  const consumers = new Map<string, Consumer>();
  const stopping = new AbortController();
  setMaxListeners(0, stopping.signal);
  let running: Promise<unknown> | undefined;

  return {
    subscribe(subscription) {
      if (running !== undefined) throw new Error(`The bus has started: ${subscription.name} comes too late.`);
      if (consumers.has(subscription.name)) throw new Error(`There are two consumers called ${subscription.name}.`);
      consumers.set(subscription.name, { subscription, window: undefined, lastError: undefined });
    },
    start() {
      running ??= Promise.all(
        [...consumers.values()].map((consumer) => supervise(consumer, deps, options.owner, stopping.signal)),
      );
      return Promise.resolve();
    },
    status: () => statusOf(deps, [...consumers.values()]),
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** Owns the consumer whenever nobody else does, for as long as the process lives. */
async function supervise(consumer: Consumer, deps: ConsumerDeps, owner: string, stop: AbortSignal): Promise<void> {
  let failures = 0;
  const onFailure = (error: unknown): void => {
    consumer.lastError = reasonOf(error);
  };
  while (!stop.aborted) {
    try {
      const owned = await own(consumer, deps, { owner, stop, onFailure });
      failures = 0;
      if (!owned) await rest(OWN_RETRY_MS, stop);
    } catch (error) {
      failures += 1;
      onFailure(error);
      deps.log.error({ err: error, consumer: consumer.subscription.name }, 'a consumer stopped; starting it again');
      await rest(delayAfter({ ...deps.retry, ...RESTART_RETRY }, failures), stop);
    }
  }
}

async function own(
  consumer: Consumer,
  deps: ConsumerDeps,
  { owner, stop, onFailure }: { owner: string; stop: AbortSignal; onFailure: (error: unknown) => void },
): Promise<boolean> {
  const { subscription } = consumer;
  const lease = await acquireLease(deps.pool, {
    name: checkpointOf(subscription.name),
    owner,
    store: deps.store,
    log: deps.log,
  });
  if (lease === undefined) return false;
  try {
    await consume(deps, {
      subscription,
      lease,
      stop,
      onFailure,
      onBegin: (window) => {
        consumer.window = window;
      },
    });
  } finally {
    consumer.window = undefined;
    await lease.release().catch((error: unknown) => onFailure(error));
  }
  return true;
}

async function statusOf(
  { pool, store }: ConsumerDeps,
  consumers: readonly Consumer[],
): Promise<readonly ConsumerStatus[]> {
  const names = consumers.map(({ subscription }) => subscription.name);
  const head = await store.head();
  const { rows } = await pool.query<{ name: string; position: bigint; dead: number }>(
    `SELECT wanted.name, coalesce(checkpoints.position, 0) AS position,
       (SELECT count(*)::int FROM dead_letters
        WHERE consumer = wanted.name AND status IN ('dead', 'retry', 'skip')) AS dead
     FROM unnest($1::text[]) AS wanted (name)
     LEFT JOIN checkpoints ON checkpoints.name = 'consumer:' || wanted.name`,
    [names],
  );
  const found = new Map(rows.map((row) => [row.name, row]));
  const lagOf = createLag(store, head.position);
  return Promise.all(
    consumers.map(async ({ subscription: { name }, window, lastError }) => {
      const position = window?.lowWater ?? BigInt(found.get(name)?.position ?? 0);
      return {
        name,
        position,
        lag: await lagOf(position),
        inFlight: window?.unfinished ?? 0,
        deadLetters: found.get(name)?.dead ?? 0,
        ...(lastError === undefined ? {} : { lastError }),
      };
    }),
  );
}


export type EmbeddedBusOptions = Omit<ConsumersOptions, 'openFeed'>;

/** The bus on Postgres alone: every consumer follows the log itself. */
export const createEmbeddedBus = (options: EmbeddedBusOptions): Bus =>
  createConsumers({ ...options, openFeed: logFeed(options.store) });
