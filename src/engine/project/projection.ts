import type { DomainEvent, RecordedEvent } from '../../eventstore/eventStore.ts';

/**
 * What a column holds, and what it is in JavaScript: `uuid`/`text`: string; `int`/`bigint`: number (a safe integer,
 * money is `bigint` minor units); `float8`: number; `boolean`; `timestamptz`: ISO 8601 string; `jsonb`: any JSON value.
 */
export type ColumnType = 'uuid' | 'text' | 'int' | 'bigint' | 'float8' | 'boolean' | 'timestamptz' | 'jsonb';

/** A read model's row; every column is present, `null` where there is nothing. */
export type Row = Record<string, unknown>;

/**
 * What one event type does to the table. Pure: same row, same event, same answer. `row` is called once for each key;
 * it answers the row's new content, `null` to remove it, or `undefined` to leave it alone.
 */
export interface Change<R extends object, E extends DomainEvent = DomainEvent> {
  key(event: RecordedEvent<E>): string | readonly string[];
  row(current: R | undefined, event: RecordedEvent<E>, key: string): R | null | undefined;
}

/**
 * A read model as data. `name` is its checkpoint, for ever. The engine adds two columns to those named here:
 * `revision bigint` (that of the last event of category `of` seen by the row, served as ETag) and `position bigint`
 * (that of the last event of any stream that changed it).
 */
export interface Projection<R extends object = Row, E extends DomainEvent = DomainEvent> {
  readonly name: string;
  readonly table: string;
  /** The primary key: one column. */
  readonly key: string & keyof R;
  readonly columns: { readonly [K in string & keyof R]: ColumnType };
  /** Category whose revision a row carries. */
  readonly of: string;
  /** What each event type does. Keyed by the union of events, so that no entry names another event, or takes another event's data. */
  readonly on: { readonly [Type in E['type']]?: Change<R, Extract<E, { type: Type }>> };
  /** Cache tags to invalidate when the rows with these keys have changed (besides `<name>`, which is always invalidated). */
  tags?(key: string, row: R | null): readonly string[];
}

/** What a row becomes over these events, in memory, by the functions that keep the table; `from` is the row before them. */
export function replay<R extends object>(
  projection: Projection<R>,
  key: string,
  events: readonly RecordedEvent[],
  from?: R,
): R | undefined {
  let row = from;
  for (const event of events) {
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
