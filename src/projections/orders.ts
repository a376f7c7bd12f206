import { type Fulfilment, orderStatus, type OrderStatus, unfulfilled } from '../aggregates/fulfilment.ts';
import type {
  FulfilmentAdvanced,
  FulfilmentCancelled,
  OrderCancelled,
  OrderEvent,
  OrderLine,
  OrderPlaced,
} from '../aggregates/order.ts';
import { type DomainEvent, idOf, type RecordedEvent } from '../eventstore/eventStore.ts';
import {
  pay,
  type PaymentAuthorised,
  type PaymentCaptured,
  type PaymentConfirmed,
  type PaymentDeclined,
  type PaymentRefunded,
  type PaymentRequested,
  type PaymentStatus,
  type RefundRequested,
} from '../aggregates/orderMoney.ts';
import type { Change, Projection } from '../engine/project/projection.ts';

export interface OrderRow {
  readonly id: string;
  readonly buyer_id: string;
  readonly status: OrderStatus;
  readonly lines: readonly OrderLine[];
  readonly fulfilments: Readonly<Record<string, Fulfilment>>;
  readonly currency: string;
  readonly total: number;
  readonly paid: boolean;
  readonly captured: number;
  readonly refund_requested: number;
  readonly refunded: number;
  /** The latest attempt to pay. */
  readonly payment_id: string | null;
  readonly payment_method: string | null;
  readonly payment_status: PaymentStatus | null;
  readonly shipping_address: string;
  readonly billing_address: string | null;
  readonly notes: string | null;
  /** Of the last cancellation: of the order, or of one store's part. */
  readonly cancel_reason: string | null;
  readonly pay_by: string;
  readonly created_at: string;
  readonly updated_at: string;
}

const placedRow = (id: string, event: RecordedEvent<OrderPlaced>): OrderRow => {
  const { data, metadata } = event;
  // One flat literal for speed: a single spread in it would cost more than all the rest.
  return {
    id,
    buyer_id: data.buyerId,
    status: 'pending',
    lines: data.lines,
    fulfilments: unfulfilled(data.lines),
    currency: data.currency,
    total: data.total,
    paid: false,
    captured: 0,
    refund_requested: 0,
    refunded: 0,
    payment_id: null,
    payment_method: null,
    payment_status: null,
    shipping_address: data.shippingAddress,
    billing_address: data.billingAddress,
    notes: data.notes,
    cancel_reason: null,
    pay_by: data.payBy,
    created_at: metadata.occurredAt,
    updated_at: metadata.occurredAt,
  };
};

type Draft = { -readonly [K in keyof OrderRow]: OrderRow[K] };

/**
 * Changes an existing order and updates its status. `apply` changes a copy: copying the whole row at once costs a fraction
 * of building it from parts, and this runs for nearly every event of an order.
 */
const update = <E extends DomainEvent>(apply: (row: Draft, data: E['data']) => void): Change<OrderRow, E> => ({
  key: (event) => idOf(event.stream),
  row: (row, { data, metadata }) => {
    if (row === undefined) return undefined;
    const next: Draft = { ...row };
    apply(next, data);
    next.updated_at = metadata.occurredAt;
    if (next.status !== row.status || next.paid !== row.paid || next.fulfilments !== row.fulfilments) {
      const cancelled = next.status === 'cancelled';
      next.status = orderStatus({ cancelled, paid: next.paid, fulfilments: Object.values(next.fulfilments) });
    }
    return next;
  },
});

/** Sets the payment status, unless the event is about an earlier attempt: its outcome may come after a newer request. */
const latest = (row: Draft, { paymentId }: { paymentId: string }, status: PaymentStatus): void => {
  if (paymentId === row.payment_id) row.payment_status = status;
};

export const orders: Projection<OrderRow, OrderEvent> = {
  name: 'orders',
  table: 'orders',
  key: 'id',
  of: 'order',
  columns: {
    id: 'uuid',
    buyer_id: 'uuid',
    status: 'text',
    lines: 'jsonb',
    fulfilments: 'jsonb',
    currency: 'text',
    total: 'bigint',
    paid: 'boolean',
    captured: 'bigint',
    refund_requested: 'bigint',
    refunded: 'bigint',
    payment_id: 'uuid',
    payment_method: 'text',
    payment_status: 'text',
    shipping_address: 'text',
    billing_address: 'text',
    notes: 'text',
    cancel_reason: 'text',
    pay_by: 'timestamptz',
    created_at: 'timestamptz',
    updated_at: 'timestamptz',
  },
  on: {
    OrderPlaced: {
      key: (event) => idOf(event.stream),
      row: (_row, event, id) => placedRow(id, event),
    },
    OrderCancelled: update<OrderCancelled>((row, { reason }) => {
      row.status = 'cancelled';
      row.cancel_reason = reason;
    }),
    FulfilmentAdvanced: update<FulfilmentAdvanced>((row, { storeId, status }) => {
      row.fulfilments = { ...row.fulfilments, [storeId]: status };
    }),
    FulfilmentCancelled: update<FulfilmentCancelled>((row, { storeId, reason }) => {
      row.fulfilments = { ...row.fulfilments, [storeId]: 'cancelled' };
      row.cancel_reason = reason;
    }),
    PaymentRequested: update<PaymentRequested>((row, { paymentId, method }) => {
      row.payment_id = paymentId;
      row.payment_method = method;
      row.payment_status = 'requested';
    }),
    PaymentAuthorised: update<PaymentAuthorised>((row, data) => latest(row, data, 'authorised')),
    PaymentConfirmed: update<PaymentConfirmed>((row, data) => latest(row, data, 'confirmed')),
    PaymentCaptured: update<PaymentCaptured>((row, data) => {
      latest(row, data, 'captured');
      row.paid ||= pay.isPaidBy(data.amount, row);
      row.captured += data.amount;
    }),
    PaymentDeclined: update<PaymentDeclined>((row, data) => latest(row, data, 'declined')),
    RefundRequested: update<RefundRequested>((row, { amount }) => {
      row.refund_requested += amount;
      row.paid &&= pay.isKept({ captured: row.captured, refundRequested: row.refund_requested });
    }),
    PaymentRefunded: update<PaymentRefunded>((row, { amount }) => {
      row.refunded += amount;
    }),
  },
};
