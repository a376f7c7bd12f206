import type { Parking } from '../follow/deadLetters.ts';
import type { RecordedEvent } from '../../eventstore/eventStore.ts';
import { applyEvent, dead, waiting, type Rows } from '../project/apply.ts';
import type { Prepared } from '../project/validate.ts';
import { Unsendable } from '../project/table.ts';

/** Rows held in memory, at most. Above it all are written to the shadow table, and loaded again when an event touches them. */
const REFOLD_ROWS_MAX = 150_000;
/** Rows per statement when the table already has rows. */
const WRITE_ROWS = 1_000;

/** The shadow table, as a refold uses it. */
export interface Shadow {
  load(keys: Iterable<string>): Promise<Rows>;
  write(rows: Rows): Promise<void>;
  /** Fills the empty table and adds its primary key. */
  fill(rows: Rows): Promise<void>;
}

export interface Refold {
  /** Applies events in memory. Events that fail are parked and stop their stream. */
  take(events: readonly RecordedEvent[]): Promise<void>;
  /** Writes the remaining rows to the shadow table. */
  finish(): Promise<void>;
}

/**
 * Folds the log into rows, in memory for as long as they fit. A row is checked once, when it is written, and not after each
 * event. Throws `Unsendable` when a row cannot be stored.
 */
export function createRefold(
  definition: Prepared,
  shadow: Shadow,
  parked: { readonly blocked: Set<string>; readonly parkings: Parking[] },
  rowsMax = REFOLD_ROWS_MAX,
): Refold {
  const { blocked, parkings } = parked;
  const prepared: Prepared = { ...definition, check: () => undefined };
  const rows: Rows = new Map();
  /** The shadow table has rows that are not in memory. */
  let spilled = false;

  const park = (parking: Parking): void => {
    parkings.push(parking);
    blocked.add(parking.event.stream);
  };

  function apply(event: RecordedEvent): void {
    try {
      const keys = prepared.keys(event);
      const removed = applyEvent(prepared, event, keys, rows);
      if (removed && !spilled) forgetRemoved(keys);
    } catch (error) {
      park(dead(event, error));
    }
  }

  /** Rows that were never written need not be deleted from the table. */
  function forgetRemoved(keys: readonly string[]): void {
    for (const key of keys) if (rows.get(key)?.row === undefined) rows.delete(key);
  }

  async function fetch(events: readonly RecordedEvent[]): Promise<void> {
    const missing = new Set<string>();
    for (const event of events) for (const key of keysOrNone(prepared, event)) missing.add(key);
    for (const key of missing) if (rows.has(key)) missing.delete(key);
    for (const [key, held] of await shadow.load(missing)) rows.set(key, held);
  }

  async function spill(): Promise<void> {
    checkAll(definition, rows);
    if (spilled) await writeAll(shadow, rows);
    else await shadow.fill(rows);
    spilled = true;
    rows.clear();
  }

  return {
    async take(events) {
      if (spilled) await fetch(events);
      for (const event of events) {
        if (blocked.size > 0 && blocked.has(event.stream)) park(waiting(event));
        else apply(event);
      }
      if (rows.size > rowsMax) await spill();
    },
    finish: spill,
  };
}

function checkAll(definition: Prepared, rows: Rows): void {
  try {
    for (const [key, { row, changed }] of rows) if (changed && row !== undefined) definition.check(row, undefined, key);
  } catch (error) {
    throw new Unsendable(error);
  }
}

function keysOrNone(prepared: Prepared, event: RecordedEvent): readonly string[] {
  try {
    return prepared.keys(event);
  } catch {
    // The event will fail again when it is applied, and is parked then.
    return [];
  }
}

async function writeAll(shadow: Shadow, rows: Rows): Promise<void> {
  let part: Rows = new Map();
  for (const [key, held] of rows) {
    if (!held.changed) continue;
    part.set(key, held);
    if (part.size < WRITE_ROWS) continue;
    await shadow.write(part);
    part = new Map();
  }
  await shadow.write(part);
}
