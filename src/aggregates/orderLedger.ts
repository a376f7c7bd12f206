import type { Made } from '../engine/decide/decider.ts';
import { withEntry } from './collections.ts';
import type { PaymentEvent, RefundRequested } from './orderPayment.ts';

export type PaymentStatus = 'requested' | 'authorised' | 'confirmed' | 'captured' | 'declined';

export interface Payment {
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
  readonly storeId: string | null;
  readonly done: boolean;
}

/** An order's money, minor units. `refundRequested ≤ captured` always holds; `refunded` follows `refundRequested`. */
export interface Money {
  readonly currency: string;
  readonly total: number;
  /** The order is paid: its first capture covered the total, and not all of it was requested back. */
  readonly paid: boolean;
  readonly captured: number;
  readonly refundRequested: number;
  readonly refunded: number;
  readonly payments: Readonly<Record<string, Payment>>;
  readonly refunds: Readonly<Record<string, Refund>>;
}

/** The money of an order that was just placed. */
export const unpaid = ({ currency, total }: Pick<Money, 'currency' | 'total'>): Money => ({
  ...{ currency, total, paid: false, captured: 0, refundRequested: 0, refunded: 0 },
  ...{ payments: {}, refunds: {} },
});

/** True once a payment was captured; every further capture is refunded. */
export const hasCaptured = ({ captured }: Pick<Money, 'captured'>): boolean => captured > 0;
export const covers = (amount: number, { total }: Pick<Money, 'total'>): boolean => amount >= total;
/** Whether a capture of `amount` pays the order. Only the order's first capture can. */
export const isPaidBy = (amount: number, before: Pick<Money, 'captured' | 'total'>): boolean =>
  !hasCaptured(before) && covers(amount, before);
/** Whether money was captured that was not requested back. */
export const isKept = (money: { readonly captured: number; readonly refundRequested: number }): boolean =>
  money.captured > money.refundRequested;

interface Change {
  readonly paymentId: string;
  readonly fields: (payment: Payment) => Partial<Payment>;
}

function withPayment(money: Money, { paymentId, fields }: Change, made?: Made): Money {
  const payment = money.payments[paymentId];
  if (payment === undefined) return money;
  return { ...money, payments: withEntry(money.payments, paymentId, { ...payment, ...fields(payment) }, made) };
}

export function evolve(money: Money, event: PaymentEvent, made?: Made): Money {
  const moved = (paymentId: string, status: PaymentStatus): Money =>
    withPayment(money, { paymentId, fields: () => ({ status }) }, made);
  switch (event.type) {
    case 'PaymentRequested': {
      const { paymentId, attempt, method, amount } = event.data;
      const payment: Payment = { attempt, method, amount, status: 'requested', refundRequested: 0 };
      return { ...money, payments: withEntry(money.payments, paymentId, payment, made) };
    }
    case 'PaymentAuthorised':
      return moved(event.data.paymentId, 'authorised');
    case 'PaymentConfirmed':
      return moved(event.data.paymentId, 'confirmed');
    case 'PaymentCaptured': {
      const { paymentId, amount } = event.data;
      const captured = withPayment(money, { paymentId, fields: () => ({ status: 'captured', amount }) }, made);
      const paid = money.paid || isPaidBy(amount, money);
      return { ...captured, paid, captured: money.captured + amount };
    }
    case 'PaymentDeclined':
      return moved(event.data.paymentId, 'declined');
    case 'RefundRequested':
      return withRefund(money, event.data, made);
    case 'PaymentRefunded': {
      const { refundId, amount } = event.data;
      const refund = money.refunds[refundId];
      const refunded = money.refunded + amount;
      if (refund === undefined) return { ...money, refunded };
      return { ...money, refunded, refunds: withEntry(money.refunds, refundId, { ...refund, done: true }, made) };
    }
  }
}

function withRefund(
  money: Money,
  { refundId, paymentId, amount, storeId }: RefundRequested['data'],
  made?: Made,
): Money {
  const refundRequested = money.refundRequested + amount;
  const fields = (payment: Payment) => ({ refundRequested: payment.refundRequested + amount });
  return {
    ...withPayment(money, { paymentId, fields }, made),
    paid: money.paid && isKept({ captured: money.captured, refundRequested }),
    refundRequested,
    refunds: withEntry(money.refunds, refundId, { paymentId, amount, storeId, done: false }, made),
  };
}

/** Whether the order is paid, and by this payment: its money was not all requested back. */
export const isPaidWith = ({ paid, payments }: Money, paymentId: string): boolean => {
  const payment = payments[paymentId];
  return paid && payment?.status === 'captured' && payment.amount > payment.refundRequested;
};
