import { randomUUID } from 'node:crypto';
import { NO_STREAM as NEW_STREAM, jsonEvent } from '@eventstore/db-client';
import { isRefusal } from '../../errors.ts';
import type { Logger } from '../../platform/log.ts';
import { READ_PAGE, type EventStore, type Head } from '../eventStore.ts';
import { createEventStoreDbAppends } from './appends.ts';
import {
  CALL_DEADLINE_MS,
  createConnection,
  failureOf,
  logUnavailable,
  shareWriter,
  withDeadline,
  type Connection,
} from './client.ts';
import { createWholeLog, endsEarly, type WholeLog } from './allStream.ts';
import { isUnusable, LOG_STREAM, sized, unusable } from './wireEvents.ts';
import { createStreams, readStream } from './streams.ts';
import { createEventStoreDbSubscription } from './subscription.ts';
import { UUID } from '../../platform/ids.ts';
import { createTail } from '../tail.ts';

/** Poll interval. The subscription reports new events at once; polling is for when it is silent. */
const POLL_MS = 1_000;
const LOG_CREATED = 'LogCreated';

export interface EventStoreDbOptions {
  /** `esdb://…` or `esdb+discover://…`; KurrentDB's scheme means the same. */
  readonly url: string;
  readonly log?: Logger;
  /** Deadline of an append, ms. After it the append is answered `unavailable`. */
  readonly deadlineMs?: number;
  /** Time limit of one attempt to send an append, ms. After it the append is looked up. */
  readonly attemptMs?: number;
  /** How long the subscription may fail to report an event that is known to exist, ms. */
  readonly silenceMs?: number;
}

/**
 * The log in EventStoreDB or KurrentDB. Positions are commit positions; the server's own events are left out. Appends use
 * one client of this process and all other calls another, so that only failing appends can cause the appending client to be
 * replaced.
 */
export async function createEventStoreDb(options: EventStoreDbOptions): Promise<EventStore> {
  const { url, log, deadlineMs, attemptMs, silenceMs } = options;
  const { writer, reader } = connect(url, log);
  const streams = createStreams(reader);
  const whole = createWholeLog(reader);
  const onAppended = (position: bigint): void => whole.saw(position);
  const appends = createEventStoreDbAppends({ writer, streams, onAppended, deadlineMs, attemptMs });
  let epoch = '';

  async function head(): Promise<Head> {
    const position = await whole.head().catch(async (error: unknown) => {
      if (!endsEarly(error)) throw error;
      epoch = await anotherEpoch(writer, { epoch, error });
      whole.forget();
      return whole.head();
    });
    return { epoch, position };
  }
  const followers = createFollowers({ reader, whole, head, silenceMs, log });

  async function shutDown(): Promise<void> {
    await Promise.all([appends.close(), followers.close()]);
    await Promise.all([writer.close(), reader.close()]);
  }
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= shutDown());

  try {
    epoch = await epochOf(writer);
    await whole.head();
  } catch (error) {
    await close();
    throw error;
  }

  return {
    contiguous: false,
    append: (stream, expected, events) => appends.append(stream, expected, events),
    read: (stream, from = 0n, limit = READ_PAGE) => streams.read(stream, from, limit),
    find: (stream, ids) => streams.find(stream, ids),
    locate: (ids, before) => whole.locate(ids, before),
    readAll: (after, limit = READ_PAGE) => whole.page(after, limit),
    readBack: (stream, before, limit = READ_PAGE) => streams.readBack(stream, before, limit),
    readAllBack: (before, limit = READ_PAGE) => whole.pageBack(before, limit),
    follow: (after, how) => followers.follow(after, how),
    head,
    async ping() {
      await reader.read((client) => readStream(client, LOG_STREAM, { from: 0n, limit: 1 }));
    },
    close,
  };
}

interface FollowersOptions {
  readonly reader: Connection;
  readonly whole: WholeLog;
  readonly head: () => Promise<Head>;
  readonly silenceMs: number | undefined;
  readonly log: Logger | undefined;
}

/** One subscription serves all followers. Polling the log from time to time detects when the subscription is silent. */
function createFollowers({ reader, whole, head, silenceMs, log }: FollowersOptions): {
  follow: EventStore['follow'];
  close(): Promise<void>;
} {
  const tail = createTail({
    async page(after, limit) {
      const events = await whole.page(after, limit);
      if (events.length > 0) subscription.expect(events.at(-1)!.position);
      return events.map(sized);
    },
    ...{ head, isFatal: isUnusable, appending: () => false, pollMs: POLL_MS, log },
  });
  const subscription = createEventStoreDbSubscription({
    ...{ reader, silenceMs, log },
    head: async () => (await head()).position,
    onEvents(events, follows) {
      whole.saw(events.at(-1)!.position);
      if (tail.active) tail.offer(events.map(sized), follows);
    },
    onGap: () => tail.wake(),
  });
  return {
    follow(after, how) {
      subscription.start();
      return tail.follow(after, how);
    },
    async close() {
      tail.close();
      await subscription.close();
    },
  };
}

/** A log that ends before a known position is another log. But if its epoch is the same, the answer was cut short. */
async function anotherEpoch(writer: Connection, { epoch, error }: { epoch: string; error: unknown }): Promise<string> {
  const now = await epochOf(writer);
  if (now === epoch) throw logUnavailable(error);
  return now;
}

/** Makes both connections. The error for an unusable connection string does not show it, because it may hold a password. */
function connect(url: string, log: Logger | undefined): { writer: Connection; reader: Connection } {
  try {
    const reader = createConnection({ url, appends: false, log });
    return { reader, writer: shareWriter(url, log) };
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    // eslint-disable-next-line preserve-caught-error -- the driver's error contains the connection string, with its password
    throw new Error(`EVENTSTORE_URL cannot be used: ${reason}`);
  }
}

/** The log's epoch. The first process writes it once. This is also the first call on a new connection, and runs alone. */
async function epochOf(writer: Connection): Promise<string> {
  const known = async (): Promise<string | undefined> => {
    const [event] = await writer.read((client) => readStream(client, LOG_STREAM, { from: 0n, limit: 1 }));
    if (event === undefined) return undefined;
    const { epoch } = event.data as { epoch?: unknown };
    if (typeof epoch === 'string' && UUID.test(epoch)) return epoch;
    throw unusable(`the stream ${LOG_STREAM} does not say which log this is`);
  };
  const before = await known();
  if (before !== undefined) return before;
  const event = jsonEvent({ type: LOG_CREATED, data: { epoch: randomUUID() } });
  try {
    const how = { expectedRevision: NEW_STREAM, requiresLeader: true } as const;
    await writer.call((client) => withDeadline(client.appendToStream(LOG_STREAM, event, how), CALL_DEADLINE_MS));
  } catch (error) {
    if (isRefusal(error)) throw error;
    if (failureOf(error) === 'denied') throw logUnavailable(error);
  }
  const now = await known();
  if (now === undefined) throw logUnavailable(new Error(`${LOG_STREAM} could not be written`));
  return now;
}
