import type { Logger } from '../platform/log.ts';
import { acquireLease, type Lease } from '../engine/follow/lease.ts';
import { createOwner, type Owner } from '../engine/follow/owner.ts';
import type { EventStore } from '../eventstore/eventStore.ts';
import { createLag } from '../eventstore/scan.ts';
import type { Pool } from '../platform/postgres/pool.ts';
import { PATIENCE_MS, RETRY } from './attempts.ts';
import type { Bus, ConsumerStatus, RetryPolicy, Subscription } from './bus.ts';
import { consume } from './consumer.ts';
import { logFeed, type OpenFeed } from './feed.ts';
import type { ConsumerDeps, ConsumerLimits } from './consumerRun.ts';
import type { Window } from './window.ts';
import { createStop } from '../platform/backoff.ts';

const CONSUMER_LIMITS: ConsumerLimits = {
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
  /** Identifies this process as an owner of leases. */
  readonly owner: string;
  readonly log: Logger;
  readonly retry?: RetryPolicy;
  readonly patienceMs?: number;
  readonly limits?: Partial<ConsumerLimits>;
  readonly openFeed: OpenFeed;
}

interface Consumer {
  readonly name: string;
  readonly owner: Owner;
  /** Set while this process owns the consumer. */
  window(): Window | undefined;
}

/** The name of a consumer's checkpoint and lease. */
export const checkpointOf = (consumer: string): string => `consumer:${consumer}`;

/**
 * The common part of every bus, for events from any feed. Each consumer continues from its own checkpoint, in one process at
 * a time. A slow or failing event delays its stream and the checkpoint, but no other stream.
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
  const stopping = createStop();
  let running: Promise<unknown> | undefined;

  return {
    subscribe(subscription) {
      if (running !== undefined)
        throw new Error(`The bus has started already: ${subscription.name} can no longer subscribe.`);
      if (consumers.has(subscription.name)) throw new Error(`There are two consumers called ${subscription.name}.`);
      consumers.set(
        subscription.name,
        createConsumer(deps, subscription, { owner: options.owner, stop: stopping.signal }),
      );
    },
    start() {
      running ??= Promise.all([...consumers.values()].map(({ owner }) => owner.live(stopping.signal)));
      return Promise.resolve();
    },
    status: () => statusOf(deps, [...consumers.values()]),
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** A consumer that this process runs whenever it can get the lease. */
function createConsumer(
  deps: ConsumerDeps,
  subscription: Subscription,
  { owner, stop }: { owner: string; stop: AbortSignal },
): Consumer {
  const { pool, store, log } = deps;
  const name = checkpointOf(subscription.name);
  let window: Window | undefined;
  return {
    name: subscription.name,
    window: () => window,
    owner: createOwner<Lease>({
      name,
      log,
      acquire: () => acquireLease(pool, { name, owner, store, log }),
      work: async (lease, _, { note: onFailure }) => {
        const onBegin = (begun: Window): void => {
          window = begun;
        };
        try {
          await consume(deps, { subscription, lease, stop, onFailure, onBegin });
        } finally {
          window = undefined;
        }
      },
    }),
  };
}

/** The database's record of a consumer. */
interface Kept {
  readonly kept: bigint | number;
  /** False when the checkpoint is one of another log: it says nothing about this one. */
  readonly here: boolean;
  readonly dead: number;
}
const NO_CHECKPOINT: Kept = { kept: 0n, here: true, dead: 0 };

async function statusOf(
  { pool, store }: ConsumerDeps,
  consumers: readonly Consumer[],
): Promise<readonly ConsumerStatus[]> {
  const names = consumers.map(({ name }) => name);
  const head = await store.head();
  const { rows } = await pool.query<Kept & { name: string }>(
    `SELECT wanted.name, coalesce(checkpoints.position, 0) AS kept, coalesce(checkpoints.epoch = $2, true) AS here,
       (SELECT count(*)::int FROM dead_letters
        WHERE consumer = wanted.name AND status IN ('dead', 'retry', 'skip')) AS dead
     FROM unnest($1::text[]) AS wanted (name)
     LEFT JOIN checkpoints ON checkpoints.name = 'consumer:' || wanted.name`,
    [names, head.epoch],
  );
  const found = new Map(rows.map((row) => [row.name, row]));
  const lagOf = createLag(store, head.position);
  return Promise.all(
    consumers.map(async ({ name, owner: { lastError }, ...consumer }) => {
      const window = consumer.window();
      const { kept, here, dead } = found.get(name) ?? NO_CHECKPOINT;
      const position = window?.lowWater ?? BigInt(kept);
      return {
        name,
        position,
        lag: await lagOf(here || window !== undefined ? position : 0n),
        inFlight: window?.unfinished ?? 0,
        deadLetters: dead,
        ...(lastError === undefined ? {} : { lastError }),
      };
    }),
  );
}

export type EmbeddedBusOptions = Omit<ConsumersOptions, 'openFeed'>;

/** The bus on Postgres alone: every consumer follows the log itself. */
export const createEmbeddedBus = (options: EmbeddedBusOptions): Bus =>
  createConsumers({ ...options, openFeed: logFeed(options.store) });
