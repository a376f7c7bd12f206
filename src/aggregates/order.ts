import { reject } from '../errors.ts';
import type { Decider } from '../engine/decide/decider.ts';
import type { OrderCommand, PlaceOrder, AdvanceFulfilment, CancelOrder } from './orderCommands.ts';
import type { FulfilmentStatus, OrderEvent } from './orderEvents.ts';
import { pay, type Money } from './orderMoney.ts';
import { none, placed, type OrderState, type PlacedOrder } from './orderState.ts';

export const orderDecider: Decider<OrderState, OrderCommand, OrderEvent> = {
  category: 'order',
  snapshotVersion: 1,
  initial: none,
  evolve(state, event) {
    switch (event.type) {
      case 'OrderPlaced':
        return placedBy(event.data);
      case 'OrderAbandoned':
        return { status: 'abandoned' };
      case 'OrderCancelled':
        return state.status === 'placed' ? { ...state, cancelled: true } : state;
      case 'FulfilmentAdvanced':
        return state.status === 'placed'
          ? { ...state, fulfilments: { ...state.fulfilments, [event.data.storeId]: event.data.status } }
          : state;
      case 'PaymentRequested':
      case 'PaymentAuthorised':
      case 'PaymentConfirmed':
      case 'PaymentCaptured':
      case 'PaymentDeclined':
      case 'RefundRequested':
      case 'PaymentRefunded':
        return state.status === 'placed' ? { ...state, money: pay.evolve(state.money, event) } : state;
    }
  },
  decide(command, state) {
    switch (command.type) {
      case 'PlaceOrder':
        return place(command, state);
      case 'AbandonOrder':
        return state.status === 'none' ? [{ type: 'OrderAbandoned', data: {} }] : [];
      case 'CancelOrder':
        return cancel(command, placed(state));
      case 'AdvanceFulfilment':
        return advance(command, placed(state));
      case 'RequestPayment':
      case 'RecordAuthorisation':
      case 'ConfirmPayment':
      case 'RecordCapture':
      case 'RecordDecline':
      case 'RequestRefund':
      case 'RecordRefund':
        return pay.decide(command, placed(state));
    }
  },
};

const STEPS = ['pending', 'processing', 'shipping', 'shipped', 'completed'] as const satisfies FulfilmentStatus[];
const stepOf = (status: FulfilmentStatus): number => STEPS.indexOf(status);

function placedBy(data: PlaceOrder['data']['order']): PlacedOrder {
  const money: Money = {
    currency: data.currency,
    total: data.total,
    captured: 0,
    refundRequested: 0,
    refunded: 0,
    refundedByStore: {},
    payments: {},
    refunds: {},
  };
  const { buyerId, lines } = data;
  const fulfilments = Object.fromEntries(lines.map(({ storeId }) => [storeId, 'pending' as const]));
  return { status: 'placed', buyerId, lines, fulfilments, cancelled: false, money };
}

function place({ data: { order, payment } }: PlaceOrder, state: OrderState): OrderEvent[] {
  if (state.status === 'abandoned') reject('CheckoutExpired', 'This checkout took too long; please try again.');
  if (state.status === 'placed') reject('OrderExists', 'This order was already placed.');
  const requested = { ...payment, attempt: 1, amount: order.total, currency: order.currency };
  return [
    { type: 'OrderPlaced', data: order },
    { type: 'PaymentRequested', data: requested },
  ];
}

const INVALID_STATUS = { code: 'INVALID_STATUS' };

function cancel({ data }: CancelOrder, state: PlacedOrder): OrderEvent[] {
  if (state.cancelled) return [];
  if (Object.values(state.fulfilments).some((status) => stepOf(status) > stepOf('processing'))) {
    reject('OrderShipping', 'An order can be cancelled only until it is being shipped.', INVALID_STATUS);
  }
  const { reason, by, refundId } = data;
  return [
    { type: 'OrderCancelled', data: { reason, by } },
    ...pay.refundRest(state.money, refundId, 'order cancelled'),
  ];
}

function advance({ data: { storeId, status } }: AdvanceFulfilment, state: PlacedOrder): OrderEvent[] {
  const current = state.fulfilments[storeId];
  if (current === undefined) reject('NotYourOrder', 'None of this order is yours to fulfil.');
  if (current === status) return [];
  if (state.cancelled) reject('OrderCancelled', 'This order was cancelled.', INVALID_STATUS);
  // What is on its way already arrives, paid or not: the parcel cannot be stopped any more.
  if (stepOf(status) <= stepOf('shipping') && !pay.isPaid(state.money))
    reject('OrderUnpaid', 'This order is not paid (any more); nothing ships unpaid.', INVALID_STATUS);
  const next = STEPS[stepOf(current) + 1];
  if (next !== status) {
    const sentence = next === undefined ? 'it is completed' : `the next step is "${next}"`;
    reject(
      'StatusSkipped',
      `From "${current === 'pending' ? 'paid' : current}" this is not the next step: ${sentence}.`,
      INVALID_STATUS,
    );
  }
  return [{ type: 'FulfilmentAdvanced', data: { storeId, status } }];
}
