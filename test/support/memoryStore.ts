import type fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { createSignal } from '../../src/platform/signal.ts';
import {
  LOCATE_EVENTS_MAX,
  NO_STREAM,
  READ_PAGE,
  type AppendResult,
  type EventStore,
  type Located,
  type RecordedEvent,
} from '../../src/eventstore/eventStore.ts';
import { serialise, type SerialisedEvent } from '../../src/eventstore/serialise.ts';
import { recorded } from '../../src/eventstore/upcast.ts';

/** Distance between two positions of a sparse log. It is a prime, so that code fails if it counts positions. */
export const SPARSE = 977n;

/**
 * The event store in memory, with the promises of a real log. Every call takes a turn of the event loop, as a real one would. With
 * a `stride`, positions do not count events, and only positions of events are accepted as starting points.
 */
export function createMemoryEventStore({ stride = 1n }: { stride?: bigint } = {}): EventStore {
  const log: RecordedEvent[] = [];
  const streams = new Map<string, RecordedEvent[]>();
  const byId = new Map<string, RecordedEvent>();
  const epoch = randomUUID();
  const grown = createSignal();
  const closing = new AbortController();
  const headPosition = (): bigint => BigInt(log.length) * stride;
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
      const place = { position: headPosition() + BigInt(index + 1) * stride, revision: expected + BigInt(index + 1) };
      return recorded({ ...place, stream, id, type, data, metadata });
    });
    log.push(...added);
    streams.set(stream, [...before, ...added]);
    for (const event of added) byId.set(event.id, event);
    grown.raise();
    const { position, revision } = added.at(-1)!;
    return { outcome: 'appended', position, revision, repeated: false };
  }

  const turn = async <T>(work: () => T): Promise<T> => {
    await setImmediate();
    return work();
  };
  function page(after: bigint, limit: number): RecordedEvent[] {
    if (stride > 1n && (after % stride !== 0n || after > headPosition()))
      throw new RangeError(`no event is at ${after}`);
    const from = Number(after / stride);
    return log.slice(from, from + limit);
  }

  /** Searches backwards and only so far, like a log that has no index of ids. */
  function locate(ids: readonly string[], before: bigint): Located {
    const wanted = new Set(ids);
    const events: RecordedEvent[] = [];
    const end = log.findLastIndex(({ position }) => position < before);
    const start = Math.max(0, end + 1 - LOCATE_EVENTS_MAX);
    for (let at = end; at >= start && events.length < wanted.size; at -= 1) {
      if (wanted.has(log[at]!.id)) events.push(log[at]!);
    }
    return { events, complete: events.length === wanted.size || start === 0 };
  }

  async function* follow(
    after: bigint,
    { signal, limit = READ_PAGE }: { signal: AbortSignal; limit?: number },
  ): AsyncGenerator<readonly RecordedEvent[]> {
    const ended = AbortSignal.any([signal, closing.signal]);
    let last = after;
    while (!ended.aborted) {
      const seen = grown.count;
      const events = page(last, limit);
      if (events.length === 0) await grown.next(seen, { signal: ended });
      else {
        last = events.at(-1)!.position;
        yield events;
      }
    }
  }

  return {
    contiguous: stride === 1n,
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
    locate: (ids, before) => turn(() => locate(ids, before)),
    readAll: (after, limit = READ_PAGE) => turn(() => page(after, limit)),
    readBack: (stream, before, limit = READ_PAGE) =>
      turn(() =>
        eventsOf(stream)
          .filter(({ revision }) => before === undefined || revision < before)
          .slice(-limit)
          .reverse(),
      ),
    readAllBack: (before, limit = READ_PAGE) =>
      turn(() =>
        log
          .filter(({ position }) => before === undefined || position < before)
          .slice(-limit)
          .reverse(),
      ),
    follow,
    head: () => turn(() => ({ epoch, position: headPosition() })),
    ping: () => turn(() => undefined),
    close: () => turn(() => closing.abort()),
  };
}

/** A store whose calls take turns in an order that the property chooses. */
export function inAnyOrder(scheduler: fc.Scheduler, store: EventStore): EventStore {
  return {
    ...store,
    append: scheduler.scheduleFunction((...asked: Parameters<EventStore['append']>) => store.append(...asked)),
    read: scheduler.scheduleFunction((...asked: Parameters<EventStore['read']>) => store.read(...asked)),
    find: scheduler.scheduleFunction((...asked: Parameters<EventStore['find']>) => store.find(...asked)),
  };
}
