import { expect } from 'chai';
import fc from 'fast-check';
import { isUnshipped } from '../../src/aggregates/fulfilment.ts';
import { orderDecider, type OrderEvent, placed as placedState } from '../../src/aggregates/order.ts';
import { fold } from '../../src/engine/decide/decider.ts';
import { given } from '../support/given.ts';
import { RUNS } from '../support/properties.ts';
import {
  advanced,
  captured,
  closed,
  NORTH,
  paid,
  paidWithOneStore,
  partClosed,
  pending,
  placedWithOneStore,
  refundRequested,
  requested,
  SOUTH,
  TOTAL,
} from './orderExamples.ts';
import { orderLife } from './orderLives.ts';

const refund = (storeId: string | null, amount?: number) =>
  ({
    type: 'RequestRefund',
    data: {
      ...{ refundId: 'r1', paymentId: 'p1', reason: 'damaged', storeId },
      ...(amount === undefined ? {} : { amount: { amount, currency: 'EUR' } }),
    },
  }) as const;
const cancelPart = (storeId: string) =>
  ({ type: 'CancelFulfilment', data: { storeId, reason: 'sold out', refundId: 'r1' } }) as const;
const partCancelled = (storeId: string): OrderEvent => ({
  type: 'FulfilmentCancelled',
  data: { storeId, reason: 'sold out', by: 'seller' },
});
const cancelledBySeller: OrderEvent = { type: 'OrderCancelled', data: { reason: 'sold out', by: 'seller' } };

describe('a full refund', () => {
  it('of an unshipped order closes it', () => {
    given(orderDecider, ...paid)
      .when(refund(null))
      .then(refundRequested(TOTAL), closed);
    given(orderDecider, ...paid, ...advanced('north', 'processing', 'shipping'))
      .when(refund(null, TOTAL))
      .then(refundRequested(TOTAL), closed);
  });

  it('in parts closes the order with the last part', () => {
    given(orderDecider, ...paid, refundRequested(TOTAL - 1, { refundId: 'r0' }))
      .when(refund(null, 1))
      .then(refundRequested(1), closed);
  });

  it('closes the parts that were not shipped, and leaves the others', () => {
    given(orderDecider, ...paid, ...advanced('north', 'processing', 'shipping', 'shipped'))
      .when(refund(null))
      .then(refundRequested(TOTAL), partClosed('south'));
  });

  it('of a seller’s lines closes their part alone', () => {
    given(orderDecider, ...paid)
      .when(refund('north'))
      .then(refundRequested(NORTH, { storeId: 'north' }), partClosed('north'));
    given(orderDecider, ...paid, refundRequested(NORTH, { refundId: 'r0', storeId: 'north' }), partClosed('north'))
      .when(refund('south'))
      .then(refundRequested(SOUTH, { storeId: 'south' }), closed);
  });

  it('that is partial closes nothing', () => {
    given(orderDecider, ...paid)
      .when(refund(null, TOTAL - 1))
      .then(refundRequested(TOTAL - 1));
    given(orderDecider, ...paid)
      .when(refund('north', NORTH - 1))
      .then(refundRequested(NORTH - 1, { storeId: 'north' }));
  });

  it('of an earlier version, which left the order open, can be followed by its cancellation', () => {
    given(orderDecider, ...paidWithOneStore, refundRequested(TOTAL))
      .when(cancelPart('north'))
      .then(cancelledBySeller);
  });
});

describe('a capture of less than the order costs', () => {
  it('goes back and closes the order, so that no order stays half paid', () => {
    given(orderDecider, ...pending)
      .when({
        type: 'RecordCapture',
        data: { paymentId: 'p1', reference: 'charge p1', amount: TOTAL - 1, currency: 'EUR', refundId: 'r1' },
      })
      .then(
        captured('p1', TOTAL - 1),
        refundRequested(TOTAL - 1, { reason: 'less was captured than the order costs' }),
        {
          type: 'OrderCancelled',
          data: { reason: 'refunded in full: less was captured than the order costs', by: 'system' },
        },
      );
  });
});

describe('a seller', () => {
  it('cancels their own lines before they are shipped, which refunds them', () => {
    for (const steps of [[], ['processing'], ['processing', 'shipping']] as const) {
      given(orderDecider, ...paid, ...advanced('north', ...steps))
        .when(cancelPart('north'))
        .then(partCancelled('north'), refundRequested(NORTH, { storeId: 'north', reason: 'sold out' }));
    }
  });

  it('gives back only what the store has not given back yet', () => {
    given(orderDecider, ...paid, refundRequested(1_000, { refundId: 'r0', storeId: 'north' }))
      .when(cancelPart('north'))
      .then(partCancelled('north'), refundRequested(NORTH - 1_000, { storeId: 'north', reason: 'sold out' }));
  });

  it('gives back no more than their lines have left when an admin has given back a part of the order', () => {
    const earlier = refundRequested(1_000, { refundId: 'r0' });
    const share = Math.floor((1_000 * NORTH) / TOTAL);
    const left = NORTH - share - (Number.isInteger((1_000 * NORTH) / TOTAL) ? 0 : 1);
    given(orderDecider, ...paid, earlier)
      .when(refund('north', left + 1))
      .thenRefused('RefundExceedsCaptured');
    given(orderDecider, ...paid, earlier)
      .when(refund('north'))
      .then(refundRequested(left, { storeId: 'north' }), partClosed('north'));
    given(
      orderDecider,
      ...paid,
      earlier,
      refundRequested(left, { refundId: 'r2', storeId: 'north' }),
      partClosed('north'),
    )
      .when(refund('south'))
      .then(refundRequested(TOTAL - 1_000 - left, { storeId: 'south' }), closed);
  });

  it('closes what the others have not shipped, when they give back the last of the money', () => {
    given(orderDecider, ...paid, refundRequested(SOUTH, { refundId: 'r0', storeId: 'south' }))
      .when(cancelPart('north'))
      .then(partCancelled('north'), refundRequested(NORTH, { storeId: 'north', reason: 'sold out' }), {
        type: 'OrderCancelled',
        data: { reason: 'refunded in full: sold out', by: 'system' },
      });
  });

  it('cancels the order with its last lines', () => {
    given(orderDecider, ...paidWithOneStore)
      .when(cancelPart('north'))
      .then(cancelledBySeller, refundRequested(TOTAL, { reason: 'sold out' }));
    given(orderDecider, placedWithOneStore, requested()).when(cancelPart('north')).then(cancelledBySeller);
  });

  it('cancels once, and ships nothing after', () => {
    given(orderDecider, ...paid, partCancelled('north'))
      .when(cancelPart('north'))
      .thenNothing();
    given(orderDecider, ...paid, partCancelled('north'))
      .when({ type: 'AdvanceFulfilment', data: { storeId: 'north', status: 'processing' } })
      .thenRefused('OrderCancelled', 'INVALID_STATUS');
  });

  it('cancels nothing that was shipped, that is another’s, or that shares an unpaid order', () => {
    given(orderDecider, ...paid, ...advanced('north', 'processing', 'shipping', 'shipped'))
      .when(cancelPart('north'))
      .thenRefused('OrderShipped', 'INVALID_STATUS');
    given(orderDecider, ...paid)
      .when(cancelPart('east'))
      .thenRefused('NotYourOrder');
    given(orderDecider, ...pending)
      .when(cancelPart('north'))
      .thenRefused('OrderUnpaid', 'INVALID_STATUS');
  });
});

describe('an order whose money was all given back', () => {
  it('is not paid, and holds nothing that could still be shipped, after any events', () => {
    fc.assert(
      fc.property(orderLife, (events) => {
        const { cancelled, fulfilments, money } = placedState(fold(orderDecider, orderDecider.initial, events));
        if (money.captured === 0 || money.captured > money.refundRequested) return;
        expect(money.paid).to.equal(false);
        expect(cancelled || !Object.values(fulfilments).some(isUnshipped)).to.equal(true);
      }),
      RUNS,
    );
  });
});
