import { type DomainEvent, idOf, type RecordedEvent } from '../../eventstore/eventStore.ts';
import { isUnknown, newerVersion } from '../../eventstore/newer.ts';

/**
 * A column's Postgres type. In JavaScript `uuid`/`text` are strings; `int`/`bigint` numbers (safe integers; money is
 * `bigint` minor units); `float8` a number; `boolean` a boolean; `timestamptz` an ISO 8601 string; `jsonb` any JSON value;
 * `tsvector` its text.
 */
export type ColumnType =
  'uuid' | 'text' | 'int' | 'bigint' | 'float8' | 'boolean' | 'timestamptz' | 'jsonb' | 'tsvector';

/** A read model's row. Every column is present; an empty one is `null`. */
export type Row = Record<string, unknown>;

/**
 * The effect of one event type on the table. Pure: the same row and event give the same result. `row` is called once for
 * each key. It returns the new row, `null` to remove the row, or `undefined` to leave it unchanged.
 */
export interface Change<R extends object, E extends DomainEvent = DomainEvent> {
  key(event: RecordedEvent<E>): string | readonly string[];
  row(current: R | undefined, event: RecordedEvent<E>, key: string): R | null | undefined;
}

/**
 * The effect of an event that changes nothing in the row of its stream. The row carries on the revision of the stream, so that the
 * `ETag` that a caller is shown is the one that `If-Match` is compared with.
 */
export const unchanged = {
  key: (event: RecordedEvent): string => idOf(event.stream),
  row: <R extends object>(row: R | undefined): R | undefined => row,
};

/** For `of`, where each row belongs to one stream, whatever its category: the row carries the revision of that stream. */
export const EVERY_CATEGORY = '*';

/**
 * A read model as data. `name` also names its checkpoint, so it must never change. The table has two more columns, which
 * the engine fills: `revision bigint` (of the row's last event of category `of`, served as ETag) and `position bigint` (of
 * the last event of any stream that changed the row).
 */
export interface Projection<R extends object = Row, E extends DomainEvent = DomainEvent> {
  readonly name: string;
  readonly table: string;
  /** The primary key: one column. */
  readonly key: string & keyof R;
  readonly columns: { readonly [K in string & keyof R]: ColumnType };
  /** The category of the stream whose revision a row carries, or `EVERY_CATEGORY`. */
  readonly of: string;
  /** The effect of each event type. The keys come from the event union, so the compiler checks event names and data. */
  readonly on: { readonly [Type in E['type']]?: Change<R, Extract<E, { type: Type }>> };
  /** Cache tags to invalidate when the row with this key has changed (`row` is null: removed). `<name>` is always invalidated. */
  tags?(key: string, row: R | null): readonly string[];
}

/** Applies events to one row in memory, with the projection's own functions. `from` is the row before the events. */
export function replay<R extends object>(
  projection: Projection<R>,
  key: string,
  events: readonly RecordedEvent[],
  from?: R,
): R | undefined {
  let row = from;
  for (const event of events) {
    if (isUnknown(event)) throw newerVersion(event.type);
    const entry = Object.hasOwn(projection.on, event.type) ? projection.on[event.type] : undefined;
    if (entry === undefined || !keysOf(entry, event).includes(key)) continue;
    const next = entry.row(row, event, key);
    if (next !== undefined) row = next ?? undefined;
  }
  return row;
}

export function keysOf<R extends object>(entry: Change<R>, event: RecordedEvent): readonly string[] {
  const keys = entry.key(event);
  return typeof keys === 'string' ? [keys] : keys;
}
