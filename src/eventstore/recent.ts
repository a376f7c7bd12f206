import type { RecordedEvent } from './eventStore.ts';

const RECENT_EVENTS_MAX = 4_000;
const RECENT_BYTES_MAX = 8 * 1024 * 1024;

/** An event and its size in bytes. */
export interface SizedEvent {
  readonly event: RecordedEvent;
  readonly bytes: number;
}

export interface Recent {
  /** Position of the newest known event; undefined before `begin`. */
  readonly last: bigint | undefined;
  begin(position: bigint): void;
  /**
   * Adds the events that follow position `follows` (default: the first event's position - 1), without those already here.
   * Returns false, and adds nothing, when no event is new or when there is a gap.
   */
  add(events: readonly SizedEvent[], follows?: bigint): boolean;
  /** At most `limit` events after `position`; undefined when they are not (or no longer) in memory. */
  after(position: bigint, limit: number): RecordedEvent[] | undefined;
  clear(): void;
}

/** The newest events of the log, in order and without gaps, limited in number and bytes. */
export function createRecent(eventsMax = RECENT_EVENTS_MAX, bytesMax = RECENT_BYTES_MAX): Recent {
  let kept: SizedEvent[] = [];
  /** Index in `kept` of the oldest event still kept. */
  let start = 0;
  let bytes = 0;
  let last: bigint | undefined;
  /** All events after this position, up to `last`, are kept. */
  let floor = 0n;

  const size = (): number => kept.length - start;

  function evict(): void {
    while (size() > eventsMax || (bytes > bytesMax && size() > 0)) {
      bytes -= kept[start]!.bytes;
      floor = kept[start]!.event.position;
      start += 1;
    }
    if (start > eventsMax) {
      kept = kept.slice(start);
      start = 0;
    }
  }

  /** Index in `kept` of the oldest event after `position`, which must not be below `floor`. */
  function firstAfter(position: bigint): number {
    let [from, to] = [start, kept.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (kept[middle]!.event.position <= position) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  return {
    get last() {
      return last;
    },
    begin(position) {
      kept = [];
      start = bytes = 0;
      last = floor = position;
    },
    add(events, follows) {
      if (last === undefined || events.length === 0) return false;
      const known = last;
      const fresh = events.filter(({ event }) => event.position > known);
      if (fresh.length === 0 || (follows ?? events[0]!.event.position - 1n) > known) return false;
      for (const sized of fresh) {
        kept.push(sized);
        bytes += sized.bytes;
      }
      last = fresh.at(-1)!.event.position;
      evict();
      return true;
    },
    after(position, limit) {
      if (last === undefined) return undefined;
      if (position >= last) return [];
      if (position < floor) return undefined;
      const from = firstAfter(position);
      return kept.slice(from, from + limit).map(({ event }) => event);
    },
    clear() {
      kept = [];
      start = bytes = 0;
      last = undefined;
    },
  };
}
