import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import { type EventStore, NO_STREAM, type RecordedEvent } from '../../src/eventstore/eventStore.ts';
import {
  keptOf,
  poisonOf,
  recorded,
  schemaOf,
  type StoredEvent,
  upcast,
  type Upcasters,
  upcasting,
} from '../../src/eventstore/upcast.ts';
import { createMemoryEventStore } from '../support/memoryStore.ts';

const upcasters: Upcasters = {
  Priced: [
    (data) => ({ ...data, currency: 'EUR' }),
    ({ price, ...data }) => ({ ...data, amount: (price as number) * 100 }),
  ],
};
const read = (event: StoredEvent): RecordedEvent => upcast(upcasters, recorded(event));

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
    const versions = ['Priced', 'Other', 'toString'].map((type) => schemaOf(upcasters, type));
    expect(versions).to.deep.equal([3, 1, 1]);
  });

  it('brings each older version to the current shape', () => {
    const priced = (data: object, schema: number): RecordedEvent =>
      read(stored('Priced', JSON.stringify(data), schema));
    for (const event of [
      priced({ price: 2 }, 1),
      { ...priced({ price: 2, currency: 'EUR' }, 2) },
      priced({ amount: 200, currency: 'EUR' }, 3),
    ]) {
      expect(event.data).to.deep.equal({ amount: 200, currency: 'EUR' });
      expect(event.metadata).to.deep.equal({ commandId: 'c', schema: 3 });
      expect([event.position, event.revision, event.id]).to.deep.equal([9n, 3n, 'the-id']);
    }
  });

  it('leaves the event it was given as it was', () => {
    const event = { ...recorded(stored('Other', '{}', 1)), type: 'Priced', data: { price: 1 } };
    const before = structuredClone(event);
    expect(upcast(upcasters, event).data).to.deep.equal({ amount: 100, currency: 'EUR' });
    expect(event).to.deep.equal(before);
  });

  it('still tells what the log keeps', () => {
    for (const event of [
      stored('Priced', '{"price":2}', 1),
      stored('Priced', '{"amount":200,"currency":"EUR"}', 3),
      stored('Priced', '{}', 4),
    ]) {
      expect(keptOf(read(event))).to.deep.equal(event);
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
    it(`hands out an event with ${what}, and fails readers of its data`, () => {
      const handed = read(event);
      expect([handed.position, handed.stream, handed.type]).to.deep.equal([9n, 'thing-1', event.type]);
      expect(() => handed.data).to.throw(reason);
      expect(() => handed.metadata).to.throw(reason);
      expect(poisonOf(handed)).to.deep.equal(event);
    });
  }

  it('counts an upcaster that fails as an event that cannot be read', () => {
    const failing: Upcasters = {
      Broken: [
        () => {
          throw new Error('no such field');
        },
      ],
    };
    expect(() => upcast(failing, recorded(stored('Broken', '{}', 1))).data).to.throw('no such field');
  });
});

describe('a log whose events are raised', () => {
  const opened = new AbortController();
  after(() => opened.abort());
  const now = { amount: 200, currency: 'EUR' };

  async function older() {
    const store = createMemoryEventStore();
    const metadata = { commandId: 'c', command: 'Price', correlationId: 'c', actor: 'a', occurredAt: 'now', schema: 1 };
    const id = randomUUID();
    await store.append('thing-1', NO_STREAM, [{ id, type: 'Priced', data: { price: 2 }, metadata }]);
    return { id, raised: upcasting(store, upcasters), store };
  }

  const ways: Record<string, (store: EventStore, id: string) => Promise<readonly RecordedEvent[]>> = {
    read: (store) => store.read('thing-1'),
    find: (store, id) => store.find('thing-1', [id]),
    readAll: (store) => store.readAll(0n),
    readBack: (store) => store.readBack('thing-1'),
    readAllBack: (store) => store.readAllBack(),
    locate: async (store, id) => (await store.locate([id], 1_000n)).events,
    follow: async (store) => {
      for await (const page of store.follow(0n, { signal: opened.signal })) return page;
      return [];
    },
    scan: async (store) => {
      const older = recorded(stored('Priced', '{"price":2}', 1));
      const scanned = upcasting({ ...store, scan: () => Readable.from([[older]]) }, upcasters);
      for await (const page of scanned.scan!({ types: [], after: 0n, upTo: 1n })) return page;
      return [];
    },
  };
  for (const [way, found] of Object.entries(ways)) {
    it(`tells the current shape to ${way}`, async () => {
      const { id, raised, store } = await older();
      const [event] = await found(raised, id);
      expect(event?.data).to.deep.equal(now);
      const [kept] = await store.read('thing-1');
      expect(kept?.data, 'the log itself').to.deep.equal({ price: 2 });
    });
  }
});
