import { orderDecider } from '../../src/aggregates/order.ts';
import { PAYMENT_ATTEMPTS_MAX, REFUNDS_MAX, type RequestRefund } from '../../src/aggregates/orderMoney.ts';
import { given } from '../support/given.ts';
import {
  closed,
  declined,
  NORTH,
  paid,
  partClosed,
  pending,
  refundRequested,
  requested,
  TOTAL,
} from './orderExamples.ts';

const request = (paymentId: string) => ({ type: 'RequestPayment', data: { paymentId, method: 'sandbox' } }) as const;
const refund = (more: Partial<RequestRefund['data']> = {}) =>
  ({
    type: 'RequestRefund',
    data: { refundId: 'r1', paymentId: 'p1', reason: 'damaged', storeId: null, ...more },
  }) as const;

describe('an order', () => {
  const attempts = (times: number) =>
    Array.from({ length: times - 1 }, (_, index) => [
      requested(`p${index + 2}`, index + 2),
      declined(`p${index + 2}`),
    ]).flat();

  it('takes a bounded number of attempts to pay it', () => {
    const past = [...pending, declined()];
    given(orderDecider, ...past, ...attempts(PAYMENT_ATTEMPTS_MAX - 1))
      .when(request('last'))
      .then(requested('last', PAYMENT_ATTEMPTS_MAX));
    given(orderDecider, ...past, ...attempts(PAYMENT_ATTEMPTS_MAX))
      .when(request('one more'))
      .thenRefused('TooManyPaymentAttempts');
  });

  const refunds = Array.from({ length: REFUNDS_MAX }, (_, index) =>
    refundRequested(1, { refundId: `past ${index}`, storeId: 'north' }),
  );
  const left = (amount: number) => ({ amount: { amount, currency: 'EUR' } });

  it('takes a bounded number of refunds', () => {
    given(orderDecider, ...paid, ...refunds.slice(1))
      .when(refund(left(1)))
      .then(refundRequested(1));
    for (const storeId of [null, 'north', 'south']) {
      given(orderDecider, ...paid, ...refunds)
        .when(refund({ ...left(1), storeId }))
        .thenRefused('TooManyRefunds');
    }
    given(orderDecider, ...paid, ...refunds)
      .when(refund({ ...left(1), refundId: 'past 7' }))
      .thenNothing();
  });

  it('takes the refund of all that is left, however many there were', () => {
    const rest = TOTAL - REFUNDS_MAX;
    for (const how of [{}, left(rest)]) {
      given(orderDecider, ...paid, ...refunds)
        .when(refund(how))
        .then(refundRequested(rest), closed);
    }
    given(orderDecider, ...paid, ...refunds)
      .when(refund({ storeId: 'north' }))
      .then(refundRequested(NORTH - REFUNDS_MAX, { storeId: 'north' }), partClosed('north'));
    given(orderDecider, ...paid, ...refunds)
      .when({ type: 'CancelOrder', data: { reason: 'late', by: 'buyer', refundId: 'r1' } })
      .then(
        { type: 'OrderCancelled', data: { reason: 'late', by: 'buyer' } },
        refundRequested(rest, { reason: 'order cancelled' }),
      );
  });
});
