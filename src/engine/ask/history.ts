import type { RecordedEvent } from '../../eventstore/eventStore.ts';
import { replay, type Projection } from '../project/projection.ts';

export interface FieldChange {
  readonly field: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** One event as people read it: its time, actor, command and cause, and the fields that it changed. */
export interface HistoryEntry {
  readonly position: string;
  readonly revision: string;
  readonly event_id: string;
  readonly type: string;
  readonly at: string;
  readonly actor: string;
  readonly command: string;
  readonly command_id: string;
  readonly correlation_id: string;
  readonly causation_id: string | null;
  /** Type of the causing event, if that event is in the same stream. */
  readonly because: string | null;
  readonly changes: readonly FieldChange[];
}

/** Adds `{ a: { b: 1 } }` to the map as `a.b` → 1. Empty objects and lists count as values. */
function flatten(value: unknown, path: string, into: Map<string, unknown>): Map<string, unknown> {
  const nested = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  if (nested.length === 0) return into.set(path, value);
  for (const [key, inner] of nested) flatten(inner, path === '' ? key : `${path}.${key}`, into);
  return into;
}

/** The fields that differ between two views, by dotted path. `undefined` counts as `null`. */
export function difference(before: unknown, after: unknown): FieldChange[] {
  const old = before === undefined ? new Map<string, unknown>() : flatten(before, '', new Map());
  const now = flatten(after, '', new Map());
  return [...new Set([...old.keys(), ...now.keys()])]
    .map((field) => ({ field, before: old.get(field) ?? null, after: now.get(field) ?? null }))
    .filter((change) => JSON.stringify(change.before) !== JSON.stringify(change.after));
}

/** The history of a row, one entry per event. The projection's own functions compute the row after each event. */
export function historyOf<R extends object>(
  projection: Projection<R>,
  key: string,
  events: readonly RecordedEvent[],
  view: (row: R) => unknown,
): HistoryEntry[] {
  const types = new Map(events.map(({ id, type }) => [id, type]));
  let before: unknown;
  let row: R | undefined;
  return events.map((event) => {
    row = replay(projection, key, [event], row);
    const after = row === undefined ? before : view(row);
    const changes = after === undefined ? [] : difference(before, after);
    before = after;
    const { actor, command, commandId, correlationId, causationId, occurredAt } = event.metadata;
    return {
      ...{ position: String(event.position), revision: String(event.revision), event_id: event.id, type: event.type },
      ...{ at: occurredAt, actor, command, command_id: commandId, correlation_id: correlationId },
      causation_id: causationId ?? null,
      because: (causationId === undefined ? undefined : types.get(causationId)) ?? null,
      changes: changes.filter(({ field }) => field !== 'updated_at'),
    };
  });
}
