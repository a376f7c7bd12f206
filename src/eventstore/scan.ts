import type { EventStore, Range, RecordedEvent } from './eventStore.ts';

/** Events per page where a store has no faster way. */
export const SCAN_PAGE = 1_000;

type Readable = Pick<EventStore, 'readAll' | 'scan'>;

/** Every event of a range, in order, some at a time, as fast as this store can tell them. */
export const scan = (store: Readable, range: Range): AsyncIterable<readonly RecordedEvent[]> =>
  store.scan?.(range) ?? scanPages(store, range);

async function* scanPages(store: Readable, { types, after, upTo }: Range): AsyncGenerator<readonly RecordedEvent[]> {
  const wanted = new Set(types);
  for await (const page of pagesUpTo(store, after, upTo)) {
    const events = page.filter(({ type }) => wanted.has(type));
    if (events.length > 0) yield events;
  }
}

/** Every event after one place up to another; the next page is read while the one before is worked on. */
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
    // It is awaited above; should nobody ask for it, its failure is nobody's affair.
    next?.catch(() => undefined);
    yield last > upTo ? page.filter(({ position }) => position <= upTo) : page;
  }
}

/** Where positions do not count events, events are counted by reading them, and no more of them than these. */
export const EVENTS_COUNTED_MAX = 1_000;

type Countable = Pick<EventStore, 'contiguous' | 'readAll'>;

/**
 * How many events lie after one event (or 0) up to another; where positions do not count events, more than
 * `EVENTS_COUNTED_MAX` are told as one more than that.
 */
export async function eventsBetween(store: Countable, after: bigint, upTo: bigint): Promise<bigint> {
  if (after >= upTo) return 0n;
  if (store.contiguous) return upTo - after;
  const page = await store.readAll(after, EVENTS_COUNTED_MAX + 1);
  return BigInt(page.filter(({ position }) => position <= upTo).length);
}

/** Counts events up to this head for many followers: where several have come equally far, only once. */
export function createLag(store: Countable, head: bigint): (position: bigint) => Promise<bigint> {
  const counted = new Map<bigint, Promise<bigint>>();
  return (position) => {
    const known = counted.get(position) ?? eventsBetween(store, position, head);
    counted.set(position, known);
    return known;
  };
}
