import type { PaymentRequested, RefundRequested } from '../../src/aggregates/orderMoney.ts';
import type { FulfilmentStatus } from '../../src/aggregates/fulfilment.ts';
import { asSealed } from '../support/personalData.ts';
import type { OrderCancelled, OrderEvent, OrderLine, OrderPlaced } from '../../src/aggregates/order.ts';

export const line = (storeId: string, price: number, quantity: number): OrderLine => ({
  ...{ productId: `tea of ${storeId}`, storeId, sellerId: `seller of ${storeId}`, name: 'Tea', price, quantity },
});

/** 2 × 30.00 of one store and 1 × 40.00 of another: 100.00. */
export const TOTAL = 10_000;
export const NORTH = 6_000;
export const SOUTH = 4_000;

export const placed: OrderPlaced = {
  type: 'OrderPlaced',
  data: {
    buyerId: 'ann',
    lines: [line('north', 3_000, 2), line('south', 4_000, 1)],
    currency: 'EUR',
    total: TOTAL,
    shippingAddress: asSealed('sealed address'),
    billingAddress: null,
    notes: null,
    fromCart: true,
    payBy: '2026-03-01T12:30:00.000Z',
  },
};
export const placedWithOneStore: OrderPlaced = {
  type: 'OrderPlaced',
  data: { ...placed.data, lines: [line('north', 5_000, 2)] },
};
export const abandoned: OrderEvent = { type: 'OrderAbandoned', data: {} };
export const cancelled: OrderCancelled = { type: 'OrderCancelled', data: { reason: 'too late', by: 'buyer' } };
export const advanced = (storeId: string, ...statuses: FulfilmentStatus[]): OrderEvent[] =>
  statuses.map((status) => ({ type: 'FulfilmentAdvanced', data: { storeId, status } }));

export const requested = (paymentId = 'p1', attempt = 1): PaymentRequested => ({
  type: 'PaymentRequested',
  data: { paymentId, attempt, method: 'sandbox', amount: TOTAL, currency: 'EUR' },
});
export const authorised = (paymentId = 'p1'): OrderEvent => ({
  type: 'PaymentAuthorised',
  data: { paymentId, reference: `auth ${paymentId}` },
});
export const confirmed = (paymentId = 'p1'): OrderEvent => ({ type: 'PaymentConfirmed', data: { paymentId } });
export const captured = (paymentId = 'p1', amount = TOTAL): OrderEvent => ({
  type: 'PaymentCaptured',
  data: { paymentId, reference: `charge ${paymentId}`, amount, currency: 'EUR' },
});
export const declined = (paymentId = 'p1'): OrderEvent => ({
  type: 'PaymentDeclined',
  data: { paymentId, reason: 'no funds' },
});
export const refundRequested = (
  amount: number,
  more: Partial<RefundRequested['data']> = {},
): Extract<OrderEvent, { type: 'RefundRequested' }> => ({
  type: 'RefundRequested',
  data: { refundId: 'r1', paymentId: 'p1', amount, currency: 'EUR', reason: 'damaged', storeId: null, ...more },
});
export const refunded = (amount: number, refundId = 'r1', paymentId = 'p1'): OrderEvent => ({
  type: 'PaymentRefunded',
  data: { refundId, paymentId, amount, currency: 'EUR', reference: `refund ${refundId}` },
});

/** How a full refund closes what was not shipped: the whole order, or one store's part. */
export const closed: OrderEvent = {
  type: 'OrderCancelled',
  data: { reason: 'refunded in full: damaged', by: 'system' },
};
export const partClosed = (storeId: string): OrderEvent => ({
  type: 'FulfilmentCancelled',
  data: { storeId, reason: 'refunded in full: damaged', by: 'system' },
});

/** An order just placed, and one that is paid. */
export const pending: OrderEvent[] = [placed, requested()];
export const paid: OrderEvent[] = [...pending, captured()];
export const paidWithOneStore: OrderEvent[] = [placedWithOneStore, requested(), captured()];
