import { createHash } from 'node:crypto';
import type { RecordedEvent } from '../eventstore/eventStore.ts';
import { keptOf, poisonOf } from '../eventstore/upcast.ts';

/** Raised when an older version could not import what this one exports. */
export const FORMAT = 1;

/** The first line of an export. */
export interface Header {
  readonly cartulary: 'log';
  readonly format: number;
  /** ISO 8601 UTC. */
  readonly made_at: string;
  /** Of the log that it was made of, and the position of the last event in it. */
  readonly epoch: string;
  readonly head: string;
}

/** A person's key, wrapped by the master key (base64); these lines come before the events. */
export interface KeyLine {
  readonly subject: string;
  readonly wrapped_key: string;
}

/** An event as it was kept; in the order of the log. */
export interface EventLine {
  /** Where it was; for reference. */
  readonly position: string;
  readonly stream: string;
  readonly revision: string;
  readonly id: string;
  readonly type: string;
  readonly data: unknown;
  readonly metadata: unknown;
}

/** The last line: without it an export is not whole. */
export interface Trailer {
  readonly keys: number;
  readonly events: number;
  /** `LogHash` of the events, in hex. */
  readonly log_hash: string;
}

/** What makes two logs the same: everything but positions, which belong to the store. */
export interface LogHash {
  add(event: Pick<EventLine, 'stream' | 'revision' | 'id' | 'type'>, data: string, metadata: string): void;
  /** In hex. */
  value(): string;
  readonly events: number;
}

const BEGINNING = 'cartulary log';

/** SHA-256, chained from event to event: the hash of each covers the hash of the one before. */
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

/** JSON text without spaces, whoever wrote it; text that is no JSON becomes JSON of that text, and can be shown but not imported. */
function compact(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return JSON.stringify(text);
  }
}

/** What of a kept event is written and hashed. */
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
