import { createHash } from 'node:crypto';
import type { RecordedEvent } from '../eventstore/eventStore.ts';
import { keptOf, poisonOf } from '../eventstore/upcast.ts';

/** Must be raised when older versions can no longer import an export. */
export const FORMAT = 1;
/** Of an export with an index key, which older versions would leave out. */
export const FORMAT_WITH_INDEX_KEY = 2;

/** The first line of an export. */
export interface Header {
  readonly cartulary: 'log';
  readonly format: number;
  /** ISO 8601 UTC. */
  readonly made_at: string;
  /** The exported log's epoch, and the position of its last event. */
  readonly epoch: string;
  readonly head: string;
  /** Only where it is not the master key that wraps the keys of persons: the index key, wrapped, in base64. */
  readonly index_key?: { readonly wrapped_key: string; readonly master_key: string; readonly origin: string };
}

/** A person's key, wrapped by the master key, in base64. These lines come before the events. */
export interface KeyLine {
  readonly subject: string;
  readonly wrapped_key: string;
}

/** An event as the log stored it. The lines are in the order of the log. */
export interface EventLine {
  /** Position in the exported log. An import checks only that positions ascend. */
  readonly position: string;
  readonly stream: string;
  readonly revision: string;
  readonly id: string;
  readonly type: string;
  readonly data: unknown;
  readonly metadata: unknown;
}

/** The last line. An export without it is incomplete. */
export interface Trailer {
  readonly keys: number;
  readonly events: number;
  /** `LogHash` of the events, in hex. */
  readonly log_hash: string;
  /** SHA-256 of all lines before this one, in hex. Earlier versions did not write it. */
  readonly file_hash?: string;
}

/** Hash of a log's events. It leaves out positions, which belong to the store, so equal logs in different stores are equal. */
export interface LogHash {
  add(event: Pick<EventLine, 'stream' | 'revision' | 'id' | 'type'>, data: string, metadata: string): void;
  /** In hex. */
  value(): string;
  readonly events: number;
}

/** Hash of the lines of an export, each with its line end. */
export function createFileHash() {
  const hash = createHash('sha256');
  return {
    add: (line: string): void => void hash.update(line).update('\n'),
    value: (): string => hash.digest('hex'),
  };
}

const BEGINNING = 'cartulary log';

/** Chained SHA-256: the hash of each event covers the hash before it. */
export function createLogHash(): LogHash {
  let hash = createHash('sha256').update(BEGINNING).digest();
  let events = 0;
  return {
    add({ stream, revision, id, type }, data, metadata) {
      const canonical = `${JSON.stringify([stream, revision, id, type])}${data}${metadata}`;
      hash = createHash('sha256').update(hash).update(canonical).digest();
      events += 1;
    },
    value: () => hash.toString('hex'),
    get events() {
      return events;
    },
  };
}

/** JSON text without spaces. Text that is not JSON becomes a JSON string: it can be shown but not imported. */
function compact(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return JSON.stringify(text);
  }
}

/** The parts of a stored event that are written and hashed. */
export interface Content {
  readonly line: Omit<EventLine, 'data' | 'metadata'>;
  /** JSON text. */
  readonly data: string;
  readonly metadata: string;
}

export function contentOf(event: RecordedEvent): Content {
  const { position, stream, revision, id, type, data, metadata } = keptOf(event);
  const line = { position: String(position), stream, revision: String(revision), id, type };
  if (poisonOf(event) === undefined) return { line, data, metadata };
  return { line, data: compact(data), metadata: compact(metadata) };
}

export const eventLine = ({ line, data, metadata }: Content): string =>
  `${JSON.stringify(line).slice(0, -1)},"data":${data},"metadata":${metadata}}`;

export const isSame = (one: Content, other: Content): boolean =>
  one.line.stream === other.line.stream &&
  one.line.revision === other.line.revision &&
  one.line.id === other.line.id &&
  one.line.type === other.line.type &&
  one.data === other.data &&
  one.metadata === other.metadata;
