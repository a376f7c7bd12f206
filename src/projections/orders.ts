import type { DomainEvent } from '../aggregates/decider.ts';
import type {
  FulfilmentAdvanced,
  FulfilmentStatus,
  OrderCancelled,
  OrderLine,
  OrderPlaced,
  PaymentAuthorised,
  PaymentCaptured,
  PaymentConfirmed,
  PaymentDeclined,
  PaymentRefunded,
  PaymentRequested,
  RefundRequested,
} from '../aggregates/orderEvents.ts';
import type { PaymentStatus } from '../aggregates/orderMoney.ts';
import { orderStatus, type OrderStatus } from '../aggregates/orderState.ts';
import { idOf, type RecordedEvent } from '../eventstore/eventStore.ts';
import { change, type Change, type Projection } from './projection.ts';

export interface OrderRow {
  readonly id: string;
  readonly buyer_id: string;
  readonly status: OrderStatus;
  readonly lines: readonly OrderLine[];
  readonly fulfilments: Readonly<Record<string, FulfilmentStatus>>;
  readonly currency: string;
  readonly total: number;
  readonly paid: boolean;
  readonly captured: number;
  readonly refund_requested: number;
  readonly refunded: number;
  /** The latest attempt. */
  readonly payment_id: string | null;
  readonly payment_method: string | null;
  readonly payment_status: PaymentStatus | null;
  readonly shipping_address: string;
  readonly billing_address: string | null;
  readonly notes: string | null;
  readonly cancel_reason: string | null;
  readonly pay_by: string;
  readonly created_at: string;
  readonly updated_at: string;
}

const placedRow = (id: string, event: RecordedEvent<OrderPlaced>): OrderRow => {
  const { data, metadata } = event;
  // One flat literal: every spread in it would cost more than all of the rest.
  return {
    id,
    buyer_id: data.buyerId,
    status: 'pending',
    lines: data.lines,
    fulfilments: Object.fromEntries(data.lines.map(({ storeId }) => [storeId, 'pending'])),
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

/** Changes a known order and brings its status up to date with the change. */
const update = <E extends DomainEvent>(
  fields: (row: OrderRow, data: E['data']) => Partial<OrderRow>,
): Change<OrderRow> =>
  change<E, OrderRow>({
    key: (event) => idOf(event.stream),
    row: (row, { data, metadata }) => {
      if (row === undefined) return undefined;
      const next = { ...row, ...fields(row, data), updated_at: metadata.occurredAt };
      const cancelled = next.status === 'cancelled';
      const status = orderStatus({ cancelled, paid: next.paid, fulfilments: Object.values(next.fulfilments) });
      return status === next.status ? next : { ...next, status };
    },
  });

/** An earlier attempt may be heard of after the latest was asked for; it is not the one that is shown. */
const latest = (row: OrderRow, { paymentId }: { paymentId: string }, status: PaymentStatus): Partial<OrderRow> =>
  paymentId === row.payment_id ? { payment_status: status } : {};

export const orders: Projection<OrderRow> = {
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
    OrderPlaced: change<OrderPlaced, OrderRow>({
      key: (event) => idOf(event.stream),
      row: (_row, event, id) => placedRow(id, event),
    }),
    OrderCancelled: update<OrderCancelled>((_row, data) => ({ status: 'cancelled', cancel_reason: data.reason })),
    FulfilmentAdvanced: update<FulfilmentAdvanced>((row, { storeId, status }) => ({
      fulfilments: { ...row.fulfilments, [storeId]: status },
    })),
    PaymentRequested: update<PaymentRequested>((_row, { paymentId, method }) => ({
      payment_id: paymentId,
      payment_method: method,
      payment_status: 'requested',
    })),
    PaymentAuthorised: update<PaymentAuthorised>((row, data) => latest(row, data, 'authorised')),
    PaymentConfirmed: update<PaymentConfirmed>((row, data) => latest(row, data, 'confirmed')),
    PaymentCaptured: update<PaymentCaptured>((row, data) => ({
      ...latest(row, data, 'captured'),
      paid: row.paid || (row.captured === 0 && data.amount >= row.total),
      captured: row.captured + data.amount,
    })),
    PaymentDeclined: update<PaymentDeclined>((row, data) => latest(row, data, 'declined')),
    RefundRequested: update<RefundRequested>((row, { amount }) => ({
      refund_requested: row.refund_requested + amount,
    })),
    PaymentRefunded: update<PaymentRefunded>((row, { amount }) => ({ refunded: row.refunded + amount })),
  },
};
