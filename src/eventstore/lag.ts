import type { EventStore } from './eventStore.ts';

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
