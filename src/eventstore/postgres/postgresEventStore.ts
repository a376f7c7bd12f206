import type { Logger } from '../../platform/log.ts';
import { type AppendItem, createAppendQueue } from '../appendQueue.ts';
import { type AppendResult, type EventStore, type NewEvent, NO_STREAM, READ_PAGE } from '../eventStore.ts';
import { createPostgresListener } from './listener.ts';
import { createPostgresReads, isLogHole } from './reads.ts';
import { scanPostgres } from './logScan.ts';
import { createPostgresWriter } from './writer.ts';
import type { SizedEvent } from '../recent.ts';
import { serialise } from '../serialise.ts';
import { createTail } from '../tail.ts';
import { recorded } from '../upcast.ts';

export interface PostgresEventStoreOptions {
  readonly url: string;
  readonly log?: Logger;
  /** Accepts a server with `fsync=off`, which loses acknowledged events in a power cut. For tests only. */
  readonly unsafeWithoutFsync?: boolean;
  /** Called when Postgres refuses to write at all: it is read-only or has no space. */
  readonly onRefused?: (error: unknown) => void;
  /** Deadline of an append, ms. After it the append is answered `unavailable`. */
  readonly deadlineMs?: number;
}

/**
 * The log in Postgres. One writer group-commits the appends. Positions are contiguous and become visible in order, so no
 * follower can skip an event. An append with an unknown outcome is resolved by its event ids, within its deadline.
 */
export async function createPostgresEventStore(options: PostgresEventStoreOptions): Promise<EventStore> {
  const { url, log, unsafeWithoutFsync = false, deadlineMs, onRefused } = options;
  const writer = createPostgresWriter({ url, log, unsafeWithoutFsync, onRefused });
  const reads = createPostgresReads(url, () => tail.forget());
  const tail = createTail({
    page: (after, limit) => reads.page(after, limit),
    head: () => reads.head(),
    isFatal: isLogHole,
    appending: () => queue.size > 0,
    log,
  });
  const queue = createAppendQueue({
    async send(items) {
      const results = await writer.send(items);
      if (tail.active) tail.offer(appendedBy(items, results));
      return results;
    },
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  });
  const listener = createPostgresListener({ url, log, onNews: (position) => tail.wake(position) });

  async function shutDown(): Promise<void> {
    tail.close();
    await queue.close();
    await Promise.all([writer.close(), listener.close(), reads.close()]);
  }
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= shutDown());

  try {
    await writer.connect();
    await reads.head();
  } catch (error) {
    await close();
    throw error;
  }

  return {
    contiguous: true,
    append: async (stream, expected, events) => queue.append(itemOf(stream, expected, events)),
    appendInOrder(appends) {
      if (new Set(appends.map(({ stream }) => stream)).size < appends.length)
        throw new RangeError('one append per stream');
      return writer.send(appends.map(({ stream, expected, events }) => itemOf(stream, expected, events)));
    },
    read: (stream, from = 0n, limit = READ_PAGE) => reads.read(stream, from, limit),
    find: (stream, ids) => reads.find(stream, ids),
    locate: async (ids, before) => ({ events: await reads.locate(ids, before), complete: true }),
    scan: (range) => scanPostgres(url, range),
    readAll: async (after, limit = READ_PAGE) => (await reads.page(after, limit)).map(({ event }) => event),
    readBack: (stream, before, limit = READ_PAGE) => reads.readBack(stream, before, limit),
    readAllBack: (before, limit = READ_PAGE) => reads.pageBack(before, limit),
    follow(after, how) {
      listener.start();
      return tail.follow(after, how);
    },
    head: () => reads.head(),
    ping: () => reads.ping(),
    close,
  };
}

function itemOf(stream: string, expected: bigint, events: readonly NewEvent[]): AppendItem {
  if (expected < NO_STREAM) throw new RangeError(`no stream is ever at revision ${expected}`);
  return { stream, expected, events: serialise(stream, events) };
}

/** The events that a batch added to the log, in order of position, in the form that a reader gets. */
function appendedBy(items: readonly AppendItem[], results: readonly AppendResult[]): SizedEvent[] {
  const added = items.flatMap(({ stream, events }, index): SizedEvent[] => {
    const result = results[index]!;
    if (result.outcome === 'conflict' || result.repeated) return [];
    return events.map(({ id, type, data, metadata, bytes }, at) => {
      const before = BigInt(events.length - 1 - at);
      const place = { position: result.position - before, revision: result.revision - before };
      return { event: recorded({ ...place, stream, id: id.toLowerCase(), type, data, metadata }), bytes };
    });
  });
  return added.sort((a, b) => (a.event.position < b.event.position ? -1 : 1));
}
