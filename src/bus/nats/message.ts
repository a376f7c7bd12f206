import { headers, type MsgHdrs } from 'nats';
import type { RecordedEvent } from '../../eventstore/eventStore.ts';
import { fromCloudEvent, subjectOf, toCloudEvent } from '../envelope.ts';

/** Positions of the event and of the event before it in the log. A reader that is at the previous position has missed nothing. */
export const POSITION_HEADER = 'Cartulary-Position';
export const PREVIOUS_HEADER = 'Cartulary-Previous-Position';
const CONTENT_TYPE = 'application/cloudevents+json';
const POSITION = /^(0|[1-9]\d{0,19})$/;
/** The characters that a subject may have. */
const SUBJECT = /^[\w-]+(\.[\w-]+)*$/;

/** One event on its way to the stream. */
export interface Outgoing {
  readonly position: bigint;
  readonly messageId: string;
  readonly subject: string;
  readonly headers: MsgHdrs;
  readonly payload: string;
}

/** `previous` is the position of the event before it in the log. Throws for an event that cannot be published. */
export function toMessage(event: RecordedEvent, previous: bigint, prefix: string): Outgoing {
  const type = subjectOf(event);
  const subject = `${prefix}${type.slice(type.indexOf('.'))}`;
  if (!SUBJECT.test(subject)) throw new Error(`"${subject}" cannot be a subject`);
  const hdrs = headers();
  hdrs.set('Content-Type', CONTENT_TYPE);
  hdrs.set(POSITION_HEADER, String(event.position));
  hdrs.set(PREVIOUS_HEADER, String(previous));
  const payload = JSON.stringify(toCloudEvent(event));
  return { position: event.position, messageId: event.id, subject, headers: hdrs, payload };
}

export interface Incoming {
  readonly position: bigint;
  readonly previous: bigint;
  /** In the schema version of its message; undefined when it cannot be read here. The log then has it. */
  readonly event: RecordedEvent | undefined;
}

interface Message {
  readonly header?: MsgHdrs;
  readonly headers?: MsgHdrs | undefined;
  json(): unknown;
}

/** The content of a message; undefined when the relay did not publish it. */
export function fromMessage(message: Message): Incoming | undefined {
  const hdrs = message.headers ?? message.header;
  const [position = '', previous = ''] = [hdrs?.get(POSITION_HEADER), hdrs?.get(PREVIOUS_HEADER)];
  if (!POSITION.test(position) || !POSITION.test(previous)) return undefined;
  return { position: BigInt(position), previous: BigInt(previous), event: eventOf(message, BigInt(position)) };
}

function eventOf(message: Message, position: bigint): RecordedEvent | undefined {
  try {
    const event = fromCloudEvent(message.json());
    return event.position === position ? event : undefined;
  } catch {
    return undefined;
  }
}
