import {
  AckPolicy,
  DeliverPolicy,
  DiscardPolicy,
  NatsError,
  nanos,
  RetentionPolicy,
  StorageType,
  type Consumer,
  type ConsumerConfig,
  type JetStreamManager,
  type NatsConnection,
  type StreamConfig,
  type StreamInfo,
} from 'nats';
import type { EventStore } from '../../eventstore/eventStore.ts';
import { fromMessage } from './message.ts';

export const DUPLICATE_WINDOW_MS = 120_000;
/** Time limit of JetStream API calls, so that no call waits without limit for a server that hangs. */
const API_TIMEOUT_MS = 5_000;

export interface NatsStreamSettings {
  /** First part of every subject: `cartulary` in `cartulary.order.OrderPlaced`. */
  readonly prefix: string;
  /** Older events are removed from the stream. The log keeps them. */
  readonly maxAgeMs: number;
  /** -1: no limit. */
  readonly maxBytes: number;
  /** Number of servers of a cluster that keep the stream. */
  readonly replicas: number;
  /** Publishing an event again within this time stores it once. */
  readonly duplicateWindowMs: number;
}

export const STREAM_SETTINGS: NatsStreamSettings = {
  prefix: 'cartulary',
  maxAgeMs: 7 * 86_400_000,
  maxBytes: -1,
  replicas: 1,
  duplicateWindowMs: DUPLICATE_WINDOW_MS,
};

export interface DurableSettings {
  readonly ackWaitMs: number;
  readonly maxAckPending: number;
}

/** Each log has its own stream, so that two shops, or a replaced log and its predecessor, are never mixed up. */
export const streamNameOf = (epoch: string): string => `CARTULARY_${epoch.replaceAll('-', '')}`;
/** JetStream names must not contain dots, spaces or wildcards. */
const durableNameOf = (consumer: string): string => consumer.replaceAll(/[^\w-]/g, '_');

export interface StreamDeps {
  readonly store: Pick<EventStore, 'head' | 'read'>;
  readonly settings: NatsStreamSettings;
}

export interface OpenStream {
  readonly name: string;
  readonly manager: JetStreamManager;
}

const isMissing = (error: unknown): boolean => error instanceof NatsError && error.code === '404';

async function found<T>(ask: Promise<T>): Promise<T | undefined> {
  try {
    return await ask;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

const configOf = (name: string, settings: NatsStreamSettings): Partial<StreamConfig> & { name: string } => ({
  name,
  description: 'Every event of a Cartulary shop, in log order; the shop makes this stream anew when it is gone',
  subjects: [`${settings.prefix}.>`],
  storage: StorageType.File,
  retention: RetentionPolicy.Limits,
  discard: DiscardPolicy.Old,
  max_age: nanos(settings.maxAgeMs),
  max_bytes: settings.maxBytes,
  num_replicas: settings.replicas,
  duplicate_window: nanos(Math.min(settings.duplicateWindowMs, settings.maxAgeMs)),
});

const differs = (actual: StreamConfig, wanted: Partial<StreamConfig>): boolean =>
  (['max_age', 'max_bytes', 'num_replicas', 'duplicate_window'] as const).some((key) => actual[key] !== wanted[key]) ||
  String(actual.subjects) !== String(wanted.subjects);

async function create(manager: JetStreamManager, config: ReturnType<typeof configOf>): Promise<StreamInfo> {
  try {
    return await manager.streams.add(config);
  } catch (error) {
    const subject = config.subjects![0]!;
    const other = await manager.streams.find(subject).catch(() => undefined);
    if (other === undefined || other === config.name) throw error;
    throw new Error(
      `the subjects ${subject} belong to the stream ${other} of another log: ` +
        'set NATS_PREFIX to another prefix, or delete that stream if its log is gone',
      { cause: error },
    );
  }
}

/** Creates the log's stream, or updates its settings, if needed. */
export async function ensureStream(connection: NatsConnection, deps: StreamDeps): Promise<OpenStream> {
  const manager = await connection.jetstreamManager({ timeout: API_TIMEOUT_MS });
  const { epoch } = await deps.store.head();
  const config = configOf(streamNameOf(epoch), deps.settings);
  const info = await found(manager.streams.info(config.name));
  if (info === undefined) await create(manager, config);
  else if (differs(info.config, config)) await manager.streams.update(config.name, config);
  return { name: config.name, manager };
}

export interface Told {
  /** Position of the newest event in the stream; 0 when there is none. */
  readonly position: bigint;
  /** False when the log does not have this event: it was restored to an earlier point and then got other events. */
  readonly ofThisLog: boolean;
}

/** The position of the stream's newest event, and whether the log has that event. */
export async function lastTold({ name, manager }: OpenStream, { store }: StreamDeps): Promise<Told> {
  const { state } = await manager.streams.info(name);
  if (state.messages === 0) return { position: 0n, ofThisLog: true };
  const last = await found(manager.streams.getMessage(name, { seq: state.last_seq }));
  const incoming = last === undefined ? undefined : fromMessage(last);
  const position = incoming?.position ?? 0n;
  if (incoming?.event === undefined) return { position, ofThisLog: true };
  const { event } = incoming;
  const [held] = await store.read(event.stream, event.revision, 1);
  return { position, ofThisLog: held?.id === event.id && held.position === position };
}

const durableConfig = (name: string, durable: DurableSettings): Partial<ConsumerConfig> => ({
  durable_name: name,
  ack_policy: AckPolicy.Explicit,
  ack_wait: nanos(durable.ackWaitMs),
  max_ack_pending: durable.maxAckPending,
  // The consumer makes its own dead letters. A message that JetStream gave up would be lost without notice.
  max_deliver: -1,
  // Earlier events are read from the log.
  deliver_policy: DeliverPolicy.New,
});

const UPDATABLE = ['ack_wait', 'max_ack_pending', 'max_deliver'] as const;
/** Whether the consumer is a pull consumer with acknowledgements. Another program may have made one of this name that is not. */
const isPull = (config: ConsumerConfig): boolean =>
  !('deliver_subject' in config) && config.ack_policy === AckPolicy.Explicit;

/** The durable pull consumer of one handler. Created if missing, replaced if of the wrong kind, updated if settings differ. */
export async function ensureDurable(
  connection: NatsConnection,
  { name, manager }: OpenStream,
  { consumer, durable }: { consumer: string; durable: DurableSettings },
): Promise<Consumer> {
  const durableName = durableNameOf(consumer);
  const wanted = durableConfig(durableName, durable);
  const actual = (await found(manager.consumers.info(name, durableName)))?.config;
  if (actual === undefined) {
    await manager.consumers.add(name, wanted);
  } else if (!isPull(actual)) {
    await manager.consumers.delete(name, durableName);
    await manager.consumers.add(name, wanted);
  } else if (UPDATABLE.some((key) => actual[key] !== wanted[key])) {
    await manager.consumers.update(name, durableName, wanted);
  }
  return connection.jetstream({ timeout: API_TIMEOUT_MS }).consumers.get(name, durableName);
}
