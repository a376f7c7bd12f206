import { expect } from 'chai';
import type { OrderEvent, OrderPlaced } from '../../src/aggregates/order.ts';
import { bucketOf, dashboardFigures, type FigureRow } from '../../src/projections/dashboardFigures.ts';
import { type CountedOrder, dashboardOrders } from '../../src/projections/dashboardOrders.ts';
import { line, placed } from '../aggregates/orderExamples.ts';
import { given, recordedEvents, rowsOf } from '../support/given.ts';

const AT = '2026-03-01T12:07:00.000Z';
const BUCKET = '2026-03-01T12:00:00.000Z';
const captured = (paymentId: string, amount: number, currency?: string): OrderEvent => ({
  type: 'PaymentCaptured',
  data: { paymentId, reference: 'r', amount, ...(currency === undefined ? {} : { currency }) },
});
const refundRequested = (amount: number): OrderEvent => ({
  type: 'RefundRequested',
  data: { refundId: 'r', paymentId: 'p', amount, currency: 'EUR', reason: 'broken', storeId: null },
});
const refunded = (amount: number, currency?: string): OrderEvent => ({
  type: 'PaymentRefunded',
  data: { refundId: 'r', paymentId: 'p', amount, reference: 'r', ...(currency === undefined ? {} : { currency }) },
});
const cartItem = (first?: true) =>
  ({
    type: 'CartItemAdded',
    data: { productId: 'tea', quantity: 1, at: AT, ...(first === undefined ? {} : { first }) },
  }) as const;

const figure = (kind: FigureRow['kind'], bucket: string, more: Partial<FigureRow>): FigureRow => ({
  ...{ key: `${kind}/${more.currency ?? more.order_id ?? ''}/${bucket}`, kind, bucket },
  ...{ currency: null, order_id: null, count: 1, amount: 0 },
  ...more,
});

describe('the figures of the dashboard', () => {
  it('are kept by quarters of an hour, which begin the days of every time zone', () => {
    expect(bucketOf('2026-03-01T12:14:59.999Z')).to.equal(BUCKET);
    expect(bucketOf('2026-03-01T12:15:00.000Z')).to.equal('2026-03-01T12:15:00.000Z');
    for (const minutes of [345, 330, 525, -210]) expect(minutes % 15).to.equal(0);
  });

  it('count money on the day that it moves, each currency by itself', () => {
    given(
      dashboardFigures,
      ...recordedEvents(
        ['order-one', captured('p1', 1_990, 'EUR'), AT],
        ['order-two', captured('p2', 1_990, 'EUR'), '2026-03-01T12:14:59.999Z'],
        ['order-three', captured('p3', 3_980, 'JPY'), AT],
        ['order-one', refunded(500, 'EUR'), '2026-03-02T08:00:00.000Z'],
      ),
    ).then(
      figure('captured', BUCKET, { currency: 'EUR', count: 2, amount: 3_980 }),
      figure('captured', BUCKET, { currency: 'JPY', amount: 3_980 }),
      figure('refunded', '2026-03-02T08:00:00.000Z', { currency: 'EUR', amount: 500 }),
    );
  });

  it('leave the currency to the order where an earlier version recorded none', () => {
    given(
      dashboardFigures,
      ...recordedEvents(['order-one', captured('p1', 1_990), AT], ['order-two', refunded(90), AT]),
    ).then(
      figure('captured', BUCKET, { order_id: 'one', amount: 1_990 }),
      figure('refunded', BUCKET, { order_id: 'two', amount: 90 }),
    );
  });

  it('count orders, those from carts among them, carts by their first item, and new users', () => {
    const bought: OrderPlaced = { type: 'OrderPlaced', data: { ...placed.data, fromCart: false } };
    const fromCart: OrderPlaced = { type: 'OrderPlaced', data: { ...placed.data, fromCart: true } };
    const registered = { type: 'UserRegistered', data: {} } as never;
    const rows = rowsOf(
      dashboardFigures,
      recordedEvents(
        ['order-one', bought, AT],
        ['order-two', fromCart, AT],
        ['cart-ann', cartItem(true), AT],
        ['cart-ann', cartItem(), AT],
        ['user-ann', registered, AT],
      ),
    );
    expect(Object.fromEntries(rows.map(({ kind, count }) => [kind, count]))).to.deep.equal({
      ...{ orders: 2, 'orders from carts': 1, carts: 1, users: 1 },
    });
  });
});

describe('the orders of the dashboard', () => {
  const order: OrderPlaced = {
    type: 'OrderPlaced',
    data: { ...placed.data, currency: 'EUR', total: 3_000, lines: [line('here', 1_000, 2), line('there', 1_000, 1)] },
  };
  const after = (...events: OrderEvent[]): CountedOrder | undefined =>
    rowsOf(dashboardOrders, recordedEvents(...[order, ...events].map((event) => ['order-one', event, AT] as const)))[0];

  it('have the first capture, however often money came', () => {
    expect(after()).to.include({ captured_at: null, status: 'pending', captured: 0 });
    expect(after(captured('p1', 3_000, 'EUR'))).to.include({ captured_at: AT, status: 'paid', paid: true });
    const twice = after(
      captured('p1', 3_000, 'EUR'),
      captured('p2', 3_000, 'EUR'),
      refundRequested(3_000),
      refunded(3_000),
    );
    expect(twice).to.include({ captured_at: AT, status: 'paid', captured: 6_000, refunded: 3_000 });
  });

  it('have the units of the parts that were not cancelled', () => {
    const unitsOf = (row: CountedOrder | undefined) => row?.units.map(({ store_id, quantity }) => [store_id, quantity]);
    expect(unitsOf(after())).to.deep.equal([
      ['here', 2],
      ['there', 1],
    ]);
    const closed: OrderEvent = { type: 'FulfilmentCancelled', data: { storeId: 'here', reason: 'gone', by: 'seller' } };
    expect(unitsOf(after(captured('p1', 3_000, 'EUR'), closed))).to.deep.equal([['there', 1]]);
  });

  it('have the status that the order has', () => {
    const advanced: OrderEvent = { type: 'FulfilmentAdvanced', data: { storeId: 'here', status: 'processing' } };
    expect(after(captured('p1', 3_000, 'EUR'), advanced)?.status).to.equal('paid');
    expect(after({ type: 'OrderCancelled', data: { reason: 'late', by: 'system' } })?.status).to.equal('cancelled');
    const back = after(captured('p1', 3_000, 'EUR'), refundRequested(3_000));
    expect(back).to.include({ paid: false, status: 'pending' });
  });
});
