import { derivedId } from '../platform/ids.ts';

/** The revision of a stream without events. As `expected` it means that the stream must not exist yet. */
export const NO_STREAM = -1n;
/** Events in one append, at most. */
export const APPEND_EVENTS_MAX = 100;
/** Bytes of data and metadata in one append, at most. */
export const APPEND_BYTES_MAX = 512 * 1024;
/** Default number of events per page of `read` and `readAll`. */
export const READ_PAGE = 500;
export const READ_PAGE_MAX = 10_000;
/** About how many events `locate` searches in a log without an index of event ids. */
export const LOCATE_EVENTS_MAX = 100_000;

/** A fact, named in the past tense, with plain JSON data. Type and data are the storage format. */
export interface DomainEvent {
  readonly type: string;
  readonly data: object;
}

/** Actor, time and cause of an event, stored with it. */
export interface Metadata {
  /** Id and type of the command that made the event. */
  readonly commandId: string;
  readonly command: string;
  readonly correlationId: string;
  readonly causationId?: string;
  readonly actor: string;
  /** ISO 8601 UTC: the command's `now`. */
  readonly occurredAt: string;
  /** Version of the shape of `data`, from 1. */
  readonly schema: number;
  readonly traceparent?: string;
}

export interface NewEvent<E extends DomainEvent = DomainEvent> {
  readonly id: string;
  readonly type: E['type'];
  readonly data: E['data'];
  readonly metadata: Metadata;
}

export interface RecordedEvent<E extends DomainEvent = DomainEvent> extends NewEvent<E> {
  /** Place in the whole log. Positions ascend; they are consecutive numbers only if the store is `contiguous`. */
  readonly position: bigint;
  readonly stream: string;
  /** Place in its stream, from 0. */
  readonly revision: bigint;
}

/** One of several appends that are made at once. */
export interface Append {
  readonly stream: string;
  readonly expected: bigint;
  readonly events: readonly NewEvent[];
}

export type AppendResult =
  /** `position` and `revision` are those of the last event. `repeated`: events with these ids were in the stream already. */
  | { readonly outcome: 'appended'; readonly position: bigint; readonly revision: bigint; readonly repeated: boolean }
  /** `actual`: the stream's current revision. */
  | { readonly outcome: 'conflict'; readonly actual: bigint };

export interface Head {
  /** Identity of the log, made once with it. A checkpoint with another epoch belongs to another log and is refused. */
  readonly epoch: string;
  /** Position of the newest event; 0 when there is none. */
  readonly position: bigint;
}

/** The events of some types in a part of the log. */
export interface Range {
  readonly types: readonly string[];
  /** Then the range has the events of all other types, too: those that only a newer version knows. */
  readonly known?: readonly string[];
  /** Exclusive. */
  readonly after: bigint;
  /** Inclusive. */
  readonly upTo: bigint;
}

/** The result of `locate`. */
export interface Located {
  /** In no particular order. */
  readonly events: readonly RecordedEvent[];
  /** False when the search stopped at its limit, so missing events may be further back. */
  readonly complete: boolean;
}

/**
 * The port of the log. Each `after` must be 0 or the position of an event; callers must not compute positions. The log's
 * failures are `Refusal`s of kind `unavailable`. A conflict is a result, not an exception. The adapter itself resolves
 * unknown outcomes, by event ids.
 */
export interface EventStore {
  /** Whether each position is exactly one more than the position before it. If not, positions only ascend. */
  readonly contiguous: boolean;
  /** Appends all events or none. They are durable when it resolves. */
  append(stream: string, expected: bigint, events: readonly NewEvent[]): Promise<AppendResult>;
  /** Present only if the store can append to several streams at once, with the appends in this order in the log. */
  readonly appendInOrder?: (appends: readonly Append[]) => Promise<readonly AppendResult[]>;
  /** One page of one stream, oldest first, from revision `from` (inclusive). */
  read(stream: string, from?: bigint, limit?: number): Promise<RecordedEvent[]>;
  /** One page of one stream, newest first, before a revision (exclusive); from its end when none is given. */
  readBack(stream: string, before?: bigint, limit?: number): Promise<RecordedEvent[]>;
  /** The stream's events with these ids, oldest first. */
  find(stream: string, ids: readonly string[]): Promise<RecordedEvent[]>;
  /** The events with these ids before a position, in any stream. */
  locate(ids: readonly string[], before: bigint): Promise<Located>;
  /** Present only if the store can read a range faster than page by page. `scan` in `scan.ts` works with every store. */
  readonly scan?: (range: Range) => AsyncIterable<readonly RecordedEvent[]>;
  /** One page of the whole log, after `after` (exclusive), in order of position. */
  readAll(after: bigint, limit?: number): Promise<RecordedEvent[]>;
  /** One page of the whole log, newest first, before the position of an event (exclusive); from its end when none is given. */
  readAllBack(before?: bigint, limit?: number): Promise<RecordedEvent[]>;
  /** Every event after `after`, in batches, without gaps. Goes on until `signal` aborts. */
  follow(after: bigint, options: { signal: AbortSignal; limit?: number }): AsyncIterable<readonly RecordedEvent[]>;
  head(): Promise<Head>;
  /** Rejects when the log cannot be reached. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export const streamOf = (category: string, id: string): string => `${category}-${id}`;
export const categoryOf = (stream: string): string => {
  const dash = stream.indexOf('-');
  return dash < 0 ? stream : stream.slice(0, dash);
};
export const idOf = (stream: string): string => stream.slice(categoryOf(stream).length + 1);

/** The id of a command's `index`-th event. A repeated command makes the same event ids. */
export const eventId = (commandId: string, index: number): string => derivedId(String(index), commandId);
