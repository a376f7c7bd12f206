import { expect } from 'chai';
import type { RecordedEvent } from '../../src/eventstore/eventStore.ts';
import { createSchemas, keptOf, poisonOf, schemaOf, type StoredEvent } from '../../src/eventstore/upcast.ts';

const schemas = createSchemas({
  Priced: [
    (data) => ({ ...data, currency: 'EUR' }),
    ({ price, ...data }) => ({ ...data, amount: (price as number) * 100 }),
  ],
});

const stored = (type: string, data: string, schema: unknown): StoredEvent => ({
  position: 9n,
  stream: 'thing-1',
  revision: 3n,
  id: 'the-id',
  type,
  data,
  metadata: JSON.stringify({ commandId: 'c', schema }),
});

describe('upcasting', () => {
  it('knows the current version of each type', () => {
    expect([schemas.schemaOf('Priced'), schemas.schemaOf('Other'), schemaOf('Other')]).to.deep.equal([3, 1, 1]);
  });

  it('brings each older version to the current shape', () => {
    const read = (data: object, schema: number): RecordedEvent =>
      schemas.recorded(stored('Priced', JSON.stringify(data), schema));
    for (const event of [
      read({ price: 2 }, 1),
      { ...read({ price: 2, currency: 'EUR' }, 2) },
      read({ amount: 200, currency: 'EUR' }, 3),
    ]) {
      expect(event.data).to.deep.equal({ amount: 200, currency: 'EUR' });
      expect(event.metadata).to.deep.equal({ commandId: 'c', schema: 3 });
      expect([event.position, event.revision, event.id]).to.deep.equal([9n, 3n, 'the-id']);
    }
  });

  it('leaves the event it was given as it was', () => {
    const event = { ...schemas.recorded(stored('Other', '{}', 1)), type: 'Priced', data: { price: 1 } };
    const before = structuredClone(event);
    expect(schemas.upcast(event).data).to.deep.equal({ amount: 100, currency: 'EUR' });
    expect(event).to.deep.equal(before);
  });

  it('still tells what the log keeps', () => {
    for (const event of [
      stored('Priced', '{"price":2}', 1),
      stored('Priced', '{"amount":200,"currency":"EUR"}', 3),
      stored('Priced', '{}', 4),
    ]) {
      expect(keptOf(schemas.recorded(event))).to.deep.equal(event);
    }
  });

  const poison: [string, StoredEvent, string][] = [
    [
      'a version newer than this code',
      stored('Priced', '{}', 4),
      'is of schema version 4; this code knows versions up to 3',
    ],
    ['no version', stored('Priced', '{}', undefined), 'has no schema version'],
    ['a version that is no number', stored('Other', '{}', '1'), 'has no schema version'],
    ['data that is a list', stored('Other', '[]', 1), 'its data is no object'],
    ['data that is nothing', stored('Other', 'null', 1), 'its data is no object'],
    ['metadata that is text', { ...stored('Other', '{}', 1), metadata: '"x"' }, 'its metadata is no object'],
  ];
  for (const [what, event, reason] of poison) {
    it(`hands out an event with ${what}, and fails who looks inside`, () => {
      const read = schemas.recorded(event);
      expect([read.position, read.stream, read.type]).to.deep.equal([9n, 'thing-1', event.type]);
      expect(() => read.data).to.throw(reason);
      expect(() => read.metadata).to.throw(reason);
      expect(poisonOf(read)).to.equal(event);
    });
  }

  it('counts an upcaster that fails as an event that cannot be read', () => {
    const failing = createSchemas({
      Broken: [
        () => {
          throw new Error('no such field');
        },
      ],
    });
    expect(() => failing.recorded(stored('Broken', '{}', 1)).data).to.throw('no such field');
  });
});
