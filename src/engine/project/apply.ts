import type { Parking } from '../follow/deadLetters.ts';
import { reasonOf } from '../follow/retry.ts';
import { NO_STREAM, type RecordedEvent } from '../../eventstore/eventStore.ts';
import type { Prepared } from './validate.ts';
import type { Row } from './projection.ts';

/** Why an event of a stream with a dead letter is parked. */
const BEHIND_DEAD = 'waits behind a dead letter';

/**
 * A row in memory; `row` is undefined when there is none. Revision and position are the highest seen, so they do not
 * depend on when a parked event is finally applied.
 */
export interface HeldRow {
  row: Row | undefined;
  revision: bigint;
  position: bigint;
  changed: boolean;
}

export type Rows = Map<string, HeldRow>;

/** The result of a batch of events: rows, changed or not, and the events that could not be applied. */
export interface Folded {
  readonly rows: Rows;
  readonly parkings: readonly Parking[];
}

interface Touch {
  readonly event: RecordedEvent;
  readonly keys: readonly string[];
}

/** Whether there is anything to write. */
export function changesAnything({ rows, parkings }: Folded): boolean {
  if (parkings.length > 0) return true;
  for (const { changed } of rows.values()) if (changed) return true;
  return false;
}

const absent = (): HeldRow => ({ row: undefined, revision: NO_STREAM, position: 0n, changed: false });

/**
 * Applies one event to the rows with these keys: all of its changes or, when it throws, none. Returns whether it removed
 * a row.
 */
export function applyEvent(prepared: Prepared, event: RecordedEvent, keys: readonly string[], rows: Rows): boolean {
  if (keys.length === 1) {
    const key = keys[0]!;
    const held = rows.get(key);
    const row = rowAfter(prepared, event, key, held);
    put(prepared, event, { rows, key, held, row });
    return row === null;
  }
  const staged = keys.map((key) => {
    const held = rows.get(key);
    return { rows, key, held, row: rowAfter(prepared, event, key, held) };
  });
  for (const one of staged) put(prepared, event, one);
  return staged.some(({ row }) => row === null);
}

function rowAfter(
  prepared: Prepared,
  event: RecordedEvent,
  key: string,
  held: HeldRow | undefined,
): Row | null | undefined {
  const before = held?.row;
  const row = prepared.changes.get(event.type)!.row(before, event, key);
  if (row !== undefined && row !== null) prepared.check(row, before, key);
  return row;
}

interface Change {
  readonly rows: Rows;
  readonly key: string;
  readonly held: HeldRow | undefined;
  readonly row: Row | null | undefined;
}

function put(prepared: Prepared, event: RecordedEvent, { rows, key, held, row }: Change): void {
  if (row === undefined) return;
  if (row === null) {
    // A removed row leaves nothing behind: a new row under its key starts at revision -1 and position 0.
    if (held?.row !== undefined) Object.assign(held, absent(), { changed: true });
    return;
  }
  const after = held ?? absent();
  after.row = row;
  after.changed = true;
  if (prepared.owns(event) && event.revision > after.revision) after.revision = event.revision;
  if (event.position > after.position) after.position = event.position;
  if (held === undefined) rows.set(key, after);
}

/** Finds the rows that each event touches. Events that fail, or whose stream is blocked, are parked; other streams go on. */
export function plan(
  prepared: Prepared,
  events: readonly RecordedEvent[],
  blocked: ReadonlySet<string>,
): { touches: Touch[]; parkings: Parking[]; keys: Set<string> } {
  const stopped = new Set<string>();
  const touches: Touch[] = [];
  const parkings: Parking[] = [];
  const keys = new Set<string>();
  for (const event of events) {
    if (blocked.has(event.stream) || stopped.has(event.stream)) {
      parkings.push(waiting(event));
      continue;
    }
    try {
      const touched = prepared.keys(event);
      for (const key of touched) keys.add(key);
      touches.push({ event, keys: touched });
    } catch (error) {
      stopped.add(event.stream);
      parkings.push(dead(event, error));
    }
  }
  return { touches, parkings, keys };
}

/** Applies planned events in memory. An event that throws is parked, with the later events of its stream. */
export function fold(prepared: Prepared, touches: readonly Touch[], rows: Rows): Parking[] {
  const stopped = new Set<string>();
  const parkings: Parking[] = [];
  for (const { event, keys } of touches) {
    if (stopped.has(event.stream)) {
      parkings.push(waiting(event));
      continue;
    }
    try {
      applyEvent(prepared, event, keys, rows);
    } catch (error) {
      stopped.add(event.stream);
      parkings.push(dead(event, error));
    }
  }
  return parkings;
}

export const waiting = (event: RecordedEvent): Parking => ({
  event,
  status: 'waiting',
  reason: BEHIND_DEAD,
  attempts: 0,
});

export const dead = (event: RecordedEvent, error: unknown): Parking => ({
  event,
  status: 'dead',
  reason: reasonOf(error),
  attempts: 1,
});
