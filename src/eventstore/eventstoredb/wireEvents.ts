import { randomUUID } from 'node:crypto';
import type { EventData, JSONEventType, ResolvedEvent } from '@eventstore/db-client';
import type { NewEvent, RecordedEvent } from '../eventStore.ts';
import type { SizedEvent } from '../recent.ts';
import type { SerialisedEvent } from '../serialise.ts';
import { understood } from '../upcast.ts';

/** Our own stream, which stores the log's epoch. Readers of the log do not see it. */
export const LOG_STREAM = 'cartulary-log';
/** Stream filter for the server: excludes its own streams and `LOG_STREAM`. */
export const OURS_REGEX = `^(?!\\$|${LOG_STREAM}$)`;
/** The value that a server sends when an event has no position. */
const NO_POSITION = 2n ** 64n - 1n;
/** The key that this adapter adds to the metadata of an append's last event, and removes on reading. */
const APPEND_ID = 'appendId';

export interface WireEvent {
  readonly id: string;
  readonly type: string;
  readonly streamId: string;
  readonly revision: bigint;
  readonly isJson: boolean;
  readonly data: unknown;
  readonly metadata: unknown;
  readonly position?: { readonly commit: bigint; readonly prepare: bigint };
}

/** Whether readers of the log see the event: not the server's own events, and not those of `LOG_STREAM`. */
export const isOurs = ({ type, streamId }: WireEvent): boolean =>
  !type.startsWith('$') && !streamId.startsWith('$') && streamId !== LOG_STREAM;

/** The event itself; undefined for a link whose target is gone. */
export const eventOf = (resolved: ResolvedEvent): WireEvent | undefined => resolved.event;

const UNUSABLE = 'LogUnusable';
/** The log cannot be read as it is, so a retry cannot help. */
export const unusable = (reason: string, cause?: unknown): Error =>
  Object.assign(new Error(reason, { cause }), { name: UNUSABLE });
export const isUnusable = (error: unknown): boolean => error instanceof Error && error.name === UNUSABLE;

/**
 * An event's position in the whole log, as one number: its commit position. For events written over gRPC it equals the
 * prepare position. Throws if it does not, because reading could not resume from such a position.
 */
export function positionOf({ id, type, streamId, revision, position }: WireEvent): bigint {
  const event = `event ${id} (${type}, ${streamId}@${revision})`;
  if (position === undefined || position.commit === 0n || position.commit === NO_POSITION) {
    throw unusable(`${event} came without a position: EventStoreDB 22.6 or newer is needed`);
  }
  const { commit, prepare } = position;
  if (commit !== prepare) throw unusable(`${event} was written in a transaction: commit ${commit}, prepare ${prepare}`);
  return commit;
}

/** The event in the form that readers of the log get. */
export function toRecorded(event: WireEvent): RecordedEvent {
  const { id, type, streamId: stream, revision } = event;
  return understood({
    ...{ position: positionOf(event), stream, revision, id, type },
    data: event.isJson ? event.data : textOf(event.data),
    metadata: withoutAppendId(event.metadata),
  });
}

/** Approximate size of an event without its data. */
const OVERHEAD_BYTES = 512;

/** The event with its approximate size in bytes. An unreadable event counts as empty. */
export function sized(event: RecordedEvent): SizedEvent {
  try {
    return { event, bytes: OVERHEAD_BYTES + JSON.stringify(event.data).length };
  } catch {
    return { event, bytes: OVERHEAD_BYTES };
  }
}

const textOf = (bytes: unknown): unknown => (bytes instanceof Uint8Array ? Buffer.from(bytes).toString('utf8') : bytes);

export const appendIdOf = ({ metadata }: WireEvent): string | undefined => {
  const id = (metadata as Record<string, unknown> | undefined)?.[APPEND_ID];
  return typeof id === 'string' ? id : undefined;
};

function withoutAppendId(metadata: unknown): unknown {
  if (typeof metadata !== 'object' || metadata === null || !(APPEND_ID in metadata)) return metadata;
  const { [APPEND_ID]: _, ...rest } = metadata;
  return rest;
}

/** One append as it goes over the wire. */
export interface WireAppend {
  readonly events: EventData[];
  /** Tells this append apart from other appends of the same events; undefined when there can be only one. */
  readonly appendId: string | undefined;
}

const encoder = new TextEncoder();

/** Makes the driver's events. Metadata is sent as the checked bytes. The driver serialises data again; that cannot fail now. */
export function toWire(
  events: readonly NewEvent[],
  serialised: readonly SerialisedEvent[],
  { distinct }: { readonly distinct: boolean },
): WireAppend {
  const appendId = distinct ? randomUUID() : undefined;
  const last = serialised.length - 1;
  const wire = serialised.map(({ id, type, metadata }, index): EventData => {
    const told = appendId !== undefined && index === last ? marked(metadata, appendId) : metadata;
    const bytes = encoder.encode(told);
    const data = events[index]!.data as JSONEventType['data'];
    return { contentType: 'application/json', id: id.toLowerCase(), type, data, metadata: bytes };
  });
  return { events: wire, appendId };
}

const marked = (metadata: string, appendId: string): string =>
  `{"${APPEND_ID}":"${appendId}"${metadata === '{}' ? '' : ','}${metadata.slice(1)}`;
