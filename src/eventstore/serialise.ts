import { invalid, reject } from '../errors.ts';
import { APPEND_BYTES_MAX, APPEND_EVENTS_MAX, type NewEvent } from './eventStore.ts';
import { UUID } from '../platform/ids.ts';

const STREAM_NAME_BYTES_MAX = 256;
const EVENT_TYPE_BYTES_MAX = 128;
/** Deepest nesting of an event's data or metadata. */
const DATA_DEPTH_MAX = 64;

/** An event as texts, with the size of data and metadata in bytes. */
export interface SerialisedEvent {
  readonly id: string;
  readonly type: string;
  readonly data: string;
  readonly metadata: string;
  readonly bytes: number;
}

const LONE_SURROGATE = /\p{Surrogate}/u;
/** An escaped NUL in JSON text: an odd number of backslashes before `u0000`. */
const ESCAPED_NUL = /(?<!\\)(?:\\\\)*\\u0000/;

/**
 * Turns one append's events into texts. Refuses input that the log could not return unchanged: NUL (`invalid`), too many
 * events or bytes (`rejected`), values that are not JSON (a `TypeError`, because that is a bug in the calling code).
 */
export function serialise(stream: string, events: readonly NewEvent[]): SerialisedEvent[] {
  checkName('stream', stream, STREAM_NAME_BYTES_MAX);
  if (events.length === 0) throw new TypeError(`an append to ${stream} carries no event`);
  if (events.length > APPEND_EVENTS_MAX) {
    reject(
      'AppendTooLarge',
      `One command may record at most ${APPEND_EVENTS_MAX} events; this one has ${events.length}.`,
    );
  }
  let bytes = 0;
  return events.map((event) => {
    const serialised = serialiseEvent(event);
    bytes += serialised.bytes;
    if (bytes > APPEND_BYTES_MAX) {
      reject('AppendTooLarge', `One command may record at most ${APPEND_BYTES_MAX} bytes of events.`);
    }
    return serialised;
  });
}

function serialiseEvent(event: NewEvent): SerialisedEvent {
  const { id, type } = event;
  if (!UUID.test(id)) throw new TypeError(`an event's id is a uuid, not ${JSON.stringify(id)}`);
  checkName('event type', type, EVENT_TYPE_BYTES_MAX);
  const data = toJson(event.data, `${type}.data`);
  const metadata = toJson(event.metadata, `${type}.metadata`);
  return { id, type, data, metadata, bytes: Buffer.byteLength(data) + Buffer.byteLength(metadata) };
}

function toJson(value: object, path: string): string {
  checkObject(value, path, 0);
  const text = JSON.stringify(value);
  if (text.includes('\\u0000') && ESCAPED_NUL.test(text)) {
    invalid(path, 'must not hold the NUL character', 'INVALID_TEXT');
  }
  return text;
}

function checkName(what: string, name: string, bytesMax: number): void {
  const wrong = name === '' || name.includes('\0') || Buffer.byteLength(name) > bytesMax || LONE_SURROGATE.test(name);
  if (wrong) throw new TypeError(`not a name for a ${what}: ${JSON.stringify(name).slice(0, 2 * bytesMax)}`);
}

function checkObject(value: unknown, path: string, depth: number): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`${path} is not an object`);
  }
  checkJson(value, path, depth);
}

function checkJson(value: unknown, path: string, depth: number): void {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return;
  if (typeof value === 'object') checkContainer(value, path, depth);
  else if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw new TypeError(`${path} is ${typeof value === 'number' ? value : typeof value}, which JSON cannot say`);
  }
}

function checkContainer(value: object, path: string, depth: number): void {
  if (depth > DATA_DEPTH_MAX) throw new TypeError(`${path} nests deeper than ${DATA_DEPTH_MAX}`);
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) checkJson(value[index], path, depth + 1);
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw new TypeError(`${path} is not a plain object`);
  for (const key of Object.keys(value)) {
    const inner = (value as Record<string, unknown>)[key];
    // Strings are always valid: skip the cost of building their path.
    if (typeof inner !== 'string') checkJson(inner, `${path}.${key}`, depth + 1);
  }
}
