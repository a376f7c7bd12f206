import { Ajv, type AnySchema } from 'ajv';
import formats from 'ajv-formats';
import { expect } from 'chai';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fold, type Command } from '../../src/engine/decide/decider.ts';
import type { MsgHdrs } from 'nats';
import { toMessage } from '../../src/bus/nats/message.ts';
import { judgeMessages } from '../support/published.ts';
import { samples } from '../aggregates/samples.ts';
import { ASYNCAPI, asyncApi, asyncApiText } from '../support/asyncapi.ts';
import { SEALED_FIELDS } from '../../src/aggregates/sealed.ts';
import {
  eventSchemas,
  type EventSchema,
  type Schema,
  SEALED_OR_OWN_TEXT,
  SEALED_TEXT,
} from '../support/eventSchemas.ts';
import { commandOf, NOW, recordedEvents, stored } from '../support/given.ts';
import { breaks, fileOf, fileOfCurrent, refusals, SCHEMAS, versionOf } from '../support/keptSchemas.ts';

const RUN = 'not current: run "npm run asyncapi"';
/** Strict mode is off, because it refuses schemas that JSON Schema allows. */
const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: true });
(formats as unknown as (of: Ajv) => void)(ajv);

/** The schema, changed to refuse fields that the type does not have. */
const strict = (schema: Schema): AnySchema => ({
  ...schema,
  ...(schema.anyOf === undefined ? {} : { anyOf: schema.anyOf.map(strict) }),
  ...(schema.items === undefined ? {} : { items: strict(schema.items) }),
  ...(schema.properties === undefined
    ? {}
    : {
        properties: Object.fromEntries(Object.entries(schema.properties).map(([name, of]) => [name, strict(of)])),
        additionalProperties: false,
      }),
});

function expectValid(schema: AnySchema, value: unknown, what: string): void {
  const valid = ajv.compile(schema);
  expect(valid(value), `${what}: ${ajv.errorsText(valid.errors)}`).to.equal(true);
}

describe('the schemas of events', function () {
  this.timeout(60_000);
  let events: EventSchema[];
  before(() => {
    events = eventSchemas();
  });
  const of = (type: string): EventSchema => events.find((event) => event.type === type)!;

  it('are there for every event that a decider records', () => {
    const recorded = samples.flatMap(({ decider, events: happened }) =>
      happened.map(({ type }) => `${decider.category}.${type}`),
    );
    expect(events.map(({ category, type }) => `${category}.${type}`)).to.have.members(recorded);
  });

  it('name as sealed exactly the fields in which sealed text is opened', () => {
    const named = events.flatMap(({ type, data }) =>
      Object.entries(data.properties ?? {}).flatMap(([field, { description = '' }]) =>
        description.includes(SEALED_TEXT) || description.includes(SEALED_OR_OWN_TEXT) ? `${type}.${field}` : [],
      ),
    );
    const opened = Object.entries(SEALED_FIELDS).flatMap(([type, fields]) =>
      Object.keys(fields).map((field) => `${type}.${field}`),
    );
    expect(named).to.have.members(opened);
  });

  it('are compatible with what the log holds, or raised to a version of their own by an upcaster', () => {
    expect(refusals(events)).to.deep.equal([]);
  });

  it('are kept as they are now', async () => {
    for (const event of events) {
      const { file, text } = await fileOfCurrent(event);
      expect(readFileSync(path.join(SCHEMAS, file), 'utf8'), RUN).to.equal(text);
    }
    expect(readFileSync(ASYNCAPI, 'utf8'), RUN).to.equal(await asyncApiText(events));
  });

  it('make a document that is AsyncAPI 3.0', () => {
    const specification = createRequire(import.meta.url)('@asyncapi/specs/schemas/3.0.0.json') as AnySchema;
    // The specification contains the meta-schema of draft-07 itself.
    const valid = new Ajv({
      strict: false,
      allErrors: true,
      meta: false,
      validateSchema: false,
      logger: false,
    }).compile(specification);
    const document = asyncApi(events);
    expect(valid(document), ajv.errorsText(valid.errors)).to.equal(true);
    expect(valid({ ...document, channels: { broken: { address: 7 } } })).to.equal(false);
    const channels = document['channels'] as Record<string, { address: string }>;
    expect(channels['OrderPlaced']!.address).to.equal('cartulary.order.OrderPlaced');
  });

  it('fit every event there is, and every event that is decided, as it goes out on the bus', () => {
    const judge = judgeMessages(asyncApi(events));
    for (const { decider, events: happened, commands } of samples) {
      const decided = commands.flatMap(({ type, data, past }) =>
        decider.decide(commandOf<Command>({ type, data: stored(data) }), fold(decider, decider.initial, past)),
      );
      for (const event of [...happened, ...decided]) {
        expectValid(strict(of(event.type).data), stored(event.data), event.type);
        const [recorded] = recordedEvents([`${decider.category}-1`, event, NOW, { schema: versionOf(event.type) }]);
        const { subject, headers, payload } = toMessage(recorded!, recorded!.position - 1n, 'cartulary');
        headers.set('Nats-Msg-Id', recorded!.id);
        expect(judge({ subject, headers: named(headers), payload: JSON.parse(payload) as object })).to.deep.equal([]);
      }
    }
    expect(() => expectValid(strict(of('PaymentConfirmed').data), { paymentId: 7 }, 'sees')).to.throw();
    expect(() => expectValid(strict(of('PaymentConfirmed').data), { paymentId: 'p', more: 1 }, 'sees')).to.throw();
  });
});

/** The headers of a message by their names. */
const named = (headers: MsgHdrs): Record<string, string> =>
  Object.fromEntries(headers.keys().map((name) => [name, headers.get(name)]));

describe('a change of an event', () => {
  const text = { type: 'string' };
  const object = (properties: Record<string, Schema>, required = Object.keys(properties)): Schema => ({
    ...{ type: 'object', properties, required },
  });
  const nullable = { anyOf: [text, { type: 'null' }] };
  const choice = (...values: string[]): Schema => ({ enum: values });

  const cases: readonly [what: string, older: Schema, newer: Schema, ok: boolean][] = [
    ['nothing', object({ a: text }), object({ a: text }), true],
    ['another description', object({ a: text }), object({ a: { ...text, description: 'new' } }), true],
    ['a field that may be left out', object({ a: text }), object({ a: text, b: text }, ['a']), true],
    ['a field that must be there', object({ a: text }), object({ a: text, b: text }), false],
    ['a field gone', object({ a: text, b: text }), object({ a: text }), false],
    ['a field that may be left out must be there', object({ a: text }, []), object({ a: text }), false],
    ['another type', object({ a: text }), object({ a: { type: 'number' } }), false],
    ['null as well', object({ a: text }), object({ a: nullable }), true],
    ['never null', object({ a: nullable }), object({ a: text }), false],
    ['one choice more', object({ a: choice('x') }), object({ a: choice('x', 'y') }), true],
    ['one choice less', object({ a: choice('x', 'y') }), object({ a: choice('x') }), false],
    ['any text instead of a choice', object({ a: choice('x') }), object({ a: text }), true],
    ['a choice instead of any text', object({ a: text }), object({ a: choice('x') }), false],
    [
      'a field of a list’s items gone',
      object({ a: { type: 'array', items: object({ b: text }) } }),
      object({ a: { type: 'array', items: object({}) } }),
      false,
    ],
  ];
  for (const [what, older, newer, ok] of cases) {
    it(`${ok ? 'may be' : 'may not be without an upcaster'}: ${what}`, () => {
      expect(breaks(older, newer).length === 0, breaks(older, newer).join()).to.equal(ok);
    });
  }

  it('that is incompatible needs a version of its own, and the schema of the version before it', () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'cartulary-schemas-'));
    try {
      const keep = (version: number, schema: Schema): void => {
        writeFileSync(path.join(folder, fileOf('Happened', version)), JSON.stringify(schema));
      };
      const now: EventSchema = { type: 'Happened', category: 'thing', description: '', data: object({ b: text }) };
      keep(1, object({ a: text }));
      const refused = (version: number, events = [now]): string => refusals(events, folder, () => version).join('\n');
      expect(refused(1)).to.contain('data.a is gone').and.to.contain('Write an upcaster');
      expect(refused(2)).to.equal('');
      expect(refused(3)).to.contain('Happened.v2.json is missing');
      expect(refused(1, [])).to.contain('Happened is gone');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
