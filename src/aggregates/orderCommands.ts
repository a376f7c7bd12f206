import type { Command } from '../engine/decide/decider.ts';
import type { FulfilmentStatus, OrderPlaced, PaymentAuthorised, PaymentDeclined } from './orderEvents.ts';

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

export type RequestPayment = Command<'RequestPayment', { paymentId: string; method: string }>;
export type RecordAuthorisation = Command<'RecordAuthorisation', PaymentAuthorised['data']>;
export type ConfirmPayment = Command<'ConfirmPayment', { paymentId: string }>;
/** `refundId`: for giving the money back at once, should the order be cancelled or paid already. */
export type RecordCapture = Command<
  'RecordCapture',
  { paymentId: string; reference: string; amount: number; refundId: string }
>;
export type RecordDecline = Command<'RecordDecline', PaymentDeclined['data']>;
/** `amount` in minor units, all that is left when absent; `storeId` when a seller gives back for their own lines. */
export type RequestRefund = Command<
  'RequestRefund',
  { refundId: string; paymentId: string; amount?: number; reason: string; storeId: string | null }
>;
export type RecordRefund = Command<'RecordRefund', { refundId: string; reference: string }>;

export type PaymentCommand =
  RequestPayment | RecordAuthorisation | ConfirmPayment | RecordCapture | RecordDecline | RequestRefund | RecordRefund;
export type OrderCommand = PlaceOrder | AbandonOrder | CancelOrder | AdvanceFulfilment | PaymentCommand;
