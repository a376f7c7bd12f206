import type { JetStreamClient } from 'nats';
import type { Logger } from '../../platform/log.ts';
import { acquireLease, type Lease } from '../../engine/follow/lease.ts';
import { createOwner, type Owned } from '../../engine/follow/owner.ts';
import type { EventStore } from '../../eventstore/eventStore.ts';
import { knownOnly } from '../../eventstore/newer.ts';
import { type Pool, withTx } from '../../platform/postgres/pool.ts';
import { RELAY } from '../bus.ts';
import { createStop, delayAfter, isOver, rest } from '../../platform/backoff.ts';
import type { NatsLink } from './natsConnection.ts';
import { ensureStream, lastTold, type NatsStreamSettings } from './jetStream.ts';
import { createPublishing, PUBLISHES_MAX, publishStep, type Step, stepOf } from './publishing.ts';

/** How long a publish waits for its acknowledgement. After that it is unknown whether the message is stored. */
export const PUBLISH_TIMEOUT_MS = 2_000;
const CONNECTION_WAIT_MS = 10_000;
const SAVE_MS = 200;
const RETRY = { delayMs: 100, delayMaxMs: 5_000 };

export interface RelayOptions {
  readonly pool: Pool;
  readonly store: EventStore;
  /** Identifies this process as an owner of the relay's lease. */
  readonly owner: string;
  readonly log: Logger;
  readonly link: NatsLink;
  readonly settings: NatsStreamSettings;
  readonly publishesMax?: number;
}

export interface RelayStatus {
  /** Whether this process runs the relay. */
  readonly running: boolean;
  /** All events up to here are stored in the stream or skipped, as far as this process knows. */
  readonly position: bigint;
  readonly published: number;
  readonly lastError?: string;
}

/** Publishes the whole log to the stream. One process at a time does this. */
export interface Relay {
  start(): void;
  status(): RelayStatus;
  /** Ends the relay and saves its checkpoint. Never rejects. */
  stop(): Promise<void>;
}

interface State {
  position: bigint;
  published: number;
}

/** A follower of the log with a checkpoint. The checkpoint passes an event only when it was acknowledged (or skipped). */
export function createRelay(options: RelayOptions): Relay {
  const { pool, store, log, link } = options;
  const stopping = createStop();
  const state: State = { position: 0n, published: 0 };
  const owner = createOwner<Lease>({
    name: RELAY,
    log,
    // A process without a connection to NATS takes no lease: another process may have one.
    acquire: async (stop) =>
      (await link.connection(stop)) === undefined
        ? undefined
        : acquireLease(pool, { name: RELAY, owner: options.owner, store, log }),
    work: (lease, signal, { note }) => relay(options, { lease, state, signal, note }),
  });
  let running: Promise<void> | undefined;
  return {
    start() {
      running ??= owner.live(stopping.signal);
    },
    status: () => ({
      ...{ running: owner.owned, position: state.position, published: state.published },
      ...(owner.lastError === undefined ? {} : { lastError: owner.lastError }),
    }),
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

interface RelayRun {
  readonly lease: Lease;
  readonly state: State;
  readonly signal: AbortSignal;
  readonly note: Owned['note'];
}

async function relay(options: RelayOptions, { lease, state, signal, note }: RelayRun): Promise<void> {
  const { store, settings, log, publishesMax: max = PUBLISHES_MAX } = options;
  let client = await openStream(options, signal);
  let stored = lease.position;
  state.position = stored;
  const publishing = createPublishing<Step>({
    ...{ max, signal },
    publish: (step) => publishStep(client, step, log),
    onStored: (position) => {
      stored = position;
      state.position = position;
    },
    recover: async (error, failures) => {
      note(error);
      log.warn({ err: error, failures }, 'events could not be published; publishing them again');
      await rest(delayAfter(RETRY, failures), signal);
      if (!isOver(signal)) client = await openStream(options, signal);
    },
  });
  const ended = new AbortController();
  const saving = saveOften(options, lease, { position: () => stored, signal: AbortSignal.any([signal, ended.signal]) });
  let previous = lease.position;
  try {
    const until = AbortSignal.any([signal, publishing.broken]);
    for await (const events of knownOnly(store.follow(previous, { signal: until }))) {
      for (const event of events) {
        await publishing.push(stepOf(event, previous, { prefix: settings.prefix, log }));
        previous = event.position;
        state.published += 1;
      }
    }
    if (isOver(publishing.broken)) throw publishing.broken.reason as Error;
  } finally {
    ended.abort();
    await saving;
    if (!lease.lost.aborted) await save(options.pool, lease, stored).catch(() => undefined);
  }
}

/** Opens the stream. A stream whose newest event is not in the log is purged first. */
async function openStream({ link, store, settings, log }: RelayOptions, signal: AbortSignal): Promise<JetStreamClient> {
  const connection = await link.connection(AbortSignal.any([signal, AbortSignal.timeout(CONNECTION_WAIT_MS)]));
  if (connection === undefined) throw new Error(`NATS has not been reachable for ${CONNECTION_WAIT_MS} ms`);
  const stream = await ensureStream(connection, { store, settings });
  if (!(await lastTold(stream, { store, settings })).ofThisLog) {
    log.warn(
      { stream: stream.name },
      'the stream holds events that the log does not: the log was restored; emptying it',
    );
    await stream.manager.streams.purge(stream.name);
  }
  return connection.jetstream({ timeout: PUBLISH_TIMEOUT_MS });
}

interface Saving {
  readonly position: () => bigint;
  readonly signal: AbortSignal;
}

async function saveOften({ pool, log }: RelayOptions, lease: Lease, { position, signal }: Saving): Promise<void> {
  while (!isOver(signal)) {
    await rest(SAVE_MS, signal);
    try {
      await save(pool, lease, position());
    } catch (error) {
      // A lost lease ends the run anyway. An unreachable database only means that some events are published twice.
      log.warn({ err: error }, 'the relay could not save its checkpoint');
    }
  }
}

async function save(pool: Pool, lease: Lease, position: bigint): Promise<void> {
  if (position === lease.position) return;
  await withTx(pool, (tx) => lease.advance(tx, position));
  lease.moved(position);
}
