import { expect } from 'chai';
import { type FulfilmentStatus, orderStatus } from '../../src/aggregates/fulfilment.ts';
import { orderDecider, type OrderEvent } from '../../src/aggregates/order.ts';
import { given } from '../support/given.ts';
import {
  abandoned,
  advanced,
  cancelled,
  captured,
  declined,
  paid,
  paidWithOneStore,
  pending,
  placed,
  refunded,
  refundRequested,
  requested,
  TOTAL,
} from './orderExamples.ts';

const place = {
  type: 'PlaceOrder',
  data: { order: placed.data, payment: { paymentId: 'p1', method: 'sandbox' } },
} as const;
const abandon = { type: 'AbandonOrder', data: {} } as const;
const cancel = { type: 'CancelOrder', data: { reason: 'too late', by: 'buyer', refundId: 'r1' } } as const;
const advance = (status: FulfilmentStatus, storeId = 'north') =>
  ({ type: 'AdvanceFulfilment', data: { storeId, status } }) as const;
const givenBack = (amount: number, refundId = 'r1'): OrderEvent =>
  refundRequested(amount, { refundId, reason: 'order cancelled' });

describe('order', () => {
  it('is placed once, and asks at once for its payment', () => {
    given(orderDecider).when(place).then(placed, requested());
    given(orderDecider, ...pending)
      .when(place)
      .thenRefused('OrderExists');
  });

  it('cannot be placed once its checkout was abandoned', () => {
    given(orderDecider).when(abandon).then(abandoned);
    given(orderDecider, abandoned).when(place).thenRefused('CheckoutExpired');
    given(orderDecider, abandoned).when(abandon).thenNothing();
    given(orderDecider)
      .when({ type: 'AbandonOrder', data: { forNow: true } })
      .then({ type: 'OrderAbandoned', data: { forNow: true } });
  });

  it('cannot be abandoned once it is placed', () => {
    given(orderDecider, ...pending)
      .when(abandon)
      .thenNothing();
  });

  it('that was never placed can neither be cancelled nor fulfilled nor paid', () => {
    for (const past of [[], [abandoned]]) {
      for (const intent of [
        cancel,
        advance('processing'),
        { type: 'RequestPayment', data: { paymentId: 'p2', method: 'sandbox' } } as const,
      ]) {
        given(orderDecider, ...past)
          .when(intent)
          .thenRefused('OrderUnknown');
      }
    }
  });
});

describe('order · cancelling', () => {
  it('gives nothing back when nothing was captured', () => {
    given(orderDecider, ...pending)
      .when(cancel)
      .then(cancelled);
    given(orderDecider, ...pending, declined())
      .when(cancel)
      .then(cancelled);
  });

  it('gives back what was captured', () => {
    given(orderDecider, ...paid)
      .when(cancel)
      .then(cancelled, givenBack(TOTAL));
  });

  it('gives back only what has not been given back yet', () => {
    const part = refundRequested(2_500, { refundId: 'r0' });
    given(orderDecider, ...paid, part)
      .when(cancel)
      .then(cancelled, givenBack(7_500));
    given(orderDecider, ...paid, part, refunded(2_500, 'r0'))
      .when(cancel)
      .then(cancelled, givenBack(7_500));
    given(orderDecider, ...paid, refundRequested(TOTAL, { refundId: 'r0' }))
      .when(cancel)
      .then(cancelled);
  });

  it('gives back the capture that was kept, not the second that has gone back already', () => {
    const twice = [...pending, declined(), requested('p2', 2), captured('p2'), captured('p1')];
    const second = refundRequested(TOTAL, { refundId: 'r0', paymentId: 'p1' });
    given(orderDecider, ...twice, second)
      .when(cancel)
      .then(cancelled, refundRequested(TOTAL, { paymentId: 'p2', reason: 'order cancelled' }));
  });

  it('happens once', () => {
    given(orderDecider, ...pending, cancelled)
      .when({ ...cancel, data: { ...cancel.data, by: 'admin', refundId: 'r2' } })
      .thenNothing();
  });

  it('is possible while it is being processed', () => {
    given(orderDecider, ...paid, ...advanced('north', 'processing'), ...advanced('south', 'processing'))
      .when(cancel)
      .then(cancelled, givenBack(TOTAL));
  });

  it('is refused once any part of it is shipping', () => {
    const steps: FulfilmentStatus[] = ['processing', 'shipping', 'shipped', 'completed'];
    for (const last of [2, 3, 4]) {
      given(orderDecider, ...paid, ...advanced('south', ...steps.slice(0, last)))
        .when(cancel)
        .thenRefused('OrderShipping', 'INVALID_STATUS');
    }
  });
});

describe('order · fulfilment', () => {
  it('goes one step after the other', () => {
    const steps: FulfilmentStatus[] = ['processing', 'shipping', 'shipped', 'completed'];
    steps.forEach((status, index) => {
      given(orderDecider, ...paid, ...advanced('north', ...steps.slice(0, index)))
        .when(advance(status))
        .then(...advanced('north', status));
    });
  });

  it('skips no step and takes none back', () => {
    given(orderDecider, ...paid)
      .when(advance('shipping'))
      .thenRefused('StatusSkipped', 'INVALID_STATUS');
    given(orderDecider, ...paid, ...advanced('north', 'processing', 'shipping'))
      .when(advance('processing'))
      .thenRefused('StatusSkipped', 'INVALID_STATUS');
    given(orderDecider, ...paid, ...advanced('north', 'processing', 'shipping', 'shipped', 'completed'))
      .when(advance('shipped'))
      .thenRefused('StatusSkipped', 'INVALID_STATUS');
  });

  it('that is there already is nothing new', () => {
    given(orderDecider, ...paid, ...advanced('north', 'processing'))
      .when(advance('processing'))
      .thenNothing();
  });

  it('is each store’s own', () => {
    given(orderDecider, ...paid, ...advanced('north', 'processing'))
      .when(advance('processing', 'south'))
      .then(...advanced('south', 'processing'));
    given(orderDecider, ...paid)
      .when(advance('processing', 'east'))
      .thenRefused('NotYourOrder');
  });

  it('does not begin unpaid', () => {
    for (const past of [pending, [...pending, declined()], [...paid, refundRequested(TOTAL)]]) {
      given(orderDecider, ...past)
        .when(advance('processing'))
        .thenRefused('OrderUnpaid', 'INVALID_STATUS');
    }
    given(orderDecider, ...paid, ...advanced('north', 'processing'), refundRequested(TOTAL))
      .when(advance('shipping'))
      .thenRefused('OrderUnpaid', 'INVALID_STATUS');
  });

  it('does not begin with less captured than the order costs', () => {
    given(orderDecider, ...pending, captured('p1', TOTAL - 1))
      .when(advance('processing'))
      .thenRefused('OrderUnpaid', 'INVALID_STATUS');
  });

  it('goes on after a part was given back', () => {
    given(orderDecider, ...paid, refundRequested(TOTAL - 1))
      .when(advance('processing'))
      .then(...advanced('north', 'processing'));
  });

  it('that is on its way arrives, even when everything was given back meanwhile', () => {
    const shipping = [...paidWithOneStore, ...advanced('north', 'processing', 'shipping')];
    given(orderDecider, ...shipping, refundRequested(TOTAL))
      .when(advance('shipped'))
      .then(...advanced('north', 'shipped'));
    given(orderDecider, ...shipping, ...advanced('north', 'shipped'), refundRequested(TOTAL))
      .when(advance('completed'))
      .then(...advanced('north', 'completed'));
  });

  it('ends with cancelling', () => {
    given(orderDecider, ...paid, cancelled, givenBack(TOTAL))
      .when(advance('processing'))
      .thenRefused('OrderCancelled', 'INVALID_STATUS');
  });
});

describe('order · status', () => {
  const status = (fulfilments: FulfilmentStatus[], more: { paid?: boolean; cancelled?: boolean } = {}): string =>
    orderStatus({ paid: true, cancelled: false, fulfilments, ...more });

  it('is pending until it is paid', () => {
    expect(status(['pending'], { paid: false })).to.equal('pending');
    expect(status(['pending'])).to.equal('paid');
  });

  it('is that of its least advanced fulfilment', () => {
    const steps: FulfilmentStatus[] = ['pending', 'processing', 'shipping', 'shipped', 'completed'];
    for (const [least, one] of steps.entries()) {
      for (const other of steps.slice(least)) {
        const expected = one === 'pending' ? 'paid' : one;
        expect(status([one, other])).to.equal(expected);
        expect(status([other, one])).to.equal(expected);
      }
    }
  });

  it('is cancelled in any other state', () => {
    expect(status(['processing', 'pending'], { cancelled: true })).to.equal('cancelled');
    expect(status(['pending'], { cancelled: true, paid: false })).to.equal('cancelled');
  });
});
