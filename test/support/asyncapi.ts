import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { POSITION_HEADER, PREVIOUS_HEADER } from '../../src/bus/nats/message.ts';
import { format, resolveConfig } from 'prettier';
import { eventExamples, type EventExample } from './eventExamples.ts';
import { eventSchemas, type EventSchema } from './eventSchemas.ts';
import { keepSchemas, keptSchema, versionOf } from './keptSchemas.ts';

type Json = Record<string, unknown>;

export const ASYNCAPI = path.resolve(import.meta.dirname, '../../asyncapi.json');

const text = { type: 'string' };
const uuid = { type: 'string', format: 'uuid' };
const decimal = (description: string): Json => ({ type: 'string', pattern: '^(0|[1-9][0-9]*)$', description });

const schemaRef = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

/** The CloudEvents envelope (`src/bus/envelope.ts`) that all events share. */
const ENVELOPE: Json = {
  type: 'object',
  required: [
    ...['specversion', 'id', 'source', 'type', 'subject', 'time', 'datacontenttype', 'data', 'sequence', 'position'],
    ...['correlationid', 'commandid', 'command', 'actor', 'schemaversion'],
  ],
  properties: {
    specversion: { const: '1.0' },
    id: { ...uuid, description: 'Of the event, and of the message: an event that comes again has the same.' },
    source: { const: '/cartulary' },
    type: { ...text, description: '`cartulary.<category>.<event>`' },
    subject: { ...text, description: 'The event’s stream.' },
    time: { type: 'string', format: 'date-time' },
    datacontenttype: { const: 'application/json' },
    data: { type: 'object', description: 'What happened, by the schema of the event and its version.' },
    sequence: decimal('Place in its stream, from 0: revisions of one stream are contiguous.'),
    position: decimal('Place in the whole log; it ascends.'),
    correlationid: text,
    causationid: { ...text, description: 'The event that led to the command, when one did.' },
    commandid: uuid,
    command: text,
    actor: text,
    schemaversion: { type: 'integer' },
    traceparent: text,
  },
};

const messageName = (type: string, version: number): string => `${type}.v${version}`;

/** The envelope around one version of one event's data, which is a schema of its own by the message's name. */
const payloadOf = ({ type, category }: EventSchema, version: number): Json => ({
  allOf: [
    schemaRef('CloudEvent'),
    {
      type: 'object',
      properties: {
        type: { const: `cartulary.${category}.${type}` },
        subject: { type: 'string', pattern: `^${category}-` },
        data: schemaRef(messageName(type, version)),
        schemaversion: { const: version },
      },
    },
  ],
});

interface Described {
  readonly name: string;
  readonly data: object;
  readonly message: Json;
}

function messagesOf(event: EventSchema, example: EventExample): Described[] {
  const current = versionOf(event.type);
  return Array.from({ length: current }, (_, index) => index + 1).map((version) => {
    const { headers, payload } = example;
    return {
      name: messageName(event.type, version),
      data: version === current ? event.data : { ...keptSchema(event.type, version)!, $schema: undefined },
      message: {
        name: event.type,
        title: `${event.type}, version ${version}`,
        ...(event.description === '' ? {} : { summary: event.description }),
        contentType: 'application/cloudevents+json',
        headers: schemaRef('Headers'),
        payload: payloadOf(event, version),
        ...(version === current ? { examples: [{ name: event.type, headers, payload }] } : {}),
      },
    };
  });
}

const HEADERS: Json = {
  type: 'object',
  required: ['Nats-Msg-Id', POSITION_HEADER, PREVIOUS_HEADER],
  properties: {
    'Nats-Msg-Id': { ...uuid, description: 'The event’s id; JetStream stores it once within its duplicate window.' },
    'Content-Type': { const: 'application/cloudevents+json' },
    [POSITION_HEADER]: decimal('The event’s place in the log.'),
    [PREVIOUS_HEADER]: decimal('The place of the event before it: who has come to that one has missed nothing.'),
  },
};

const DESCRIPTION = `Every event of the shop, in log order, on NATS JetStream (\`NATS_URL\`), as CloudEvents 1.0 in JSON.
At least once: dedupe by \`id\`. In order per stream (\`subject\`, \`sequence\`), but for repeats. Money is in minor units.
Personal data is sealed, as in the log. The first part of the address is \`NATS_PREFIX\`.`;

/** The AsyncAPI 3.0 document, from the types of the events. */
export function asyncApi(events: readonly EventSchema[]): Json {
  const examples = eventExamples(events, versionOf);
  const described = events.map((event) =>
    messagesOf(
      event,
      examples.find((example) => example.event.type === event.type)!,
    ),
  );
  const all = described.flat();
  const channels = events.map((event, index) => {
    const names = described[index]!.map(({ name }) => name);
    const channel = {
      address: `cartulary.${event.category}.${event.type}`,
      messages: Object.fromEntries(names.map((name) => [name, { $ref: `#/components/messages/${name}` }])),
      servers: [{ $ref: '#/servers/nats' }],
    };
    return [event.type, channel] as const;
  });
  const operations = events.map(({ type }) => {
    const operation = {
      action: 'send',
      channel: { $ref: `#/channels/${type}` },
      summary: `The relay tells of ${type}`,
    };
    return [`publish${type}`, operation] as const;
  });
  const { version, license } = JSON.parse(
    readFileSync(path.resolve(import.meta.dirname, '../../package.json'), 'utf8'),
  ) as { version: string; license: string };
  return {
    asyncapi: '3.0.0',
    info: { title: 'Cartulary events', version, description: DESCRIPTION, license: { name: license } },
    defaultContentType: 'application/cloudevents+json',
    servers: { nats: { host: 'localhost:4222', protocol: 'nats', description: 'JetStream' } },
    channels: Object.fromEntries(channels),
    operations: Object.fromEntries(operations),
    components: {
      messages: Object.fromEntries(all.map(({ name, message }) => [name, message])),
      schemas: {
        ...{ Headers: HEADERS, CloudEvent: ENVELOPE },
        ...Object.fromEntries(all.map(({ name, data }) => [name, data])),
      },
    },
  };
}

/** The text of the document, as the repository keeps it. */
export async function asyncApiText(events: readonly EventSchema[]): Promise<string> {
  const config = await resolveConfig(ASYNCAPI);
  return format(JSON.stringify(asyncApi(events)), { ...config, parser: 'json' });
}

/** `npm run asyncapi`: writes `schemas/` and `asyncapi.json` from the types of the events. */
if (process.argv[1] === import.meta.filename) {
  const events = eventSchemas();
  await keepSchemas(events);
  writeFileSync(ASYNCAPI, await asyncApiText(events));
  console.log(`${events.length} events`);
}
