import { orderDecider } from '../../src/aggregates/order.ts';
import type { RequestRefund } from '../../src/aggregates/orderMoney.ts';
import { given } from '../support/given.ts';
import {
  advanced,
  authorised,
  cancelled,
  captured,
  closed,
  confirmed,
  declined,
  NORTH,
  paid,
  partClosed,
  pending,
  refunded,
  refundRequested,
  requested,
  SOUTH,
  TOTAL,
} from './orderExamples.ts';

const eur = (amount: number) => ({ amount, currency: 'EUR' });
const request = (paymentId: string) => ({ type: 'RequestPayment', data: { paymentId, method: 'sandbox' } }) as const;
const authorise = { type: 'RecordAuthorisation', data: { paymentId: 'p1', reference: 'auth p1' } } as const;
const confirm = { type: 'ConfirmPayment', data: { paymentId: 'p1' } } as const;
const capture = (paymentId = 'p1', amount = TOTAL) =>
  ({
    type: 'RecordCapture',
    data: { paymentId, reference: `charge ${paymentId}`, amount, currency: 'EUR', refundId: 'r1' },
  }) as const;
const decline = { type: 'RecordDecline', data: { paymentId: 'p1', reason: 'no funds' } } as const;
const refund = (more: Partial<RequestRefund['data']> = {}) =>
  ({
    type: 'RequestRefund',
    data: { refundId: 'r1', paymentId: 'p1', reason: 'damaged', storeId: null, ...more },
  }) as const;
const recordRefund = { type: 'RecordRefund', data: { refundId: 'r1', reference: 'refund r1' } } as const;

describe('payment', () => {
  it('is authorised, confirmed and captured, each once', () => {
    given(orderDecider, ...pending)
      .when(authorise)
      .then(authorised());
    given(orderDecider, ...pending, authorised())
      .when(authorise)
      .thenNothing();
    given(orderDecider, ...pending, authorised())
      .when(confirm)
      .then(confirmed());
    given(orderDecider, ...pending, authorised(), confirmed())
      .when(confirm)
      .thenNothing();
    given(orderDecider, ...pending, authorised(), confirmed())
      .when(capture())
      .then(captured());
    for (const late of [authorise, confirm, capture()]) {
      given(orderDecider, ...paid)
        .when(late)
        .thenNothing();
    }
  });

  it('is captured at once by a provider that needs no confirmation', () => {
    given(orderDecider, ...pending)
      .when(capture())
      .then(captured());
  });

  it('is not confirmed before it is authorised nor after it was declined', () => {
    given(orderDecider, ...pending)
      .when(confirm)
      .thenRefused('PaymentNotAuthorised', 'INVALID_STATUS');
    given(orderDecider, ...pending, declined())
      .when(confirm)
      .thenRefused('PaymentNotAuthorised', 'INVALID_STATUS');
  });

  it('of a cancelled order is not confirmed', () => {
    given(orderDecider, ...pending, authorised(), cancelled)
      .when(confirm)
      .thenRefused('OrderCancelled', 'INVALID_STATUS');
  });

  it('is declined once, and not after it was captured', () => {
    for (const past of [[], [authorised()], [authorised(), confirmed()]]) {
      given(orderDecider, ...pending, ...past)
        .when(decline)
        .then(declined());
    }
    given(orderDecider, ...pending, declined())
      .when(decline)
      .thenNothing();
    given(orderDecider, ...paid)
      .when(decline)
      .thenNothing();
  });

  it('that was declined is not authorised any more', () => {
    given(orderDecider, ...pending, declined())
      .when(authorise)
      .thenNothing();
  });

  it('can be tried again after a decline, as the next attempt at the same amount', () => {
    given(orderDecider, ...pending, declined())
      .when(request('p2'))
      .then(requested('p2', 2));
  });

  it('is one at a time', () => {
    for (const past of [[], [authorised()], [authorised(), confirmed()]]) {
      given(orderDecider, ...pending, ...past)
        .when(request('p2'))
        .thenRefused('PaymentInProgress');
    }
  });

  it('is not asked for again once the order is paid, even when it was given back', () => {
    given(orderDecider, ...paid)
      .when(request('p2'))
      .thenRefused('OrderAlreadyPaid');
    given(orderDecider, ...paid, refundRequested(TOTAL), refunded(TOTAL))
      .when(request('p2'))
      .thenRefused('OrderAlreadyPaid');
  });

  it('is not asked for once the order was cancelled', () => {
    given(orderDecider, ...pending, declined(), cancelled)
      .when(request('p2'))
      .thenRefused('OrderCancelled', 'INVALID_STATUS');
  });

  it('that was never requested is unknown', () => {
    for (const intent of [authorise, confirm, capture(), decline, refund()]) {
      given(orderDecider, ...pending)
        .when({ ...intent, data: { ...intent.data, paymentId: 'p9' } } as typeof intent)
        .thenRefused('PaymentUnknown');
    }
  });
});

describe('payment · captured when it is not wanted', () => {
  it('goes back when the order was cancelled before, once', () => {
    const back = refundRequested(TOTAL, { reason: 'captured after the order was cancelled' });
    given(orderDecider, ...pending, cancelled)
      .when(capture())
      .then(captured(), back);
    given(orderDecider, ...pending, cancelled, captured(), back)
      .when(capture())
      .thenNothing();
    given(orderDecider, ...pending, cancelled, captured(), back)
      .when({ type: 'CancelOrder', data: { reason: 'again', by: 'system', refundId: 'r2' } })
      .thenNothing();
  });

  it('goes back when the order is paid already', () => {
    given(orderDecider, ...pending, declined(), requested('p2', 2), captured('p2'))
      .when(capture('p1'))
      .then(captured('p1'), refundRequested(TOTAL, { reason: 'the order was already paid' }));
  });

  it('counts after a decline when nothing else was captured', () => {
    given(orderDecider, ...pending, declined())
      .when(capture())
      .then(captured());
  });

  it('goes back as far as it is more than the order costs', () => {
    given(orderDecider, ...pending)
      .when(capture('p1', TOTAL + 50))
      .then(captured('p1', TOTAL + 50), refundRequested(50, { reason: 'more was captured than the order costs' }));
  });
});

describe('refund', () => {
  it('is of all that is left unless an amount is named', () => {
    given(orderDecider, ...paid)
      .when(refund())
      .then(refundRequested(TOTAL), closed);
    given(orderDecider, ...paid, refundRequested(2_500))
      .when(refund({ refundId: 'r2' }))
      .then(refundRequested(7_500, { refundId: 'r2' }), closed);
    given(orderDecider, ...paid)
      .when(refund({ amount: eur(1) }))
      .then(refundRequested(1));
  });

  it('never exceeds what was captured and not given back yet', () => {
    given(orderDecider, ...paid)
      .when(refund({ amount: eur(TOTAL + 1) }))
      .thenRefused('RefundExceedsCaptured');
    given(orderDecider, ...paid, refundRequested(2_500))
      .when(refund({ refundId: 'r2', amount: eur(7_501) }))
      .thenRefused('RefundExceedsCaptured');
    given(orderDecider, ...paid, refundRequested(TOTAL))
      .when(refund({ refundId: 'r2' }))
      .thenRefused('RefundExceedsCaptured');
  });

  it('never exceeds what the provider really captured', () => {
    given(orderDecider, ...pending, captured('p1', TOTAL - 1))
      .when(refund({ amount: eur(TOTAL) }))
      .thenRefused('RefundExceedsCaptured');
    given(orderDecider, ...pending, captured('p1', TOTAL - 1))
      .when(refund())
      .then(refundRequested(TOTAL - 1), closed);
  });

  it('of nothing, or less, is refused', () => {
    given(orderDecider, ...paid)
      .when(refund({ amount: eur(0) }))
      .thenRefused('RefundExceedsCaptured');
    given(orderDecider, ...paid)
      .when(refund({ amount: eur(-1) }))
      .thenRefused('RefundExceedsCaptured');
  });

  it('needs a captured payment', () => {
    for (const past of [[], [authorised()], [declined()]]) {
      given(orderDecider, ...pending, ...past)
        .when(refund())
        .thenRefused('RefundExceedsCaptured');
    }
  });

  it('by a seller is of their own lines at most', () => {
    given(orderDecider, ...paid)
      .when(refund({ storeId: 'north' }))
      .then(refundRequested(NORTH, { storeId: 'north' }), partClosed('north'));
    given(orderDecider, ...paid)
      .when(refund({ storeId: 'south', amount: eur(SOUTH + 1) }))
      .thenRefused('RefundExceedsCaptured');
    given(orderDecider, ...paid, refundRequested(SOUTH, { storeId: 'south' }))
      .when(refund({ refundId: 'r2', storeId: 'south', amount: eur(1) }))
      .thenRefused('RefundExceedsCaptured');
    given(orderDecider, ...paid, refundRequested(SOUTH, { storeId: 'south' }))
      .when(refund({ refundId: 'r2', storeId: 'north' }))
      .then(refundRequested(NORTH, { refundId: 'r2', storeId: 'north' }), closed);
  });

  it('by a seller is no more than what an admin has left of their lines', () => {
    given(orderDecider, ...paid, refundRequested(9_000))
      .when(refund({ refundId: 'r2', storeId: 'north' }))
      .then(refundRequested(600, { refundId: 'r2', storeId: 'north' }), partClosed('north'));
  });

  it('by an admin is of everything that sellers have left', () => {
    given(orderDecider, ...paid, refundRequested(SOUTH, { storeId: 'south' }))
      .when(refund({ refundId: 'r2' }))
      .then(refundRequested(NORTH, { refundId: 'r2' }), closed);
  });

  it('is possible after shipping', () => {
    given(orderDecider, ...paid, ...advanced('north', 'processing', 'shipping', 'shipped'))
      .when(refund({ storeId: 'north' }))
      .then(refundRequested(NORTH, { storeId: 'north' }));
  });

  it('is asked for once and done once', () => {
    given(orderDecider, ...paid, refundRequested(2_500))
      .when(refund({ amount: eur(2_500) }))
      .thenNothing();
    given(orderDecider, ...paid, refundRequested(2_500))
      .when(recordRefund)
      .then(refunded(2_500));
    given(orderDecider, ...paid, refundRequested(2_500), refunded(2_500))
      .when(recordRefund)
      .thenNothing();
  });

  it('that was never requested is unknown', () => {
    given(orderDecider, ...paid)
      .when(recordRefund)
      .thenRefused('RefundUnknown');
  });
});
