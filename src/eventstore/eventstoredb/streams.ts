import { BACKWARDS, END, type EventStoreDBClient, type ResolvedEvent, type StreamingRead } from '@eventstore/db-client';
import { READ_PAGE, type RecordedEvent } from '../eventStore.ts';
import { CALL_DEADLINE_MS, type Connection, failureOf, withDeadline } from './client.ts';
import { eventOf, toRecorded, type WireEvent } from './wireEvents.ts';
import { pageSize } from '../pageSize.ts';
import { UUID } from '../../platform/ids.ts';
import { LRUCache } from 'lru-cache';

/** Collects all events of a streaming read. Cancels the read and rejects after `CALL_DEADLINE_MS`. */
export async function collect(streaming: StreamingRead<ResolvedEvent>): Promise<WireEvent[]> {
  // The client emits `error` even after reading has stopped.
  streaming.on('error', () => undefined);
  const gathering = async (): Promise<WireEvent[]> => {
    const events: WireEvent[] = [];
    for await (const resolved of streaming) {
      const event = eventOf(resolved);
      if (event !== undefined) events.push(event);
    }
    return events;
  };
  return withDeadline(gathering(), CALL_DEADLINE_MS, () => {
    void streaming.cancel().catch(() => undefined);
    streaming.destroy();
  });
}

/** One page of a stream in the client's form; empty when the stream does not exist. */
export async function readStream(
  client: EventStoreDBClient,
  stream: string,
  { from, limit }: { from: bigint; limit: number },
): Promise<WireEvent[]> {
  return ifThere(client.readStream(stream, { fromRevision: from, maxCount: limit, requiresLeader: true }));
}

async function ifThere(streaming: StreamingRead<ResolvedEvent>): Promise<WireEvent[]> {
  try {
    return await collect(streaming);
  } catch (error) {
    if (failureOf(error) === 'not there') return [];
    throw error;
  }
}

export interface Streams {
  wire(stream: string, from: bigint, limit: number): Promise<WireEvent[]>;
  read(stream: string, from: bigint, limit: number): Promise<RecordedEvent[]>;
  /** One page, newest first. */
  readBack(stream: string, before: bigint | undefined, limit: number): Promise<RecordedEvent[]>;
  find(stream: string, ids: readonly string[]): Promise<RecordedEvent[]>;
  /** All event ids in the stream now. */
  idsOf(stream: string): Promise<KnownIds>;
  /** Remembers that these events were appended right after revision `expected`. */
  appended(stream: string, expected: bigint, ids: readonly string[]): void;
}

/** Reads single streams. The server has no index by event id, so ids that were read or appended are remembered here. */
export function createStreams(connection: Connection): Streams {
  const ids = createStreamIds();
  const fetch = (stream: string, from: bigint, limit: number): Promise<WireEvent[]> =>
    connection.read((client) => readStream(client, stream, { from, limit }));
  const idsIn = (events: readonly WireEvent[]): string[] => events.map(({ id }) => id);

  async function wire(stream: string, from: bigint, limit: number): Promise<WireEvent[]> {
    const events = await fetch(stream, from < 0n ? 0n : from, pageSize(limit));
    if (events.length > 0) ids.learn(stream, events[0]!.revision, idsIn(events));
    return events;
  }

  async function idsOf(stream: string): Promise<KnownIds> {
    let known: KnownIds = ids.get(stream) ?? { ids: new Map(), to: -1n };
    for (;;) {
      const from = known.to + 1n;
      const page = await fetch(stream, from, READ_PAGE);
      known = ids.learn(stream, from, idsIn(page), known)!;
      if (page.length < READ_PAGE) return known;
    }
  }

  async function find(stream: string, wanted: readonly string[]): Promise<RecordedEvent[]> {
    const asked = [...new Set(wanted.filter((id) => UUID.test(id)).map((id) => id.toLowerCase()))];
    if (asked.length === 0) return [];
    const known = await idsOf(stream);
    const revisions = asked.flatMap((id) => known.ids.get(id) ?? []).sort((a, b) => (a < b ? -1 : 1));
    const events: RecordedEvent[] = [];
    for (let at = 0; at < revisions.length;) {
      const first = revisions[at]!;
      const within = new Set<bigint>();
      let last = first;
      for (; at < revisions.length && revisions[at]! < first + BigInt(READ_PAGE); at += 1) {
        last = revisions[at]!;
        within.add(last);
      }
      const page = await wire(stream, first, Number(last - first) + 1);
      events.push(...page.filter(({ revision }) => within.has(revision)).map(toRecorded));
    }
    return events;
  }

  async function readBack(stream: string, before: bigint | undefined, limit: number): Promise<RecordedEvent[]> {
    if (before !== undefined && before <= 0n) return [];
    const fromRevision = before === undefined ? END : before - 1n;
    const how = { direction: BACKWARDS, fromRevision, maxCount: pageSize(limit), requiresLeader: true } as const;
    return (await connection.read((client) => ifThere(client.readStream(stream, how)))).map(toRecorded);
  }

  return {
    ...{ wire, readBack, find, idsOf },
    read: async (stream, from, limit) => (await wire(stream, from, limit)).map(toRecorded),
    appended: (stream, expected, added) => void ids.learn(stream, expected + 1n, added),
  };
}

/** Event ids remembered over all streams, at most. */
const STREAM_IDS_MAX = 200_000;

export interface KnownIds {
  /** Revision by id. */
  readonly ids: Map<string, bigint>;
  /** All events up to this revision are included; -1 means none. */
  readonly to: bigint;
}

/** Remembers the event ids of streams, from the beginning of each stream. Stands in for an index by id. */
interface StreamIds {
  get(stream: string): KnownIds | undefined;
  /** Adds consecutive ids from revision `first` on, unless there is a gap to the known ones. Returns the ids known afterwards. */
  learn(stream: string, first: bigint, ids: readonly string[], known?: KnownIds): KnownIds | undefined;
}

/** A stream with `max` events or more is not remembered at all. */
function createStreamIds(max = STREAM_IDS_MAX): StreamIds {
  const streams = new LRUCache<string, { ids: Map<string, bigint>; to: bigint }>({
    maxSize: max,
    sizeCalculation: ({ ids }) => ids.size + 1,
  });
  return {
    get: (stream) => streams.get(stream),
    learn(stream, first, ids, known = streams.get(stream)) {
      const { ids: map, to } = known ?? { ids: new Map<string, bigint>(), to: -1n };
      if (first > to + 1n) return known;
      ids.slice(Number(to + 1n - first)).forEach((id, index) => map.set(id, to + 1n + BigInt(index)));
      const last = first + BigInt(ids.length) - 1n;
      const more = { ids: map, to: last > to ? last : to };
      streams.set(stream, more);
      return more;
    },
  };
}
