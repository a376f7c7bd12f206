import type { FulfilmentAdvanced, FulfilmentCancelled, OrderPlaced } from '../../src/aggregates/order.ts';
import { orderParts } from '../../src/projections/orderParts.ts';
import { line, placed } from '../aggregates/orderExamples.ts';
import { given, recordedEvents } from '../support/given.ts';

const AT = '2026-03-01T08:00:00.000Z';
const LATER = '2026-03-01T09:00:00.000Z';
const ofStores = (...stores: string[]): OrderPlaced => ({
  type: 'OrderPlaced',
  data: { ...placed.data, lines: stores.map((store) => line(store, 100, 1)) },
});
const part = (storeId: string, fulfilment: string) => ({
  ...{ key: `one:${storeId}`, order_id: 'one', store_id: storeId, fulfilment, created_at: AT },
});
const advanced: FulfilmentAdvanced = {
  type: 'FulfilmentAdvanced',
  data: { storeId: 'a', status: 'processing' },
};
const cancelled: FulfilmentCancelled = {
  type: 'FulfilmentCancelled',
  data: { storeId: 'b', reason: 'none left' },
} as FulfilmentCancelled;

describe('the parts of orders', () => {
  it('are one for each store of an order', () => {
    given(orderParts, ...recordedEvents(['order-one', ofStores('a', 'b', 'a'), AT])).then(
      part('a', 'pending') as never,
      part('b', 'pending') as never,
    );
  });

  it('advance and are cancelled by themselves, and keep their place', () => {
    const events = recordedEvents(
      ['order-one', ofStores('a', 'b'), AT],
      ['order-one', advanced, LATER],
      ['order-one', cancelled, LATER],
    );
    given(orderParts, ...events).then(part('a', 'processing') as never, part('b', 'cancelled') as never);
  });
});
