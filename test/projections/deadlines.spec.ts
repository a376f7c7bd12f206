import type { CartEvent } from '../../src/aggregates/cart.ts';
import type { OrderEvent } from '../../src/aggregates/order.ts';
import type { StockEvent } from '../../src/aggregates/stock.ts';
import { type DeadlineRow, deadlines } from '../../src/projections/deadlines.ts';
import { cancelled, captured, declined, placed, requested } from '../aggregates/orderExamples.ts';
import { type Fact, given, recordedEvents } from '../support/given.ts';

const DUE = '2026-03-01T12:15:00.000Z';
const PAY_BY = placed.data.payBy;

const started = (buyer: string, orderId: string): Fact => {
  const lines = [{ productId: 'tea', quantity: 2 }];
  return [`cart-${buyer}`, { type: 'CheckoutStarted', data: { orderId, lines, expiresAt: DUE } } satisfies CartEvent];
};
const failed = (buyer: string, orderId: string): Fact => [
  `cart-${buyer}`,
  { type: 'CheckoutFailed', data: { orderId, reason: 'InsufficientStock' } } satisfies CartEvent,
];
const reserved = (productId: string, orderId: string, buyerId = 'ann'): Fact => {
  const data = { orderId, buyerId, quantity: 2, expiresAt: DUE };
  return [`stock-${productId}`, { type: 'StockReserved', data } satisfies StockEvent];
};
const released = (productId: string, orderId: string): Fact => [
  `stock-${productId}`,
  { type: 'StockReleased', data: { orderId, quantity: 2 } } satisfies StockEvent,
];
const ofOrder = (orderId: string, ...events: OrderEvent[]): Fact[] =>
  events.map((event) => [`order-${orderId}`, event]);

const checkout = (orderId: string, more: Partial<DeadlineRow> = {}): DeadlineRow => ({
  ...{ key: `checkout:${orderId}`, kind: 'checkout', order_id: orderId, due_at: DUE, buyer_id: 'ann' },
  ...{ product_ids: [], cart_held: true },
  ...more,
});
const payment = (orderId: string): DeadlineRow => ({
  ...{ key: `payment:${orderId}`, kind: 'payment', order_id: orderId, due_at: PAY_BY, buyer_id: 'ann' },
  ...{ product_ids: [], cart_held: false },
});

describe('deadlines', () => {
  // Another buyer's checkout, without later events.
  const other: Fact[] = [started('ben', 'zwo'), reserved('cup', 'zwo', 'ben')];
  const otherRow = checkout('zwo', { buyer_id: 'ben', product_ids: ['cup'] });

  it('begin with a checkout and know what it holds', () => {
    given(deadlines, ...recordedEvents(...other, started('ann', 'one'))).then(checkout('one'), otherRow);
    given(
      deadlines,
      ...recordedEvents(started('ann', 'one'), ...other, reserved('tea', 'one'), reserved('cup', 'one')),
    ).then(checkout('one', { product_ids: ['tea', 'cup'] }), otherRow);
  });

  it('begin with the first reservation when there is no cart', () => {
    given(deadlines, ...recordedEvents(...other, reserved('tea', 'one'))).then(
      checkout('one', { product_ids: ['tea'], cart_held: false }),
      otherRow,
    );
  });

  it('turn into one for the payment when the order is placed', () => {
    const log = [started('ann', 'one'), reserved('tea', 'one'), ...ofOrder('one', placed, requested())];
    given(deadlines, ...recordedEvents(...other, ...log)).then(otherRow, payment('one'));
  });

  it('stay after a decline, so that it can be paid again', () => {
    const log = ofOrder('one', placed, requested(), declined());
    given(deadlines, ...recordedEvents(...other, ...log)).then(otherRow, payment('one'));
  });

  it('are gone when the order is paid or cancelled', () => {
    given(deadlines, ...recordedEvents(...other, ...ofOrder('one', placed, requested(), captured()))).then(otherRow);
    given(deadlines, ...recordedEvents(...other, ...ofOrder('one', placed, requested(), cancelled))).then(otherRow);
  });

  it('are not brought back by what becomes of an order’s stock and cart later', () => {
    const log: Fact[] = [
      ...[started('ann', 'one'), reserved('tea', 'one'), ...ofOrder('one', placed, requested(), cancelled)],
      ...[released('tea', 'one'), failed('ann', 'one')],
    ];
    given(deadlines, ...recordedEvents(...other, ...log)).then(otherRow);
  });

  it('are gone when a failed checkout holds nothing any more, in whatever order it let go', () => {
    const held = [started('ann', 'one'), reserved('tea', 'one'), reserved('cup', 'one')];
    const lettingGo = [released('tea', 'one'), released('cup', 'one'), failed('ann', 'one')];
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
    ]) {
      const log = [...other, ...held, ...order.map((index) => lettingGo[index]!)];
      given(deadlines, ...recordedEvents(...log)).then(otherRow);
    }
  });

  it('stay while a checkout still holds something', () => {
    const held = [...other, started('ann', 'one'), reserved('tea', 'one'), reserved('cup', 'one')];
    given(deadlines, ...recordedEvents(...held, released('tea', 'one'), released('cup', 'one'))).then(
      checkout('one'),
      otherRow,
    );
    given(deadlines, ...recordedEvents(...held, released('tea', 'one'), failed('ann', 'one'))).then(
      checkout('one', { product_ids: ['cup'], cart_held: false }),
      otherRow,
    );
  });
});
