import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { createBell } from '../../src/eventstore/bell.ts';
import {
  NO_STREAM,
  READ_PAGE,
  type AppendResult,
  type EventStore,
  type RecordedEvent,
} from '../../src/eventstore/eventStore.ts';
import { serialise, type SerialisedEvent } from '../../src/eventstore/serialise.ts';
import { recorded } from '../../src/eventstore/upcast.ts';

/** The port in memory, with the promises of a real log; every call takes a turn of the event loop, as a real one would. */
export function createMemoryEventStore(): EventStore {
  const log: RecordedEvent[] = [];
  const streams = new Map<string, RecordedEvent[]>();
  const byId = new Map<string, RecordedEvent>();
  const epoch = randomUUID();
  const grown = createBell();
  const closing = new AbortController();
  const eventsOf = (stream: string): RecordedEvent[] => streams.get(stream) ?? [];

  function append(stream: string, expected: bigint, events: readonly SerialisedEvent[]): AppendResult {
    const known = events.flatMap(({ id }) => byId.get(id) ?? []);
    const last = known.at(-1);
    if (known.length === events.length && last !== undefined && known.every((event) => event.stream === stream)) {
      return { outcome: 'appended', position: last.position, revision: last.revision, repeated: true };
    }
    const before = eventsOf(stream);
    const actual = before.at(-1)?.revision ?? NO_STREAM;
    if (actual !== expected) return { outcome: 'conflict', actual };
    if (known.length > 0 || new Set(events.map(({ id }) => id)).size < events.length) {
      throw new Error('an event id is known already');
    }
    const added = events.map(({ id, type, data, metadata }, index) => {
      const place = { position: BigInt(log.length + index + 1), revision: expected + BigInt(index + 1) };
      return recorded({ ...place, stream, id, type, data, metadata });
    });
    log.push(...added);
    streams.set(stream, [...before, ...added]);
    for (const event of added) byId.set(event.id, event);
    grown.ring();
    const { position, revision } = added.at(-1)!;
    return { outcome: 'appended', position, revision, repeated: false };
  }

  const turn = async <T>(work: () => T): Promise<T> => {
    await setImmediate();
    return work();
  };
  const page = (after: bigint, limit: number): RecordedEvent[] => log.slice(Number(after), Number(after) + limit);

  async function* follow(
    after: bigint,
    { signal, limit = READ_PAGE }: { signal: AbortSignal; limit?: number },
  ): AsyncGenerator<readonly RecordedEvent[]> {
    const ended = AbortSignal.any([signal, closing.signal]);
    let last = after;
    while (!ended.aborted) {
      const heard = grown.rings;
      const events = page(last, limit);
      if (events.length === 0) await grown.next(heard, { signal: ended });
      else {
        last = events.at(-1)!.position;
        yield events;
      }
    }
  }

  return {
    async append(stream, expected, events) {
      const serialised = serialise(stream, events);
      if (expected < NO_STREAM) throw new RangeError(`no stream is ever at revision ${expected}`);
      return turn(() => append(stream, expected, serialised));
    },
    read: (stream, from = 0n, limit = READ_PAGE) =>
      turn(() =>
        eventsOf(stream)
          .slice(Number(from < 0n ? 0n : from))
          .slice(0, limit),
      ),
    find: (stream, ids) => turn(() => eventsOf(stream).filter(({ id }) => ids.includes(id))),
    readAll: (after, limit = READ_PAGE) => turn(() => page(after, limit)),
    follow,
    head: () => turn(() => ({ epoch, position: BigInt(log.length) })),
    ping: () => turn(() => undefined),
    close: () => turn(() => closing.abort()),
  };
}
