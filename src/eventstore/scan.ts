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
