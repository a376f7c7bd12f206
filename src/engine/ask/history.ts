import { NO_STREAM, type RecordedEvent } from '../../eventstore/eventStore.ts';
import { poisonOf } from '../../eventstore/upcast.ts';

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

/** An entry before its cause is looked up. */
export type ToldEvent = Omit<HistoryEntry, 'because'>;

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

/** An event as a reader shows it, and the row after it. */
interface Seen<R> {
  readonly event: RecordedEvent;
  readonly row: R | undefined;
}

/** Gets the events of one stream in their order, each once; undefined when the event is not shown. */
export type Reader<R> = (event: RecordedEvent) => Seen<R> | undefined;

/**
 * Makes the entry of each event. An event up to revision `after` is only folded: to make the view of a row costs far more than to
 * fold an event.
 */
export function createTeller<R extends object>(
  read: Reader<R>,
  view: (row: R) => unknown,
  after?: bigint,
): (event: RecordedEvent) => ToldEvent | undefined {
  let row: R | undefined;
  let shown: unknown;
  return (recorded) => {
    const seen = read(recorded);
    if (seen === undefined) return undefined;
    const { event } = seen;
    const before = row;
    row = seen.row;
    if (after !== undefined && event.revision <= after) return undefined;
    shown ??= before && view(before);
    const now = row === undefined ? shown : view(row);
    const changes = now === undefined ? [] : difference(shown, now);
    shown = now;
    return entryOf(event, changes);
  };
}

function entryOf(
  { id, type, position, revision, metadata }: RecordedEvent,
  changes: readonly FieldChange[],
): ToldEvent {
  const { actor, command, commandId, correlationId, causationId, occurredAt } = metadata;
  return {
    ...{ position: String(position), revision: String(revision), event_id: id, type },
    ...{ at: occurredAt, actor, command, command_id: commandId, correlation_id: correlationId },
    causation_id: causationId ?? null,
    changes: changes.filter(({ field }) => field !== 'updated_at'),
  };
}

export interface HistoryPage {
  /** The revision before the page. Default: the page begins with the first event. */
  readonly after?: bigint;
  readonly limit: number;
}

export interface HistoryRead<R> {
  readonly entries: readonly HistoryEntry[];
  /** The row after the last event that was read; undefined when there is none. */
  readonly row: R | undefined;
  /** Of the last event that was read. */
  readonly revision: bigint;
}

/** One page of a history, from the pages of its stream. Reads no further than the page's end, and folds each event once. */
export async function historyPage<R extends object>(
  pages: AsyncIterable<readonly RecordedEvent[]>,
  { read, view }: { readonly read: Reader<R>; readonly view: (row: R) => unknown },
  { after, limit }: HistoryPage,
): Promise<HistoryRead<R>> {
  let row: R | undefined;
  let revision = NO_STREAM;
  const entries: HistoryEntry[] = [];
  const types = new Map<string, string>();
  const reading: Reader<R> = (event) => {
    const seen = read(event);
    if (seen !== undefined) types.set(seen.event.id, seen.event.type);
    row = seen?.row ?? row;
    ({ revision } = event);
    return seen;
  };
  const tell = createTeller(reading, view, after);
  for await (const page of pages) {
    for (const event of page) {
      const entry = tell(event);
      if (entry !== undefined) {
        const { changes, ...told } = entry;
        entries.push({ ...told, because: types.get(told.causation_id ?? '') ?? null, changes });
      }
      if (entries.length === limit) return { entries, row, revision };
    }
  }
  return { entries, row, revision };
}

/** A moment of the past; the present when neither is given. */
export interface Moment {
  /** ISO 8601. */
  readonly asOf?: string | undefined;
  readonly revision?: number | undefined;
}

/**
 * Whether an event ends the past that a moment names. The past is what comes before the first such event in the stream, because
 * revisions say what came first; a clock that is behind does not. An unreadable event has no usable time, so it ends nothing.
 */
export function endsPast(event: RecordedEvent, { asOf, revision }: Moment): boolean {
  if (revision !== undefined && event.revision > BigInt(revision)) return true;
  if (asOf === undefined || poisonOf(event) !== undefined) return false;
  return Date.parse(event.metadata.occurredAt) > Date.parse(asOf);
}
