import { randomUUID } from 'node:crypto';
import type { EventData, JSONEventType, ResolvedEvent } from '@eventstore/db-client';
import type { NewEvent, RecordedEvent } from '../eventStore.ts';
import type { SizedEvent } from '../recent.ts';
import type { SerialisedEvent } from '../serialise.ts';
import { understood } from '../upcast.ts';

/** Our own stream, which says which log this is. It is no part of the log that readers see. */
export const LOG_STREAM = 'cartulary-log';
/** What the server is asked for: neither its own streams nor that one. */
export const OURS_REGEX = `^(?!\\$|${LOG_STREAM}$)`;
/** What a server says where it has no position. */
const NO_POSITION = 2n ** 64n - 1n;
/** The key that our adapter adds to the metadata of an append's last event, and takes away again. */
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

/** Whether somebody who follows the log is to see it: nothing of the server's, and nothing of the log about itself. */
export const isOurs = ({ type, streamId }: WireEvent): boolean =>
  !type.startsWith('$') && !streamId.startsWith('$') && streamId !== LOG_STREAM;

/** The event itself; undefined for a link whose target is gone. */
export const eventOf = (resolved: ResolvedEvent): WireEvent | undefined => resolved.event;

const UNUSABLE = 'LogUnusable';
/** The log cannot be read as it is: trying again cannot help. */
export const unusable = (reason: string, cause?: unknown): Error =>
  Object.assign(new Error(reason, { cause }), { name: UNUSABLE });
export const isUnusable = (error: unknown): boolean => error instanceof Error && error.name === UNUSABLE;

/**
 * Where an event is in the whole log, as one number: its commit position, which equals its prepare position in everything
 * that is written over gRPC. Throws where that does not hold, since such a position could not be resumed from.
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

/** What our readers get. */
export function toRecorded(event: WireEvent): RecordedEvent {
  const { id, type, streamId: stream, revision } = event;
  return understood({
    ...{ position: positionOf(event), stream, revision, id, type },
    data: event.isJson ? event.data : textOf(event.data),
    metadata: withoutAppendId(event.metadata),
  });
}

/** What an event takes beside its data, roughly. */
const OVERHEAD_BYTES = 512;

/** How many bytes an event takes, roughly; one that cannot be read counts as empty. */
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
  /** Which of several appends of the same events this one is; undefined where there can be only one. */
  readonly appendId: string | undefined;
}

const encoder = new TextEncoder();

/** Metadata is sent as the bytes that were checked; data is text once more inside the driver, which cannot fail after the check. */
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
