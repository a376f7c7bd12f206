import { categoryOf, type Metadata, type RecordedEvent } from '../eventstore/eventStore.ts';
import type { CloudEvent } from './bus.ts';

const TYPE_PREFIX = 'cartulary.';
const DECIMAL = /^(0|[1-9]\d{0,19})$/;

/** The type of an event in CloudEvents, and its subject on a broker with the default prefix. */
export const subjectOf = (event: Pick<RecordedEvent, 'stream' | 'type'>): string =>
  `${TYPE_PREFIX}${categoryOf(event.stream)}.${event.type}`;

/** The event's public form: CloudEvents 1.0, with positions and revisions as decimal text. */
export function toCloudEvent(event: RecordedEvent): CloudEvent {
  const { metadata } = event;
  return {
    specversion: '1.0',
    id: event.id,
    source: '/cartulary',
    type: subjectOf(event),
    subject: event.stream,
    time: metadata.occurredAt,
    datacontenttype: 'application/json',
    data: event.data,
    sequence: String(event.revision),
    position: String(event.position),
    correlationid: metadata.correlationId,
    ...(metadata.causationId === undefined ? {} : { causationid: metadata.causationId }),
    commandid: metadata.commandId,
    command: metadata.command,
    actor: metadata.actor,
    schemaversion: metadata.schema,
    ...(metadata.traceparent === undefined ? {} : { traceparent: metadata.traceparent }),
  };
}

const TEXTS = [
  'id',
  'type',
  'subject',
  'time',
  'sequence',
  'position',
  'correlationid',
  'commandid',
  'command',
  'actor',
] as const;

const malformed = (why: string): Error => new Error(`This is not a valid event of the shop: ${why}.`);

function check(value: unknown): CloudEvent {
  if (typeof value !== 'object' || value === null) throw malformed('it is no object');
  const envelope = value as Record<string, unknown>;
  if (envelope['specversion'] !== '1.0') throw malformed('specversion is not 1.0');
  if (envelope['source'] !== '/cartulary') throw malformed('it comes from another source');
  const absent = TEXTS.filter((name) => typeof envelope[name] !== 'string' || envelope[name] === '');
  if (absent.length > 0) throw malformed(`it lacks ${absent.join(', ')}`);
  if (typeof envelope['data'] !== 'object' || envelope['data'] === null) throw malformed('data is no object');
  if (!Number.isSafeInteger(envelope['schemaversion'])) throw malformed('schemaversion is no integer');
  return value as CloudEvent;
}

function number(name: string, text: string): bigint {
  if (!DECIMAL.test(text)) throw malformed(`${name} is not a number`);
  return BigInt(text);
}

/** The event in an envelope. Throws an error that names the fault when the envelope is not valid. */
export function fromCloudEvent(value: unknown): RecordedEvent {
  const envelope = check(value);
  const prefix = `${TYPE_PREFIX}${categoryOf(envelope.subject)}.`;
  if (!envelope.type.startsWith(prefix)) throw malformed(`type ${envelope.type} is not of stream ${envelope.subject}`);
  const metadata: Metadata = {
    commandId: envelope.commandid,
    command: envelope.command,
    correlationId: envelope.correlationid,
    ...(envelope.causationid === undefined ? {} : { causationId: envelope.causationid }),
    actor: envelope.actor,
    occurredAt: envelope.time,
    schema: envelope.schemaversion,
    ...(envelope.traceparent === undefined ? {} : { traceparent: envelope.traceparent }),
  };
  return {
    id: envelope.id,
    type: envelope.type.slice(prefix.length),
    data: envelope.data,
    metadata,
    stream: envelope.subject,
    revision: number('sequence', envelope.sequence),
    position: number('position', envelope.position),
  };
}
