import type { Command, Decider } from '../engine/decide/decider.ts';
import { missing, reject } from '../errors.ts';
import { withEntry } from './collections.ts';
import {
  type Fulfilment,
  FULFILMENT_STATUSES,
  type FulfilmentStatus,
  isUnshipped,
  stepOf,
  unfulfilled,
  unshippedOf,
} from './fulfilment.ts';
import { type OrderLine, totalOf } from './orderLines.ts';
import { INVALID_STATUS, type Money, pay, type PaymentCommand, type PaymentEvent } from './orderMoney.ts';
import { closesBecause, type Reason, reasonFor } from './reason.ts';
import type { Sealed, SealedOrOwn } from './sealed.ts';

/** JSON text of an address, sealed under the buyer's key. */
type SealedAddress = Sealed;

export type { OrderLine };

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
    notes: Sealed | null;
    fromCart: boolean;
    payBy: string;
  };
};
/**
 * Fences a checkout that stopped half way: this order can no longer be placed. `forNow`: the checkout was refused only for now, and
 * a repeat of it may place an order under another id.
 */
export type OrderAbandoned = { type: 'OrderAbandoned'; data: { forNow?: true } };
type CancelledBy = 'buyer' | 'seller' | 'admin' | 'system';
export type OrderCancelled = { type: 'OrderCancelled'; data: { reason: SealedOrOwn; by: CancelledBy } };
export type FulfilmentAdvanced = { type: 'FulfilmentAdvanced'; data: { storeId: string; status: FulfilmentStatus } };
/** Closes one store's part of an order; the other stores' parts go on. */
export type FulfilmentCancelled = {
  type: 'FulfilmentCancelled';
  data: { storeId: string; reason: SealedOrOwn; by: 'seller' | 'system' };
};

export type OrderEvent =
  OrderPlaced | OrderAbandoned | OrderCancelled | FulfilmentAdvanced | FulfilmentCancelled | PaymentEvent;

export interface PlacedOrder {
  readonly status: 'placed';
  readonly buyerId: string;
  readonly lines: readonly OrderLine[];
  /** Per store. */
  readonly fulfilments: Readonly<Record<string, Fulfilment>>;
  readonly cancelled: boolean;
  readonly money: Money;
}
export interface AbandonedOrder {
  readonly status: 'abandoned';
  readonly forNow: boolean;
}
export type OrderState = { readonly status: 'none' } | AbandonedOrder | PlacedOrder;

const none: OrderState = { status: 'none' };

export const placed = (state: OrderState): PlacedOrder =>
  state.status === 'placed' ? state : missing('OrderUnknown', 'There is no such order.');

export type PlaceOrder = Command<
  'PlaceOrder',
  { order: OrderPlaced['data']; payment: { paymentId: string; method: string } }
>;
export type AbandonOrder = Command<'AbandonOrder', OrderAbandoned['data']>;
export type CancelOrder = Command<'CancelOrder', { reason: SealedOrOwn; by: CancelledBy; refundId: string }>;
/** `refundId`: for the refund of what the buyer has paid for these lines. */
export type CancelFulfilment = Command<'CancelFulfilment', { storeId: string; reason: Reason; refundId: string }>;
export type AdvanceFulfilment = Command<'AdvanceFulfilment', { storeId: string; status: FulfilmentStatus }>;

export type OrderCommand =
  PlaceOrder | AbandonOrder | CancelOrder | CancelFulfilment | AdvanceFulfilment | PaymentCommand;

export const orderDecider: Decider<OrderState, OrderCommand, OrderEvent> = {
  category: 'order',
  snapshotVersion: 4,
  initial: none,
  evolve(state, event, made) {
    switch (event.type) {
      case 'OrderPlaced':
        return placedBy(event.data);
      case 'OrderAbandoned':
        return { status: 'abandoned', forNow: event.data.forNow === true };
      case 'OrderCancelled':
        return state.status === 'placed' ? { ...state, cancelled: true } : state;
      case 'FulfilmentAdvanced':
        return state.status === 'placed'
          ? { ...state, fulfilments: withEntry(state.fulfilments, event.data.storeId, event.data.status, made) }
          : state;
      case 'FulfilmentCancelled':
        return state.status === 'placed'
          ? { ...state, fulfilments: withEntry(state.fulfilments, event.data.storeId, 'cancelled', made) }
          : state;
      case 'PaymentRequested':
      case 'PaymentAuthorised':
      case 'PaymentConfirmed':
      case 'PaymentCaptured':
      case 'PaymentDeclined':
      case 'RefundRequested':
      case 'PaymentRefunded':
        return state.status === 'placed' ? { ...state, money: pay.evolve(state.money, event, made) } : state;
    }
  },
  decide(command, state) {
    switch (command.type) {
      case 'PlaceOrder':
        return place(command, state);
      case 'AbandonOrder':
        return state.status === 'none' ? [{ type: 'OrderAbandoned', data: command.data }] : [];
      case 'CancelOrder':
        return cancel(command, placed(state));
      case 'CancelFulfilment':
        return cancelPart(command, placed(state));
      case 'AdvanceFulfilment':
        return advance(command, placed(state));
      case 'RequestPayment':
      case 'RecordAuthorisation':
      case 'ConfirmPayment':
      case 'RecordCapture':
      case 'RecordDecline':
      case 'RequestRefund':
      case 'RecordRefund':
        return settle(placed(state), command);
    }
  },
};

function placedBy(data: PlaceOrder['data']['order']): PlacedOrder {
  const money = pay.unpaid(data);
  const { buyerId, lines } = data;
  return { status: 'placed', buyerId, lines, fulfilments: unfulfilled(lines), cancelled: false, money };
}

function place({ data: { order, payment } }: PlaceOrder, state: OrderState): OrderEvent[] {
  if (state.status === 'abandoned') reject('CheckoutExpired', 'This checkout took too long; please try again.');
  if (state.status === 'placed') reject('OrderExists', 'This order was already placed.');
  const { amount, currency } = totalOf(order.lines, order.currency);
  if (amount !== order.total) throw new Error(`an order of ${amount} ${currency} says that it is of ${order.total}`);
  const requested = { ...payment, attempt: 1, amount, currency };
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

/** A seller closes their own part. When nothing else is left, of parts or of money, the whole order is cancelled. */
function cancelPart({ data }: CancelFulfilment, state: PlacedOrder): OrderEvent[] {
  const { storeId, reason, refundId } = data;
  const current = ownFulfilment(state, storeId);
  if (state.cancelled || current === 'cancelled') return [];
  if (!isUnshipped(current)) reject('OrderShipped', 'What was shipped can no longer be cancelled.', INVALID_STATUS);
  const closed = closing(state, [storeId], { reason, by: 'seller' });
  const why = { refundId, reason: reasonFor('RefundRequested', reason) };
  if (closed[0]?.type === 'OrderCancelled') return [...closed, ...pay.refundRest(state.money, refundId, why.reason)];
  if (!pay.hasCaptured(state.money)) {
    const sentence = 'This order is not paid yet. Your lines can be cancelled once it is paid.';
    reject('OrderUnpaid', sentence, INVALID_STATUS);
  }
  const refunds = pay.refundStore(state, storeId, why);
  const after = { ...state, money: pay.fold(state.money, refunds) };
  if (pay.isKept(after.money)) return [...closed, ...refunds];
  const others = unshippedOf(state.fulfilments).filter((id) => id !== storeId);
  const left = { ...after, fulfilments: { ...state.fulfilments, [storeId]: 'cancelled' as const } };
  return [...closed, ...refunds, ...closing(left, others, { reason: closesBecause(reason), by: 'system' })];
}

function ownFulfilment({ fulfilments }: PlacedOrder, storeId: string): Fulfilment {
  return fulfilments[storeId] ?? reject('NotYourOrder', 'This order has no products of your store.');
}

/** The events that close the parts of these stores: the order's cancellation when no other part is left. */
function closing(
  { fulfilments }: PlacedOrder,
  storeIds: readonly string[],
  { reason, by }: { reason: Reason; by: FulfilmentCancelled['data']['by'] },
): OrderEvent[] {
  if (storeIds.length === 0) return [];
  const rest = Object.entries(fulfilments).filter(([id, status]) => status !== 'cancelled' && !storeIds.includes(id));
  if (rest.length === 0) return [{ type: 'OrderCancelled', data: { reason: reasonFor('OrderCancelled', reason), by } }];
  const told = reasonFor('FulfilmentCancelled', reason);
  return storeIds.map((storeId) => ({ type: 'FulfilmentCancelled', data: { storeId, reason: told, by } }));
}

/** Adds what a refund closes. Once all money of a part is given back, and the part is not shipped, it will not be. */
function settle(state: PlacedOrder, command: PaymentCommand): OrderEvent[] {
  const events = pay.decide(command, state);
  const last = events.at(-1);
  if (last?.type !== 'RefundRequested' || state.cancelled) return events;
  const money = pay.fold(state.money, events);
  const { paymentId, storeId } = last.data;
  const reason = command.type === 'RequestRefund' ? command.data.reason : last.data.reason;
  const unshipped = unshippedOf(state.fulfilments);
  const done = pay.isKept(money)
    ? unshipped.filter((id) => id === storeId && pay.isStoreRefunded({ ...state, money }, paymentId, id))
    : unshipped;
  return [...events, ...closing(state, done, { reason: closesBecause(reason), by: 'system' })];
}

function advance({ data: { storeId, status } }: AdvanceFulfilment, state: PlacedOrder): OrderEvent[] {
  const current = ownFulfilment(state, storeId);
  if (current === status) return [];
  if (state.cancelled || current === 'cancelled') reject('OrderCancelled', 'This order was cancelled.', INVALID_STATUS);
  // A shipped parcel cannot be stopped, so later steps do not require that the order is still paid.
  if (stepOf(status) <= stepOf('shipping') && !state.money.paid)
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
