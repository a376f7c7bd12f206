import type { EventStore, RecordedEvent } from './eventStore.ts';
import { isNewerVersion, newerVersion, type NewerEvents, stopAt } from './newer.ts';

/** Brings an event's data from one schema version to the next. Pure. The n-th upcaster of a type turns version n into n + 1. */
export type Upcaster = (data: Readonly<Record<string, unknown>>) => Record<string, unknown>;
/** Stands in upcasters that have an entry for every type that this code knows. */
const EVERY_TYPE = Symbol('every type');
/**
 * All shape changes, by event type, oldest first. A type without an entry is at version 1. With `EVERY_TYPE`, a type without an entry is
 * one that only a newer version of the code knows, and so is a later schema version.
 */
export type Upcasters = Readonly<Partial<Record<string, readonly Upcaster[]>>> & { readonly [EVERY_TYPE]?: true };

/** An event as the log stores it, not parsed. */
export interface StoredEvent {
  readonly position: bigint;
  readonly stream: string;
  readonly revision: bigint;
  readonly id: string;
  readonly type: string;
  /** JSON text. */
  readonly data: string;
  readonly metadata: string;
}

/** A stored event that the driver has parsed. Data that it could not parse is text or bytes. */
export type ParsedEvent = Omit<StoredEvent, 'data' | 'metadata'> & {
  readonly data: unknown;
  readonly metadata: unknown;
};

/** The schema version in which events of this type are recorded now. */
export const schemaOf = (upcasters: Upcasters, type: string): number => (upcastersOf(upcasters, type)?.length ?? 0) + 1;

/** A type may be named like something that every object has (`constructor`): that is no list. */
function upcastersOf(upcasters: Upcasters, type: string): readonly Upcaster[] | undefined {
  const steps: unknown = upcasters[type];
  return Array.isArray(steps) ? (steps as readonly Upcaster[]) : undefined;
}

/**
 * Parses a stored event, in the version in which it was recorded. Never throws: if the event cannot be parsed, reading
 * `data` or `metadata` of the returned event throws. So a bad event fails only the code that reads it.
 */
export function recorded(stored: StoredEvent): RecordedEvent {
  const { position, stream, revision, id, type } = stored;
  try {
    const data = parseObject(stored.data, 'data');
    const metadata = parseObject(stored.metadata, 'metadata') as RecordedEvent['metadata'];
    return { position, stream, revision, id, type, data, metadata };
  } catch (error) {
    return poison(stored, error);
  }
}

/** Like `recorded`, for an event that the driver has parsed. */
export function understood(parsed: ParsedEvent): RecordedEvent {
  const { position, stream, revision, id, type } = parsed;
  try {
    const data = objectOf(parsed.data, 'data');
    const metadata = objectOf(parsed.metadata, 'metadata') as RecordedEvent['metadata'];
    return { position, stream, revision, id, type, data, metadata };
  } catch (error) {
    return poison({ ...parsed, data: textOf(parsed.data), metadata: textOf(parsed.metadata) }, error);
  }
}

/** The event in its current shape. Never throws. An event of a newer, unknown version is unreadable as in `recorded`. */
export function upcast(upcasters: Upcasters, event: RecordedEvent, newer?: NewerEvents): RecordedEvent {
  if (poisonOf(event) !== undefined) return event;
  const steps = upcastersOf(upcasters, event.type);
  const { schema } = event.metadata;
  const current = (steps?.length ?? 0) + 1;
  if (upcasters[EVERY_TYPE] && (steps === undefined || schema > current))
    return unknown(event, steps !== undefined, newer);
  if (schema === current) return event;
  try {
    return raised(event, steps ?? []);
  } catch (error) {
    return poison(keptOf(event), error);
  }
}

function raised(event: RecordedEvent, steps: readonly Upcaster[]): RecordedEvent {
  const { schema } = event.metadata;
  const current = steps.length + 1;
  if (!Number.isSafeInteger(schema) || schema < 1) throw new Error(`${event.type} has no schema version`);
  if (schema > current) {
    throw new Error(`${event.type} is of schema version ${schema}; this code knows versions up to ${current}`);
  }
  const data = steps
    .slice(schema - 1)
    .reduce<Record<string, unknown>>((older, step) => step(older), event.data as Record<string, unknown>);
  const newer = { ...event, data, metadata: { ...event.metadata, schema: current } };
  originals.set(newer, event);
  return newer;
}

/** An event that only a newer version knows: unreadable, and followers stop before it unless they are to pass it. */
function unknown(event: RecordedEvent, isOfKnownType: boolean, newer: NewerEvents = {}): RecordedEvent {
  const reason = newerVersion(event.type, isOfKnownType ? event.metadata.schema : undefined);
  const unreadable = poison(keptOf(event), reason);
  if (newer.pass !== true) stopAt(unreadable, reason);
  newer.met?.(event);
  return unreadable;
}

/** Upcasters with an entry for every type that the code knows. */
export const complete = (upcasters: Upcasters, types: readonly string[]): Upcasters => ({
  ...Object.fromEntries(types.map((type) => [type, []])),
  ...upcasters,
  [EVERY_TYPE]: true,
});

/** Wraps a log, so that its readers get every event in its current shape. */
export function upcasting(store: EventStore, upcasters: Upcasters, newer: NewerEvents = {}): EventStore {
  const raise = (events: readonly RecordedEvent[]): RecordedEvent[] =>
    events.map((event) => upcast(upcasters, event, newer));
  const known = upcasters[EVERY_TYPE] && newer.pass !== true ? Object.keys(upcasters) : undefined;
  async function* raiseAll(pages: AsyncIterable<readonly RecordedEvent[]>): AsyncIterable<readonly RecordedEvent[]> {
    for await (const page of pages) yield raise(page);
  }
  const { scan } = store;
  return {
    ...store,
    read: async (...args) => raise(await store.read(...args)),
    find: async (...args) => raise(await store.find(...args)),
    readAll: async (...args) => raise(await store.readAll(...args)),
    readBack: async (...args) => raise(await store.readBack(...args)),
    readAllBack: async (...args) => raise(await store.readAllBack(...args)),
    async locate(...args) {
      const located = await store.locate(...args);
      return { ...located, events: raise(located.events) };
    },
    ...(scan === undefined
      ? {}
      : { scan: (range) => raiseAll(scan(known === undefined ? range : { ...range, known })) }),
    follow: (...args) => raiseAll(store.follow(...args)),
  };
}

/** The original of each upcast event. */
const originals = new WeakMap<RecordedEvent, RecordedEvent>();
const poisoned = new WeakMap<RecordedEvent, StoredEvent>();

/** The stored texts of an unreadable event, for example to park it; undefined when the event can be read. */
export const poisonOf = (event: RecordedEvent): StoredEvent | undefined => poisoned.get(event);

/** An event as the log stores it, without upcasting, readable or not. For code that copies events. */
export function keptOf(event: RecordedEvent): StoredEvent {
  const unread = poisonOf(event);
  if (unread !== undefined) return unread;
  const { position, stream, revision, id, type, data, metadata } = originals.get(event) ?? event;
  return { position, stream, revision, id, type, data: JSON.stringify(data), metadata: JSON.stringify(metadata) };
}

function poison(stored: StoredEvent, cause: unknown): RecordedEvent {
  const { position, stream, revision, id, type } = stored;
  const fail = (): never => {
    if (isNewerVersion(cause)) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`event ${id} (${type}, ${stream}@${revision}) cannot be read: ${reason}`, { cause });
  };
  const event = {
    position,
    stream,
    revision,
    id,
    type,
    get data(): RecordedEvent['data'] {
      return fail();
    },
    get metadata(): RecordedEvent['metadata'] {
      return fail();
    },
  };
  poisoned.set(event, stored);
  return event;
}

const parseObject = (text: string, what: string): object => objectOf(JSON.parse(text), what);

function objectOf(value: unknown, what: string): object {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
    throw new Error(`its ${what} is no object`);
  }
  return value;
}

function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (typeof value === 'string') return value;
  return value === undefined ? '' : JSON.stringify(value);
}
