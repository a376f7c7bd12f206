import fc from 'fast-check';
import { fold } from '../../src/engine/decide/decider.ts';
import { type OrderCommand, orderDecider, type OrderEvent, type OrderState } from '../../src/aggregates/order.ts';
import { isRefusal } from '../../src/errors.ts';
import { commandOf, type Intent } from '../support/given.ts';
import { placed, requested, TOTAL } from './orderExamples.ts';

const paymentId = fc.constantFrom('p1', 'p2', 'p3');
const refundId = fc.constantFrom('r1', 'r2', 'r3', 'r4', 'r5');
const storeId = fc.constantFrom('north', 'south');
const amount = fc.integer({ min: 1, max: TOTAL + 100 });

const requestPayment = paymentId.map((id) => ({
  type: 'RequestPayment' as const,
  data: { paymentId: id, method: 'sandbox' },
}));
const authorise = paymentId.map((id) => ({
  type: 'RecordAuthorisation' as const,
  data: { paymentId: id, reference: 'a' },
}));
const confirm = paymentId.map((id) => ({ type: 'ConfirmPayment' as const, data: { paymentId: id } }));
const capture = fc
  .tuple(paymentId, fc.oneof({ weight: 6, arbitrary: fc.constant(TOTAL) }, { weight: 1, arbitrary: amount }))
  .map(([id, much]) => ({
    type: 'RecordCapture' as const,
    data: { paymentId: id, reference: 'c', amount: much, currency: 'EUR', refundId: `of ${id}` },
  }));
const decline = paymentId.map((id) => ({
  type: 'RecordDecline' as const,
  data: { paymentId: id, reason: 'no funds' },
}));
const refund = fc
  .tuple(refundId, paymentId, fc.option(storeId), fc.option(fc.oneof(amount, fc.integer({ min: -5, max: 50 }))))
  .map(([id, of, store, much]) => ({
    type: 'RequestRefund' as const,
    data: {
      ...{ refundId: id, paymentId: of, reason: 'r', storeId: store },
      ...(much === null ? {} : { amount: { amount: much, currency: 'EUR' } }),
    },
  }));
const recordRefund = fc
  .oneof(
    refundId,
    paymentId.map((id) => `of ${id}`),
    storeId.map((id) => `part of ${id}`),
    fc.constant('cancel'),
  )
  .map((id) => ({ type: 'RecordRefund' as const, data: { refundId: id, reference: 'r' } }));
const cancel = fc.constant({
  type: 'CancelOrder' as const,
  data: { reason: 'late', by: 'buyer' as const, refundId: 'cancel' },
});
const cancelPart = storeId.map((id) => ({
  type: 'CancelFulfilment' as const,
  data: { storeId: id, reason: 'sold out', refundId: `part of ${id}` },
}));
const advance = fc
  .tuple(storeId, fc.constantFrom('processing' as const, 'shipping' as const, 'shipped' as const, 'completed' as const))
  .map(([store, status]) => ({ type: 'AdvanceFulfilment' as const, data: { storeId: store, status } }));

const anything: fc.Arbitrary<Intent<OrderCommand>> = fc.oneof(
  { weight: 4, arbitrary: requestPayment },
  { weight: 2, arbitrary: authorise },
  { weight: 2, arbitrary: confirm },
  { weight: 5, arbitrary: capture },
  { weight: 3, arbitrary: decline },
  { weight: 5, arbitrary: refund },
  { weight: 3, arbitrary: recordRefund },
  { weight: 1, arbitrary: cancel },
  { weight: 1, arbitrary: cancelPart },
  { weight: 4, arbitrary: advance },
);

/** Possible histories of an order of two stores: the events of any sequence of commands, without the refused ones. */
export const orderLife: fc.Arbitrary<OrderEvent[]> = fc
  .array(anything, { maxLength: 40, size: 'max' })
  .map((intents) => {
    const events: OrderEvent[] = [placed, requested()];
    let state = fold(orderDecider, orderDecider.initial, events);
    for (const intent of intents) {
      const decided = decidedUnlessRefused(intent, state);
      state = fold(orderDecider, state, decided);
      events.push(...decided);
    }
    return events;
  });

function decidedUnlessRefused(intent: Intent<OrderCommand>, state: OrderState): readonly OrderEvent[] {
  try {
    return orderDecider.decide(commandOf<OrderCommand>(intent), state);
  } catch (error) {
    if (isRefusal(error)) return [];
    throw error;
  }
}
