import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { capitalised, code, listed, page, sentence, table } from './markdown.ts';
import { fieldsOf, type JsonSchema } from './schemaText.ts';
import { createLogger, handlers, projections, versionOf, type Services } from './shop.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');

interface Event {
  readonly type: string;
  readonly category: string;
  readonly version: number;
  readonly schema: JsonSchema;
}

const json = (file: string): unknown => JSON.parse(readFileSync(path.join(ROOT, file), 'utf8'));

/** Event types and the category of the streams they are in, as `asyncapi.json` has them from the types of the deciders. */
function categories(): ReadonlyMap<string, string> {
  const { channels } = json('asyncapi.json') as { channels: Record<string, { address: string }> };
  return new Map(Object.entries(channels).map(([type, { address }]) => [type, address.split('.')[1]!]));
}

const schemaFile = (type: string, version: number): string => `schemas/${type}.v${version}.json`;

function events(): Event[] {
  const categoryOf = categories();
  const types = [...new Set(readdirSync(path.join(ROOT, 'schemas')).map((file) => file.split('.')[0]!))].sort();
  return types.map((type) => {
    const category = categoryOf.get(type);
    if (category === undefined) throw new Error(`asyncapi.json lacks ${type}: run "npm run asyncapi".`);
    const version = versionOf(type);
    return { type, category, version, schema: json(schemaFile(type, version)) as JsonSchema };
  });
}

/** The handlers of a shop that does not run. Only their names and the types of their events are read. */
const subscriptions = handlers({
  services: {} as Services,
  pool: new pg.Pool(),
  config: {
    payment: { methodDefault: '', deadlineMs: 0, sandboxDelayMs: 0 },
    mail: { smtpUrl: undefined, from: '', publicUrl: '' },
  },
  log: createLogger('silent'),
  now: () => '',
});

const readModelsOf = (type: string): string[] =>
  projections.filter(({ on }) => Object.hasOwn(on, type)).map(({ name }) => name);
const handlersOf = (type: string): string[] =>
  subscriptions.filter(({ types }) => types.includes(type)).map(({ name }) => name);

const namesOr = (names: readonly string[], none: string): string =>
  names.length === 0 ? none : names.map(code).join(', ');

function versionsOf({ type, version }: Event): string {
  const link = (one: number): string => `[version ${one}](../../${schemaFile(type, one)})`;
  const older = Array.from({ length: version - 1 }, (_, index) => link(index + 1));
  const raised = older.length === 0 ? '' : ` An upcaster raises ${listed(older)} when they are read.`;
  return `Recorded as ${link(version)}.${raised}`;
}

function details(event: Event): string[] {
  const { type, schema } = event;
  const fields = fieldsOf(schema);
  return [
    `### ${type}`,
    `${schema.description === undefined ? '' : `${sentence(schema.description)} `}${versionsOf(event)}`,
    fields.length === 0
      ? 'It carries no data.'
      : table(
          ['field', 'value'],
          fields.map(({ name, required, value }) => [code(name), required ? value : `${value}; may be absent`]),
        ),
  ];
}

const INTRODUCTION = `Everything that ever happened is an event in one log. An event belongs to the stream of one aggregate, named after its category and id
(\`order-<uuid>\`); its revision is its place in the stream, its position is its place in the log. An amount of money is in minor units (cents).
A field that holds personal data is sealed under a key of the person it is about.

With \`NATS_URL\` each event goes out as a CloudEvent on \`cartulary.<category>.<type>\`; [asyncapi.json](../../asyncapi.json) describes those messages. An
event keeps its type for ever. A change of its data that old events do not fit is a new version, and comes with an upcaster that
raises old ones.`;

/** `docs/reference/events.md`. */
export function eventsPage(): string {
  const all = events();
  const nouns = [...new Set(all.map(({ category }) => category))].sort();
  return page('Events', 'the schemas in `schemas` and the read models and handlers in `src`', [
    INTRODUCTION,
    ...nouns.flatMap((noun) => {
      const own = all.filter(({ category }) => category === noun);
      return [
        `## ${capitalised(noun)}`,
        `Streams ${code(`${noun}-<id>`)}.`,
        table(
          ['event', 'version', 'read models', 'handlers'],
          own.map(({ type, version }) => [
            `[${code(type)}](#${type.toLowerCase()})`,
            String(version),
            namesOr(readModelsOf(type), '–'),
            namesOr(handlersOf(type), '–'),
          ]),
        ),
        ...own.flatMap(details),
      ];
    }),
  ]);
}
