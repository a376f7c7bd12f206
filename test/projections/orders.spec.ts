import { expect } from 'chai';
import fc from 'fast-check';
import { fold } from '../../src/engine/decide/decider.ts';
import { orderDecider, type OrderEvent, placed as placedState } from '../../src/aggregates/order.ts';
import { orderStatus } from '../../src/aggregates/fulfilment.ts';
import { type OrderRow, orders } from '../../src/projections/orders.ts';
import { type PaymentRow, payments } from '../../src/projections/payments.ts';
import {
  advanced,
  authorised,
  cancelled,
  captured,
  confirmed,
  declined,
  paid,
  pending,
  placed,
  placedWithOneStore,
  refunded,
  refundRequested,
  requested,
  TOTAL,
} from '../aggregates/orderExamples.ts';
import { orderLife } from '../aggregates/orderLives.ts';
import { type Fact, given, recordedEvents, rowsOf } from '../support/given.ts';
import { RUNS } from '../support/properties.ts';

const FIRST = '2026-03-01T08:00:00.000Z';
const LATER = '2026-03-01T09:00:00.000Z';

const life = (id: string, events: readonly OrderEvent[], at = FIRST): Fact[] =>
  events.map((event) => [`order-${id}`, event, at]);
const two = { id: 'two', events: [placedWithOneStore, requested('p0')] };

const pendingRow = (id: string, paymentId: string, more: Partial<OrderRow> = {}): OrderRow => ({
  ...{ id, buyer_id: 'ann', status: 'pending', lines: placed.data.lines, currency: 'EUR', total: TOTAL },
  ...{
    fulfilments: { north: 'pending', south: 'pending' },
    paid: false,
    captured: 0,
    refund_requested: 0,
    refunded: 0,
  },
  ...{ payment_id: paymentId, payment_method: 'sandbox', payment_status: 'requested', pay_by: placed.data.payBy },
  ...{ shipping_address: 'sealed address', billing_address: null, notes: null, cancel_reason: null },
  ...{ created_at: FIRST, updated_at: FIRST },
  ...more,
});
const rowTwo = pendingRow('two', 'p0', { lines: placedWithOneStore.data.lines, fulfilments: { north: 'pending' } });
const paidRow = pendingRow('one', 'p1', {
  ...{ status: 'paid', paid: true, captured: TOTAL, payment_status: 'captured', updated_at: LATER },
});

/** Checks the row of order `one` after these events, and that another order without new events has not changed. */
function thenOne(events: readonly OrderEvent[], later: readonly OrderEvent[], row: OrderRow): void {
  given(
    orders,
    ...recordedEvents(...life('one', events), ...life(two.id, two.events), ...life('one', later, LATER)),
  ).then(row, rowTwo);
}

describe('orders', () => {
  it('are pending when they are placed', () => {
    thenOne(pending, [], pendingRow('one', 'p1'));
  });

  it('are paid when the payment is captured', () => {
    thenOne(pending, [authorised()], pendingRow('one', 'p1', { payment_status: 'authorised', updated_at: LATER }));
    thenOne(
      pending,
      [authorised(), confirmed()],
      pendingRow('one', 'p1', { payment_status: 'confirmed', updated_at: LATER }),
    );
    thenOne(pending, [authorised(), confirmed(), captured()], paidRow);
  });

  it('are not paid by less than their total', () => {
    thenOne(
      pending,
      [captured('p1', TOTAL - 1)],
      pendingRow('one', 'p1', { captured: TOTAL - 1, payment_status: 'captured', updated_at: LATER }),
    );
  });

  it('show the latest attempt to pay, also when an earlier one is heard of later', () => {
    const again = [declined(), requested('p2', 2)];
    const second = pendingRow('one', 'p2', { updated_at: LATER });
    thenOne(pending, [declined()], pendingRow('one', 'p1', { payment_status: 'declined', updated_at: LATER }));
    thenOne(pending, again, second);
    const late = { status: 'paid', paid: true, captured: TOTAL } as const;
    thenOne(pending, [...again, captured('p1')], { ...second, ...late });
    thenOne(pending, [...again, captured('p1'), declined('p2')], { ...second, ...late, payment_status: 'declined' });
  });

  it('are as far as their least advanced fulfilment', () => {
    thenOne(paid, advanced('north', 'processing', 'shipping'), {
      ...paidRow,
      fulfilments: { north: 'shipping', south: 'pending' },
    });
    thenOne(paid, [...advanced('north', 'processing', 'shipping'), ...advanced('south', 'processing')], {
      ...paidRow,
      ...{ status: 'processing', fulfilments: { north: 'shipping', south: 'processing' } },
    });
  });

  it('keep the reason they were cancelled for, and stay cancelled while the money goes back', () => {
    const backRow = { ...paidRow, status: 'cancelled', cancel_reason: 'too late', paid: false } as const;
    thenOne(paid, [cancelled, refundRequested(TOTAL)], { ...backRow, refund_requested: TOTAL });
    thenOne(paid, [cancelled, refundRequested(TOTAL), refunded(TOTAL)], {
      ...backRow,
      ...{ refund_requested: TOTAL, refunded: TOTAL },
    });
  });

  it('keep the reason that a seller gave for cancelling their part, until the whole order is cancelled', () => {
    const partCancelled: OrderEvent = {
      type: 'FulfilmentCancelled',
      data: { storeId: 'south', reason: 'the kiln broke', by: 'seller' },
    };
    const row = { ...paidRow, fulfilments: { north: 'pending', south: 'cancelled' } } as const;
    thenOne(paid, [partCancelled], { ...row, cancel_reason: 'the kiln broke' });
    thenOne(paid, [partCancelled, cancelled], { ...row, status: 'cancelled', cancel_reason: 'too late' });
  });

  it('are not there when their checkout was abandoned', () => {
    given(orders, ...recordedEvents(['order-one', { type: 'OrderAbandoned', data: {} }])).then();
  });

  it('agree with the aggregate after any events', () => {
    fc.assert(
      fc.property(orderLife, (events) => {
        for (let length = 2; length <= events.length; length += 1) {
          const state = placedState(fold(orderDecider, orderDecider.initial, events.slice(0, length)));
          const [row] = rowsOf(orders, recordedEvents(...life('one', events.slice(0, length))));
          const { captured: total, refundRequested: asked, refunded: done } = state.money;
          expect(row).to.include({ captured: total, refund_requested: asked, refunded: done });
          expect(row?.fulfilments).to.deep.equal(state.fulfilments);
          expect(row?.paid).to.equal(state.money.paid);
          const { cancelled: over, money, fulfilments } = state;
          const status = orderStatus({ cancelled: over, paid: money.paid, fulfilments: Object.values(fulfilments) });
          expect(row?.status).to.equal(status);
          const latest = Object.keys(state.money.payments).at(-1)!;
          expect(row).to.include({ payment_id: latest, payment_status: state.money.payments[latest]!.status });
        }
      }),
      { ...RUNS, numRuns: 30 },
    );
  });
});

describe('payments', () => {
  const row = (id: string, order: string, more: Partial<PaymentRow> = {}): PaymentRow => ({
    ...{ id, order_id: order, attempt: 1, method: 'sandbox', status: 'requested', amount: TOTAL, currency: 'EUR' },
    ...{ refund_requested: 0, refunded: 0, decline_reason: null, created_at: FIRST, updated_at: FIRST },
    ...more,
  });
  const beside = (...later: OrderEvent[]) =>
    recordedEvents(...life('one', pending), ...life(two.id, two.events), ...life('one', later, LATER));

  it('are asked for with their order', () => {
    given(payments, ...beside()).then(row('p0', 'two'), row('p1', 'one'));
  });

  it('keep why they were declined, and each attempt is one of its own', () => {
    given(payments, ...beside(declined(), requested('p2', 2), captured('p2'))).then(
      row('p0', 'two'),
      row('p1', 'one', { status: 'declined', decline_reason: 'no funds', updated_at: LATER }),
      row('p2', 'one', { attempt: 2, status: 'captured', created_at: LATER, updated_at: LATER }),
    );
  });

  it('are captured with what was captured, and declined no more', () => {
    given(payments, ...beside(declined(), captured('p1', TOTAL - 1))).then(
      row('p0', 'two'),
      row('p1', 'one', { status: 'captured', amount: TOTAL - 1, updated_at: LATER }),
    );
  });

  it('count what goes back and what has gone back', () => {
    const back = [refundRequested(2_500), refunded(2_500), refundRequested(1_000, { refundId: 'r2' })];
    given(payments, ...beside(authorised(), confirmed(), captured(), ...back)).then(
      row('p0', 'two'),
      row('p1', 'one', { status: 'captured', refund_requested: 3_500, refunded: 2_500, updated_at: LATER }),
    );
    given(payments, ...beside(captured(), ...back, refunded(1_000, 'r2'))).then(
      row('p0', 'two'),
      row('p1', 'one', { status: 'captured', refund_requested: 3_500, refunded: 3_500, updated_at: LATER }),
    );
  });

  it('agree with the aggregate after any events', () => {
    fc.assert(
      fc.property(orderLife, (events) => {
        const { money } = placedState(fold(orderDecider, orderDecider.initial, events));
        const rows = rowsOf(payments, recordedEvents(...life('one', events)));
        expect(rows.map(({ id }) => id)).to.have.members(Object.keys(money.payments));
        expect(rows.reduce((sum, row) => sum + row.refunded, 0)).to.equal(money.refunded);
        for (const { id, status, amount, attempt, method, refund_requested: refundRequestedSoFar } of rows) {
          const told = { status, amount, attempt, method, refundRequested: refundRequestedSoFar };
          expect(told).to.deep.equal(money.payments[id]);
        }
      }),
      RUNS,
    );
  });
});
