import { BACKWARDS, END, FORWARDS, START } from '@eventstore/db-client';
import { LRUCache } from 'lru-cache';
import { perTurnBatch } from '../../platform/perTurnBatch.ts';
import { LOCATE_EVENTS_MAX, READ_PAGE, type Located, type RecordedEvent } from '../eventStore.ts';
import type { Connection } from './client.ts';
import { isOurs, isUnusable, positionOf, toRecorded, type WireEvent } from './wireEvents.ts';
import { collect } from './streams.ts';
import { pageSize } from '../pageSize.ts';
import { UUID } from '../../platform/ids.ts';

/** Fewest events to request in one page of the whole log: some of them are the server's own. */
const WIRE_PAGE_MIN = 64;
/** Events in the first and in later requests for the newest event. */
const HEAD_PAGE = 8;
const HEAD_PAGE_LATER = 256;
/** Remembered runs of events that are not ours, at most. A remembered run is not read again. */
const PASSED_MAX = 256;
const HEADS_PER_READ_MAX = 100_000;

export interface WholeLog {
  /** One page of our events after a position. The position must be 0 or that of an event. */
  page(after: bigint, limit: number): Promise<RecordedEvent[]>;
  /** One page of our events, newest first, before the position of an event; from the end when none is given. */
  pageBack(before: bigint | undefined, limit: number): Promise<RecordedEvent[]>;
  /** Searches events by id, backwards from a position, through about `LOCATE_EVENTS_MAX` events. */
  locate(ids: readonly string[], before: bigint): Promise<Located>;
  /** Position of our newest event; 0 when there is none. */
  head(): Promise<bigint>;
  /** Remembers that one of our events is at this position. */
  saw(position: bigint): void;
  /** Drops all that is remembered, because the log was replaced by another one. */
  forget(): void;
}

const ENDS_EARLY = 'LogEndsEarly';
/** The log ends before a position that it is known to have had: the answer was cut short, or this is another log. */
export const endsEarly = (error: unknown): boolean => error instanceof Error && error.name === ENDS_EARLY;
const earlyEnd = (at: bigint): Error => Object.assign(new Error(`the log ends at ${at}`), { name: ENDS_EARLY });

type Direction = typeof FORWARDS | typeof BACKWARDS;
type ReadAll = (direction: Direction, from: bigint | undefined, maxCount: number) => Promise<WireEvent[]>;

/** The log over all streams, without the server's own events. A page is short only at the end of the log. */
export function createWholeLog(connection: Connection): WholeLog {
  const all: ReadAll = (direction, from, maxCount) =>
    connection.read((client) => {
      const edge = direction === FORWARDS ? START : END;
      const fromPosition = from === undefined || from === 0n ? edge : { commit: from, prepare: from };
      return collect(client.readAll({ direction, fromPosition, maxCount, requiresLeader: true }));
    });
  /** Position to continue from, by position that is followed by a run of events that are not ours. */
  const passed = new LRUCache<bigint, bigint>({ max: PASSED_MAX });
  const newest = createNewest(all);

  async function page(after: bigint, limit: number): Promise<RecordedEvent[]> {
    const size = pageSize(limit);
    const found: WireEvent[] = [];
    let cursor = passed.get(after) ?? after;
    for (;;) {
      const asked = Math.max(size - found.length + 1, WIRE_PAGE_MIN);
      const from = cursor;
      const events = await all(FORWARDS, from, asked);
      found.push(...events.filter((event) => isOurs(event) && positionOf(event) > from));
      cursor = rawPositionOf(events.at(-1)) ?? from;
      if (found.length === 0 && cursor > after) passed.set(after, cursor);
      if (found.length >= size || events.length < asked) break;
    }
    const given = found.slice(0, size).map(toRecorded);
    if (given.length > 0) newest.saw(given.at(-1)!.position);
    return given;
  }

  /** Reads backwards from a position. If no event is at that position, reads from the newest event. */
  async function backwardsFrom(position: bigint): Promise<WireEvent[]> {
    if (position <= 0n) return [];
    try {
      return await all(BACKWARDS, position, READ_PAGE);
    } catch (error) {
      if (!isUnusable(error)) throw error;
      return all(BACKWARDS, undefined, READ_PAGE);
    }
  }

  async function locate(ids: readonly string[], before: bigint): Promise<Located> {
    const wanted = new Set(ids.filter((id) => UUID.test(id)).map((id) => id.toLowerCase()));
    const found: RecordedEvent[] = [];
    const isWanted = (event: WireEvent): boolean =>
      wanted.has(event.id) && isOurs(event) && rawPositionOf(event)! < before;
    let events = await backwardsFrom(before);
    for (let looked = events.length; ; looked += events.length) {
      found.push(...events.filter(isWanted).map(toRecorded));
      const ended = events.length < READ_PAGE;
      if (ended || found.length === wanted.size) return { events: found, complete: true };
      if (looked >= LOCATE_EVENTS_MAX) return { events: found, complete: false };
      events = await all(BACKWARDS, rawPositionOf(events.at(-1)), READ_PAGE);
    }
  }

  const head = perTurnBatch<undefined, bigint>(HEADS_PER_READ_MAX, async (requests) => {
    const answer = await newest.look();
    return requests.map(() => answer);
  });

  return {
    ...{ page, locate },
    pageBack: (before, limit) => pageBack(all, before, limit),
    head: () => head(undefined),
    saw: (position) => newest.saw(position),
    forget() {
      passed.clear();
      newest.forget();
    },
  };
}

async function pageBack(all: ReadAll, before: bigint | undefined, limit: number): Promise<RecordedEvent[]> {
  const size = pageSize(limit);
  const found: WireEvent[] = [];
  let cursor = before;
  while (cursor === undefined || cursor > 0n) {
    const asked = Math.max(size - found.length + 1, WIRE_PAGE_MIN);
    const from = cursor;
    const events = await all(BACKWARDS, from, asked);
    found.push(...events.filter((event) => isOurs(event) && (from === undefined || positionOf(event) < from)));
    cursor = rawPositionOf(events.at(-1)) ?? 0n;
    if (found.length >= size || events.length < asked) break;
  }
  return found.slice(0, size).map(toRecorded);
}

interface Newest {
  saw(position: bigint): void;
  look(): Promise<bigint>;
  forget(): void;
}

/** Finds our newest event. Examines each event of the log at most once, as soon as there is an event of ours. */
function createNewest(all: ReadAll): Newest {
  let newest = 0n;
  /** All events up to this position have been examined. */
  let examined = 0n;

  const saw = (position: bigint): void => {
    if (position > newest) newest = position;
  };

  /** Whether this answer, newest event first, settles which of our events is the newest. */
  function settles(events: readonly WireEvent[], known: bigint, asked: number): boolean {
    const fresh = events.filter((event) => rawPositionOf(event)! > known);
    const ours = fresh.find(isOurs);
    if (ours !== undefined) saw(positionOf(ours));
    if (ours !== undefined || fresh.length < events.length) return true;
    if (events.length < asked && known > 0n) throw earlyEnd(known);
    return events.length < asked;
  }

  async function look(): Promise<bigint> {
    const known = newest > examined ? newest : examined;
    let events = await all(BACKWARDS, undefined, HEAD_PAGE);
    const top = rawPositionOf(events[0]) ?? 0n;
    if (top < examined) throw earlyEnd(top);
    for (let asked = HEAD_PAGE; !settles(events, known, asked); asked = HEAD_PAGE_LATER) {
      events = await all(BACKWARDS, rawPositionOf(events.at(-1)), HEAD_PAGE_LATER);
    }
    // A log without events of ours is examined from its end to its beginning each time.
    if (top > examined && newest > 0n) examined = top;
    return newest;
  }

  return {
    ...{ saw, look },
    forget() {
      newest = examined = 0n;
    },
  };
}

/** Position of any event, including the server's own. */
const rawPositionOf = (event: WireEvent | undefined): bigint | undefined => event?.position?.commit;
