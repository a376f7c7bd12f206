import { missing, reject } from '../errors.ts';
import { reasonFor } from './reason.ts';
import type { SealedOrOwn } from './sealed.ts';
import { compare, inCurrencyOf } from './money.ts';
import {
  covers,
  evolve,
  hasCaptured,
  isKept,
  isPaidBy,
  isPaidWith,
  type Money,
  type Payment,
  unpaid,
} from './orderLedger.ts';
import { createShares } from './orderShares.ts';
import type {
  ConfirmPayment,
  PaymentCommand,
  PaymentEvent,
  RecordCapture,
  RequestPayment,
  RequestRefund,
} from './orderPayment.ts';

export type * from './orderPayment.ts';
export type { Money, PaymentStatus } from './orderLedger.ts';

/** Attempts to pay one order, at most. */
export const PAYMENT_ATTEMPTS_MAX = 20;
/** Refunds of one order, at most; after that only all that is left can be refunded. */
export const REFUNDS_MAX = 100;

/** The parts of an order that the payment rules need. */
interface Payable {
  readonly cancelled: boolean;
  readonly lines: readonly { readonly storeId: string; readonly price: number; readonly quantity: number }[];
  readonly money: Money;
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
      const refunded = { refundId, paymentId, amount, currency: money.currency, reference };
      return done ? [] : [{ type: 'PaymentRefunded', data: refunded }];
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
  if (attempt > PAYMENT_ATTEMPTS_MAX) {
    reject(
      'TooManyPaymentAttempts',
      `This order has had ${PAYMENT_ATTEMPTS_MAX} attempts to pay it. Place a new order.`,
    );
  }
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

/**
 * Records every capture in the order's currency, because the money has moved, and requests a refund of what the order does not need.
 */
function capture({ data: { refundId, ...captured } }: RecordCapture, { cancelled, money }: Payable): PaymentEvent[] {
  if (known(money, captured.paymentId).status === 'captured') return [];
  const { paymentId, currency } = inCurrencyOf(captured, money);
  const kept = !cancelled && isPaidBy(captured.amount, money) ? money.total : 0;
  const amount = captured.amount - kept;
  const back = {
    refundId,
    paymentId,
    amount,
    currency,
    reason: unwantedBecause(cancelled, captured.amount, money),
    storeId: null,
  };
  return [
    { type: 'PaymentCaptured', data: captured },
    ...(amount > 0 ? [{ type: 'RefundRequested' as const, data: back }] : []),
  ];
}

function unwantedBecause(cancelled: boolean, amount: number, money: Money): string {
  if (cancelled) return 'captured after the order was cancelled';
  if (hasCaptured(money)) return 'the order was already paid';
  return covers(amount, money) ? 'more was captured than the order costs' : 'less was captured than the order costs';
}

/** The part of a payment that a store's lines still have, minor units: a refund for the whole order takes its share of them too. */
function leftOf({ lines, money }: Pick<Payable, 'lines' | 'money'>, paymentId: string, storeId: string): number {
  const payment = known(money, paymentId);
  if (payment.status !== 'captured') return 0;
  const shares = createShares(lines, money.total);
  shares.capture({ paymentId, amount: payment.amount });
  for (const [refundId, refunded] of Object.entries(money.refunds)) shares.refund({ refundId, ...refunded });
  return shares.left(paymentId, storeId);
}

/** The amount that can still be refunded of a payment: by an admin (`storeId` is null), or for the lines of one store. */
function refundableOf(order: Payable, paymentId: string, storeId: string | null): number {
  const { status, amount, refundRequested } = known(order.money, paymentId);
  const ofPayment = status === 'captured' ? amount - refundRequested : 0;
  return Math.max(0, storeId === null ? ofPayment : Math.min(ofPayment, leftOf(order, paymentId, storeId)));
}

function refund({ data }: RequestRefund, order: Payable): PaymentEvent[] {
  if (order.money.refunds[data.refundId] !== undefined) return [];
  const { storeId } = data;
  const { currency } = order.money;
  const refundable = { amount: refundableOf(order, data.paymentId, storeId), currency };
  const wanted = data.amount ?? refundable;
  if (wanted.amount <= 0 || compare(wanted, refundable) > 0) {
    reject('RefundExceedsCaptured', 'The amount is more than what is left to refund of this payment.');
  }
  if (compare(wanted, refundable) < 0 && Object.keys(order.money.refunds).length >= REFUNDS_MAX) {
    const sentence = `This order has had ${REFUNDS_MAX} refunds. Only all that is left can be refunded, at once.`;
    reject('TooManyRefunds', sentence);
  }
  const { refundId, paymentId } = data;
  const { amount } = wanted;
  const reason = reasonFor('RefundRequested', data.reason);
  return [{ type: 'RefundRequested', data: { refundId, paymentId, amount, currency, reason, storeId } }];
}

/** The first captured payment with money that was not requested back. */
const keptPayment = (money: Money): readonly [string, Payment] | undefined =>
  Object.entries(money.payments).find(
    ([, { status, amount, refundRequested }]) => status === 'captured' && amount > refundRequested,
  );

/** Requests a refund of all that is kept; nothing when nothing is. */
function refundRest(money: Money, refundId: string, reason: SealedOrOwn): PaymentEvent[] {
  const kept = keptPayment(money);
  if (kept === undefined) return [];
  const [paymentId, payment] = kept;
  const amount = payment.amount - payment.refundRequested;
  const { currency } = money;
  return [{ type: 'RefundRequested', data: { refundId, paymentId, amount, currency, reason, storeId: null } }];
}

/** Requests a refund of what is kept for the lines of one store; nothing when nothing is. */
function refundStore(order: Payable, storeId: string, why: { refundId: string; reason: SealedOrOwn }): PaymentEvent[] {
  const kept = keptPayment(order.money);
  if (kept === undefined) return [];
  const [paymentId] = kept;
  const amount = refundableOf(order, paymentId, storeId);
  const { currency } = order.money;
  return amount > 0 ? [{ type: 'RefundRequested', data: { ...why, paymentId, amount, currency, storeId } }] : [];
}

/** Whether a store's lines have nothing left of a payment. */
const isStoreRefunded = (order: Pick<Payable, 'lines' | 'money'>, paymentId: string, storeId: string): boolean =>
  leftOf(order, paymentId, storeId) <= 0;

const fold = (money: Money, events: readonly PaymentEvent[]): Money =>
  events.reduce((before, event) => evolve(before, event), money);

export const pay = {
  ...{ unpaid, evolve, fold, decide, refundRest, refundStore },
  ...{ isPaidBy, isPaidWith, isKept, isStoreRefunded, hasCaptured },
} as const;
