import type { Command, Decider } from '../engine/decide/decider.ts';
import { missing, reject } from '../errors.ts';
import { INVALID_STATUS, type Money, pay, type PaymentCommand, type PaymentEvent } from './orderMoney.ts';

export interface OrderLine {
  readonly productId: string;
  readonly storeId: string;
  readonly sellerId: string;
  readonly name: string;
  /** Minor units, frozen at checkout. */
  readonly price: number;
  readonly quantity: number;
}

/** The fulfilment steps of a seller's part of an order, in sequence; no step can be skipped. */
export const FULFILMENT_STEPS = ['processing', 'shipping', 'shipped', 'completed'] as const;
const FULFILMENT_STATUSES = ['pending', ...FULFILMENT_STEPS] as const;
export type FulfilmentStatus = (typeof FULFILMENT_STATUSES)[number];

export const ORDER_STATUSES = ['pending', 'paid', ...FULFILMENT_STEPS, 'cancelled'] as const;
export type OrderStatus = (typeof ORDER_STATUSES)[number];

/** JSON text of an address, sealed under the buyer's key. */
type SealedAddress = string;

// NOTE: these names and shapes are the storage format; version them with care. Amounts are minor units.
export type OrderPlaced = {
  type: 'OrderPlaced';
  data: {
    buyerId: string;
    lines: readonly OrderLine[];
    currency: string;
    total: number;
    shippingAddress: SealedAddress;
    billingAddress: SealedAddress | null;
    notes: string | null;
    fromCart: boolean;
    payBy: string;
  };
};
/** Fences a checkout that stopped half way: this order can no longer be placed. */
export type OrderAbandoned = { type: 'OrderAbandoned'; data: object };
export type OrderCancelled = { type: 'OrderCancelled'; data: { reason: string; by: 'buyer' | 'admin' | 'system' } };
export type FulfilmentAdvanced = { type: 'FulfilmentAdvanced'; data: { storeId: string; status: FulfilmentStatus } };

export type OrderEvent = OrderPlaced | OrderAbandoned | OrderCancelled | FulfilmentAdvanced | PaymentEvent;

export interface PlacedOrder {
  readonly status: 'placed';
  readonly buyerId: string;
  readonly lines: readonly OrderLine[];
  /** Per store. */
  readonly fulfilments: Readonly<Record<string, FulfilmentStatus>>;
  readonly cancelled: boolean;
  readonly money: Money;
}
export type OrderState = { readonly status: 'none' } | { readonly status: 'abandoned' } | PlacedOrder;

const none: OrderState = { status: 'none' };

export const placed = (state: OrderState): PlacedOrder =>
  state.status === 'placed' ? state : missing('OrderUnknown', 'There is no such order.');

/** The index of a status in the sequence of fulfilment steps; a higher index is further along. */
export const stepOf = (status: FulfilmentStatus): number => FULFILMENT_STATUSES.indexOf(status);

/** The fulfilments of an order that was just placed: one for each store. */
export function unfulfilled(lines: readonly OrderLine[]): Record<string, FulfilmentStatus> {
  const fulfilments: Record<string, FulfilmentStatus> = {};
  for (const { storeId } of lines) fulfilments[storeId] = 'pending';
  return fulfilments;
}

/** The status of the order as a whole: with several stores, its least advanced fulfilment. */
export function orderStatus(order: {
  readonly cancelled: boolean;
  readonly paid: boolean;
  readonly fulfilments: readonly FulfilmentStatus[];
}): OrderStatus {
  if (order.cancelled) return 'cancelled';
  const least = FULFILMENT_STATUSES.find((status) => order.fulfilments.includes(status)) ?? 'pending';
  if (least !== 'pending') return least;
  return order.paid ? 'paid' : 'pending';
}

export type PlaceOrder = Command<
  'PlaceOrder',
  { order: OrderPlaced['data']; payment: { paymentId: string; method: string } }
>;
export type AbandonOrder = Command<'AbandonOrder', object>;
export type CancelOrder = Command<
  'CancelOrder',
  { reason: string; by: 'buyer' | 'admin' | 'system'; refundId: string }
>;
export type AdvanceFulfilment = Command<'AdvanceFulfilment', { storeId: string; status: FulfilmentStatus }>;

export type OrderCommand = PlaceOrder | AbandonOrder | CancelOrder | AdvanceFulfilment | PaymentCommand;

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
  return { status: 'placed', buyerId, lines, fulfilments: unfulfilled(lines), cancelled: false, money };
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

function cancel({ data }: CancelOrder, state: PlacedOrder): OrderEvent[] {
  if (state.cancelled) return [];
  if (Object.values(state.fulfilments).some((status) => stepOf(status) > stepOf('processing'))) {
    reject('OrderShipping', 'An order can be cancelled only before its shipping begins.', INVALID_STATUS);
  }
  const { reason, by, refundId } = data;
  return [
    { type: 'OrderCancelled', data: { reason, by } },
    ...pay.refundRest(state.money, refundId, 'order cancelled'),
  ];
}

function advance({ data: { storeId, status } }: AdvanceFulfilment, state: PlacedOrder): OrderEvent[] {
  const current = state.fulfilments[storeId];
  if (current === undefined) reject('NotYourOrder', 'This order has no products of your store.');
  if (current === status) return [];
  if (state.cancelled) reject('OrderCancelled', 'This order was cancelled.', INVALID_STATUS);
  // A shipped parcel cannot be stopped, so later steps do not require that the order is still paid.
  if (stepOf(status) <= stepOf('shipping') && !pay.isPaid(state.money))
    reject('OrderUnpaid', 'This order is not paid, or was refunded; it cannot be shipped.', INVALID_STATUS);
  const next = FULFILMENT_STATUSES[stepOf(current) + 1];
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
