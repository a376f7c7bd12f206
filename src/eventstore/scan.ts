import type { EventStore, Range, RecordedEvent } from './eventStore.ts';
import { isUnknown, knownOnly } from './newer.ts';

/** Events per page for stores without a `scan` of their own. */
const SCAN_PAGE = 1_000;

type Readable = Pick<EventStore, 'readAll' | 'scan'>;

/**
 * All events of a range, in order, in batches. Uses the store's own `scan` if it has one. Throws at an event that only a newer version
 * knows, of whatever type.
 */
export const scan = (store: Readable, range: Range): AsyncIterable<readonly RecordedEvent[]> =>
  knownOnly(store.scan?.(range) ?? scanPages(store, range));

async function* scanPages(store: Readable, { types, after, upTo }: Range): AsyncGenerator<readonly RecordedEvent[]> {
  const wanted = new Set(types);
  for await (const page of pagesUpTo(store, after, upTo)) {
    const events = page.filter((event) => wanted.has(event.type) || isUnknown(event));
    if (events.length > 0) yield events;
  }
}

/** All events after one position up to another. Reads the next page while the caller works on the current one. */
export async function* pagesUpTo(
  store: Pick<EventStore, 'readAll'>,
  after: bigint,
  upTo: bigint,
): AsyncGenerator<readonly RecordedEvent[]> {
  let last = after;
  let next = last < upTo ? store.readAll(last, SCAN_PAGE) : undefined;
  while (next !== undefined) {
    const page = await next;
    const end = page.at(-1)?.position;
    if (end === undefined) throw new Error(`the log ends at ${last}, before ${upTo}`);
    last = end;
    next = last < upTo ? store.readAll(last, SCAN_PAGE) : undefined;
    // The page is awaited above. If the caller stops before that, its failure does not matter.
    next?.catch(() => undefined);
    yield last > upTo ? page.filter(({ position }) => position <= upTo) : page;
  }
}

/** Without contiguous positions, events are counted by reading them, up to this number plus one. */
export const EVENTS_COUNTED_MAX = 1_000;

type Countable = Pick<EventStore, 'contiguous' | 'readAll'>;

/**
 * The number of events after one event's position (or 0) up to another. Without contiguous positions, a count above
 * `EVENTS_COUNTED_MAX` is returned as that number plus one.
 */
export async function eventsBetween(store: Countable, after: bigint, upTo: bigint): Promise<bigint> {
  if (after >= upTo) return 0n;
  if (store.contiguous) return upTo - after;
  const page = await store.readAll(after, EVENTS_COUNTED_MAX + 1);
  return BigInt(page.filter(({ position }) => position <= upTo).length);
}

/** Counts the events up to this head for many followers. Counts only once for followers at the same position. */
export function createLag(store: Countable, head: bigint): (position: bigint) => Promise<bigint> {
  const counted = new Map<bigint, Promise<bigint>>();
  return (position) => {
    const known = counted.get(position) ?? eventsBetween(store, position, head);
    counted.set(position, known);
    return known;
  };
}
