import type { Command } from '../engine/decide/decider.ts';
import { missing, reject } from '../errors.ts';

// NOTE: these names and shapes are the storage format; version them with care. Amounts are minor units.
export type PaymentRequested = {
  type: 'PaymentRequested';
  data: { paymentId: string; attempt: number; method: string; amount: number; currency: string };
};
export type PaymentAuthorised = { type: 'PaymentAuthorised'; data: { paymentId: string; reference: string } };
export type PaymentConfirmed = { type: 'PaymentConfirmed'; data: { paymentId: string } };
export type PaymentCaptured = {
  type: 'PaymentCaptured';
  data: { paymentId: string; reference: string; amount: number };
};
export type PaymentDeclined = { type: 'PaymentDeclined'; data: { paymentId: string; reason: string } };
export type RefundRequested = {
  type: 'RefundRequested';
  data: { refundId: string; paymentId: string; amount: number; reason: string; storeId: string | null };
};
export type PaymentRefunded = {
  type: 'PaymentRefunded';
  data: { refundId: string; paymentId: string; amount: number; reference: string };
};

export type PaymentEvent =
  | PaymentRequested
  | PaymentAuthorised
  | PaymentConfirmed
  | PaymentCaptured
  | PaymentDeclined
  | RefundRequested
  | PaymentRefunded;

export type RequestPayment = Command<'RequestPayment', { paymentId: string; method: string }>;
export type RecordAuthorisation = Command<'RecordAuthorisation', PaymentAuthorised['data']>;
export type ConfirmPayment = Command<'ConfirmPayment', { paymentId: string }>;
/** `refundId`: for the refund of what the order does not need: it is cancelled, is already paid, or costs less than was captured. */
export type RecordCapture = Command<
  'RecordCapture',
  { paymentId: string; reference: string; amount: number; refundId: string }
>;
export type RecordDecline = Command<'RecordDecline', PaymentDeclined['data']>;
/** `amount` in minor units, all that can still be refunded when absent; `storeId` when a seller refunds their own lines. */
export type RequestRefund = Command<
  'RequestRefund',
  { refundId: string; paymentId: string; amount?: number; reason: string; storeId: string | null }
>;
export type RecordRefund = Command<'RecordRefund', { refundId: string; reference: string }>;

export type PaymentCommand =
  RequestPayment | RecordAuthorisation | ConfirmPayment | RecordCapture | RecordDecline | RequestRefund | RecordRefund;

export type PaymentStatus = 'requested' | 'authorised' | 'confirmed' | 'captured' | 'declined';

interface Payment {
  readonly attempt: number;
  readonly method: string;
  /** The requested amount; once captured, the captured amount. */
  readonly amount: number;
  readonly status: PaymentStatus;
  readonly refundRequested: number;
}
interface Refund {
  readonly paymentId: string;
  readonly amount: number;
  readonly done: boolean;
}

/** An order's money, minor units. `refundRequested ≤ captured` always holds; `refunded` follows `refundRequested`. */
export interface Money {
  readonly currency: string;
  readonly total: number;
  readonly captured: number;
  readonly refundRequested: number;
  readonly refunded: number;
  readonly refundedByStore: Readonly<Record<string, number>>;
  readonly payments: Readonly<Record<string, Payment>>;
  readonly refunds: Readonly<Record<string, Refund>>;
}

/** The parts of an order that the payment rules need. */
interface Payable {
  readonly cancelled: boolean;
  readonly lines: readonly { readonly storeId: string; readonly price: number; readonly quantity: number }[];
  readonly money: Money;
}

/** True once a payment was captured; every further capture is refunded. */
const hasCaptured = ({ captured }: Pick<Money, 'captured'>): boolean => captured > 0;
const covers = (amount: number, { total }: Pick<Money, 'total'>): boolean => amount >= total;
/** Whether a capture of `amount` pays the order. Only the order's first capture can. */
const isPaidBy = (amount: number, before: Pick<Money, 'captured' | 'total'>): boolean =>
  !hasCaptured(before) && covers(amount, before);
/** Whether a captured payment covers the total and its full amount was not requested back. */
const isPaid = (money: Money): boolean =>
  Object.values(money.payments).some(
    ({ status, amount, refundRequested: back }) => status === 'captured' && covers(amount, money) && amount > back,
  );

function withPayment(money: Money, paymentId: string, change: (payment: Payment) => Payment): Money {
  const payment = money.payments[paymentId];
  return payment === undefined ? money : { ...money, payments: { ...money.payments, [paymentId]: change(payment) } };
}
const moved = (money: Money, paymentId: string, status: PaymentStatus): Money =>
  withPayment(money, paymentId, (payment) => ({ ...payment, status }));

function evolve(money: Money, event: PaymentEvent): Money {
  switch (event.type) {
    case 'PaymentRequested': {
      const { paymentId, attempt, method, amount } = event.data;
      const payment: Payment = { attempt, method, amount, status: 'requested', refundRequested: 0 };
      return { ...money, payments: { ...money.payments, [paymentId]: payment } };
    }
    case 'PaymentAuthorised':
      return moved(money, event.data.paymentId, 'authorised');
    case 'PaymentConfirmed':
      return moved(money, event.data.paymentId, 'confirmed');
    case 'PaymentCaptured': {
      const { paymentId, amount } = event.data;
      const captured = withPayment(money, paymentId, (payment) => ({ ...payment, status: 'captured', amount }));
      return { ...captured, captured: money.captured + amount };
    }
    case 'PaymentDeclined':
      return moved(money, event.data.paymentId, 'declined');
    case 'RefundRequested': {
      const { refundId, paymentId, amount, storeId } = event.data;
      const byStore = money.refundedByStore;
      return {
        ...withPayment(money, paymentId, (payment) => ({
          ...payment,
          refundRequested: payment.refundRequested + amount,
        })),
        refundRequested: money.refundRequested + amount,
        refunds: { ...money.refunds, [refundId]: { paymentId, amount, done: false } },
        refundedByStore: storeId === null ? byStore : { ...byStore, [storeId]: (byStore[storeId] ?? 0) + amount },
      };
    }
    case 'PaymentRefunded': {
      const refund = money.refunds[event.data.refundId];
      const refunds =
        refund === undefined ? money.refunds : { ...money.refunds, [event.data.refundId]: { ...refund, done: true } };
      return { ...money, refunded: money.refunded + event.data.amount, refunds };
    }
  }
}

function decide(command: PaymentCommand, order: Payable): PaymentEvent[] {
  const { money } = order;
  switch (command.type) {
    case 'RequestPayment':
      return request(command, order);
    case 'RecordAuthorisation': {
      const { status } = known(money, command.data.paymentId);
      return status === 'requested' ? [{ type: 'PaymentAuthorised', data: command.data }] : [];
    }
    case 'ConfirmPayment':
      return confirm(command, order);
    case 'RecordCapture':
      return capture(command, order);
    case 'RecordDecline': {
      const { status } = known(money, command.data.paymentId);
      return status === 'captured' || status === 'declined' ? [] : [{ type: 'PaymentDeclined', data: command.data }];
    }
    case 'RequestRefund':
      return refund(command, order);
    case 'RecordRefund': {
      const { refundId, reference } = command.data;
      const asked = money.refunds[refundId] ?? missing('RefundUnknown', 'There is no such refund.');
      const { paymentId, amount, done } = asked;
      return done ? [] : [{ type: 'PaymentRefunded', data: { refundId, paymentId, amount, reference } }];
    }
  }
}

const known = (money: Money, paymentId: string): Payment =>
  money.payments[paymentId] ?? missing('PaymentUnknown', 'There is no such payment.');

export const INVALID_STATUS = { code: 'INVALID_STATUS' };
const open = (payment: Payment): boolean =>
  payment.status === 'requested' || payment.status === 'authorised' || payment.status === 'confirmed';

function request({ data: { paymentId, method } }: RequestPayment, { cancelled, money }: Payable): PaymentEvent[] {
  if (cancelled) reject('OrderCancelled', 'This order was cancelled.', INVALID_STATUS);
  if (hasCaptured(money)) reject('OrderAlreadyPaid', 'This order is already paid.');
  const payments = Object.values(money.payments);
  if (payments.some(open)) reject('PaymentInProgress', 'A payment of this order is still in progress.');
  const attempt = payments.length + 1;
  return [
    { type: 'PaymentRequested', data: { paymentId, attempt, method, amount: money.total, currency: money.currency } },
  ];
}

function confirm({ data: { paymentId } }: ConfirmPayment, { cancelled, money }: Payable): PaymentEvent[] {
  const { status } = known(money, paymentId);
  if (status === 'confirmed' || status === 'captured') return [];
  if (cancelled) reject('OrderCancelled', 'This order was cancelled.', INVALID_STATUS);
  if (status !== 'authorised')
    reject('PaymentNotAuthorised', `This payment is ${status}; there is nothing to confirm.`, INVALID_STATUS);
  return [{ type: 'PaymentConfirmed', data: { paymentId } }];
}

/** Records every capture, because the money has moved, and requests a refund of what the order does not need. */
function capture({ data: { refundId, ...captured } }: RecordCapture, { cancelled, money }: Payable): PaymentEvent[] {
  if (known(money, captured.paymentId).status === 'captured') return [];
  const { paymentId } = captured;
  const kept = cancelled || hasCaptured(money) ? 0 : Math.min(captured.amount, money.total);
  const amount = captured.amount - kept;
  const back = { refundId, paymentId, amount, reason: unwantedBecause(cancelled, money), storeId: null };
  return [
    { type: 'PaymentCaptured', data: captured },
    ...(amount > 0 ? [{ type: 'RefundRequested' as const, data: back }] : []),
  ];
}

function unwantedBecause(cancelled: boolean, money: Money): string {
  if (cancelled) return 'captured after the order was cancelled';
  return hasCaptured(money) ? 'the order was already paid' : 'more was captured than the order costs';
}

const worth = (lines: Payable['lines'], storeId: string): number =>
  lines.reduce((sum, line) => (line.storeId === storeId ? sum + line.price * line.quantity : sum), 0);

function refund({ data }: RequestRefund, { lines, money }: Payable): PaymentEvent[] {
  if (money.refunds[data.refundId] !== undefined) return [];
  const payment = known(money, data.paymentId);
  const ofPayment = payment.status === 'captured' ? payment.amount - payment.refundRequested : 0;
  const { storeId } = data;
  const ofStore = storeId === null ? ofPayment : worth(lines, storeId) - (money.refundedByStore[storeId] ?? 0);
  const refundable = Math.max(0, Math.min(ofPayment, ofStore));
  const amount = data.amount ?? refundable;
  if (amount <= 0 || amount > refundable) {
    reject('RefundExceedsCaptured', 'The amount is more than what is left to refund of this payment.');
  }
  const { refundId, paymentId, reason } = data;
  return [{ type: 'RefundRequested', data: { refundId, paymentId, amount, reason, storeId } }];
}

/** Requests a refund of the rest of the first captured payment that is not fully refunded; nothing when there is none. */
function refundRest(money: Money, refundId: string, reason: string): PaymentEvent[] {
  const [paymentId, payment] = Object.entries(money.payments).find(
    ([, { status, amount, refundRequested }]) => status === 'captured' && amount > refundRequested,
  ) ?? [undefined, undefined];
  if (paymentId === undefined) return [];
  const amount = payment.amount - payment.refundRequested;
  return [{ type: 'RefundRequested', data: { refundId, paymentId, amount, reason, storeId: null } }];
}

export const pay = { evolve, decide, refundRest, isPaid, isPaidBy, hasCaptured } as const;
