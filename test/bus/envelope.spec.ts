import { expect } from 'chai';
import fc from 'fast-check';
import { fromCloudEvent, subjectOf, toCloudEvent } from '../../src/bus/envelope.ts';
import type { RecordedEvent } from '../../src/eventstore/eventStore.ts';

const placed: RecordedEvent = {
  id: '7f1d6f0c-3a1b-4c1e-9a52-0d3f5f0a9b11',
  type: 'OrderPlaced',
  data: { total: 1990, lines: [{ productId: 'p' }] },
  metadata: {
    commandId: 'c0ffee00-0000-4000-8000-000000000001',
    command: 'PlaceOrder',
    correlationId: 'c0ffee00-0000-4000-8000-000000000002',
    causationId: 'c0ffee00-0000-4000-8000-000000000003',
    actor: 'system:payment',
    occurredAt: '2026-11-21T08:00:00.000Z',
    schema: 2,
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  },
  position: 9_007_199_254_740_993n,
  stream: 'order-0193f9a0-0000-7000-8000-000000000001',
  revision: 41n,
};

const roundTrip = (event: RecordedEvent): RecordedEvent =>
  fromCloudEvent(JSON.parse(JSON.stringify(toCloudEvent(event))));

describe('envelope', () => {
  it('is a CloudEvent whose type is the subject and whose subject is the stream', () => {
    expect(toCloudEvent(placed)).to.include({
      specversion: '1.0',
      type: 'cartulary.order.OrderPlaced',
      subject: placed.stream,
      sequence: '41',
      position: '9007199254740993',
    });
    expect(subjectOf(placed)).to.equal('cartulary.order.OrderPlaced');
  });

  it('carries an event there and back, beyond what a number can hold', () => {
    expect(roundTrip(placed)).to.deep.equal(placed);
  });

  it('carries any event there and back', () => {
    const event = fc.record({
      id: fc.uuid(),
      type: fc.stringMatching(/^[A-Z][A-Za-z]{0,20}$/),
      data: fc.dictionary(
        fc.string().filter((key) => key !== '__proto__'),
        fc.oneof(fc.string(), fc.integer(), fc.boolean()),
      ),
      metadata: fc.record(
        {
          commandId: fc.uuid(),
          command: fc.stringMatching(/^[A-Z][A-Za-z]{0,20}$/),
          correlationId: fc.uuid(),
          causationId: fc.uuid(),
          actor: fc.stringMatching(/^[a-z:]{1,20}$/),
          occurredAt: fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
          schema: fc.integer({ min: 1, max: 99 }),
          traceparent: fc.stringMatching(/^[0-9a-f-]{1,55}$/),
        },
        { requiredKeys: ['commandId', 'command', 'correlationId', 'actor', 'occurredAt', 'schema'] },
      ),
      position: fc.bigInt({ min: 1n, max: 2n ** 63n }),
      stream: fc.tuple(fc.stringMatching(/^[a-z]{1,10}$/), fc.uuid()).map(([category, id]) => `${category}-${id}`),
      revision: fc.bigInt({ min: 0n, max: 2n ** 63n }),
    });
    fc.assert(
      fc.property(event, (any) => {
        expect(JSON.stringify(roundTrip(any), text)).to.equal(JSON.stringify(any, text));
      }),
    );
  });

  it('refuses what is no event of the shop, saying why', () => {
    const good = toCloudEvent(placed);
    const refused: [object, RegExp][] = [
      [{ ...good, specversion: '0.3' }, /specversion/],
      [{ ...good, source: '/elsewhere' }, /another source/],
      [{ ...good, id: '', actor: 7 }, /lacks id, actor/],
      [{ ...good, data: 'text' }, /data is no object/],
      [{ ...good, sequence: '-1' }, /sequence is not a number/],
      [{ ...good, position: '1e3' }, /position is not a number/],
      [{ ...good, type: 'cartulary.cart.OrderPlaced' }, /is not of stream/],
    ];
    for (const [envelope, why] of refused) expect(() => fromCloudEvent(envelope)).to.throw(why);
    expect(() => fromCloudEvent(null)).to.throw(/no object/);
  });
});

const text = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint'
    ? String(value)
    : typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value;
