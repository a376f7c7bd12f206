import type { Command } from '../engine/decide/decider.ts';
import type { Reason } from './reason.ts';
import type { SealedOrOwn } from './sealed.ts';
import type { Money } from './money.ts';

// NOTE: these names and shapes are the storage format; version them with care. Amounts are minor units. Where `currency` may be absent, an
// earlier version recorded the event: its amount is in the order's currency.
export type PaymentRequested = {
  type: 'PaymentRequested';
  data: { paymentId: string; attempt: number; method: string; amount: number; currency: string };
};
export type PaymentAuthorised = { type: 'PaymentAuthorised'; data: { paymentId: string; reference: string } };
export type PaymentConfirmed = { type: 'PaymentConfirmed'; data: { paymentId: string } };
export type PaymentCaptured = {
  type: 'PaymentCaptured';
  data: { paymentId: string; reference: string; amount: number; currency?: string };
};
export type PaymentDeclined = { type: 'PaymentDeclined'; data: { paymentId: string; reason: string } };
export type RefundRequested = {
  type: 'RefundRequested';
  data: {
    refundId: string;
    paymentId: string;
    amount: number;
    currency?: string;
    reason: SealedOrOwn;
    storeId: string | null;
  };
};
export type PaymentRefunded = {
  type: 'PaymentRefunded';
  data: { refundId: string; paymentId: string; amount: number; currency?: string; reference: string };
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
  { paymentId: string; reference: string; amount: number; currency: string; refundId: string }
>;
export type RecordDecline = Command<'RecordDecline', PaymentDeclined['data']>;
/** `amount`: all that can still be refunded when absent; `storeId` when a seller refunds their own lines. */
export type RequestRefund = Command<
  'RequestRefund',
  { refundId: string; paymentId: string; amount?: Money; reason: Reason; storeId: string | null }
>;
export type RecordRefund = Command<'RecordRefund', { refundId: string; reference: string }>;

export type PaymentCommand =
  RequestPayment | RecordAuthorisation | ConfirmPayment | RecordCapture | RecordDecline | RequestRefund | RecordRefund;
