import { derivedId } from '../platform/ids.ts';

/** The revision a stream has before its first event; as `expected` it means "must not exist yet". */
export const NO_STREAM = -1n;
/** How many events one command (one append of it) may record. */
export const APPEND_EVENTS_MAX = 100;
/** How many bytes of data and metadata one append may carry. */
export const APPEND_BYTES_MAX = 512 * 1024;
/** Events per page of `read` and `readAll` unless told otherwise. */
export const READ_PAGE = 500;
export const READ_PAGE_MAX = 10_000;
/** How many events `locate` looks through in a log that has no index of ids. */
export const LOCATE_EVENTS_MAX = 100_000;

/** A fact: past tense, plain JSON data. The name and the data are the storage format. */
export interface DomainEvent {
  readonly type: string;
  readonly data: object;
}

/** Who, when, why: kept with every event. */
export interface Metadata {
  /** The command that led to it, by id and by name. */
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
  /** Place in the whole log: it ascends, and counts events only where the store says so (`contiguous`). */
  readonly position: bigint;
  readonly stream: string;
  /** Place in its stream, from 0. */
  readonly revision: bigint;
}

/** One append of several that are made at once. */
export interface Append {
  readonly stream: string;
  readonly expected: bigint;
  readonly events: readonly NewEvent[];
}

export type AppendResult =
  /** `position` and `revision` are those of the last event. `repeated`: these very events (by id) were already there. */
  | { readonly outcome: 'appended'; readonly position: bigint; readonly revision: bigint; readonly repeated: boolean }
  /** `actual`: the stream's revision now. */
  | { readonly outcome: 'conflict'; readonly actual: bigint };

export interface Head {
  /** Made once with the log; a checkpoint of another epoch belongs to another log and is refused. */
  readonly epoch: string;
  /** Position of the newest event; 0 when there is none. */
  readonly position: bigint;
}

/** A part of the log, of some types. */
export interface Range {
  readonly types: readonly string[];
  /** Exclusive. */
  readonly after: bigint;
  /** Inclusive. */
  readonly upTo: bigint;
}

/** What `locate` has found, in no order. */
export interface Located {
  readonly events: readonly RecordedEvent[];
  /** False when it ended at its bound: what is missing may lie further back. */
  readonly complete: boolean;
}

/**
 * The port of the log. Positions given to it as `after` are 0 or those of events: nobody may count with them. Failures are `Refusal`s of kind `unavailable` (nothing is known to have been lost); a conflict is
 * a result, not an exception. An unknown outcome is resolved inside the adapter, by event ids.
 */
export interface EventStore {
  /** Positions count events: each is one more than the one before it. Elsewhere they only ascend. */
  readonly contiguous: boolean;
  /** All or none, durable when it resolves. */
  append(stream: string, expected: bigint, events: readonly NewEvent[]): Promise<AppendResult>;
  /** Only where appends to different streams can be made at once and come to lie in the log in this very order. */
  readonly appendInOrder?: (appends: readonly Append[]) => Promise<readonly AppendResult[]>;
  /** One page of one stream, oldest first, from revision `from` (inclusive). */
  read(stream: string, from?: bigint, limit?: number): Promise<RecordedEvent[]>;
  /** Those of the stream's events whose id is among `ids`, oldest first. */
  find(stream: string, ids: readonly string[]): Promise<RecordedEvent[]>;
  /** Those of the events with these ids that lie before a position, in whatever stream. */
  locate(ids: readonly string[], before: bigint): Promise<Located>;
  /** Only where a range can be told faster than page by page (`scan` in `scan.ts` serves any store). */
  readonly scan?: (range: Range) => AsyncIterable<readonly RecordedEvent[]>;
  /** One page of the whole log, after `after` (exclusive), in order of position. */
  readAll(after: bigint, limit?: number): Promise<RecordedEvent[]>;
  /** Every event after `after`, in batches, for ever (until `signal` aborts); never ends by itself and never skips. */
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

/** The id of a command's `index`-th event: the same command makes the same ids, whenever it is repeated. */
export const eventId = (commandId: string, index: number): string => derivedId(String(index), commandId);
