import { type Fulfilment, orderStatus, type OrderStatus, unfulfilled } from '../aggregates/fulfilment.ts';
import type { FulfilmentAdvanced, FulfilmentCancelled, OrderCancelled, OrderEvent } from '../aggregates/order.ts';
import { pay, type PaymentCaptured, type PaymentRefunded, type RefundRequested } from '../aggregates/orderMoney.ts';
import { type DomainEvent, idOf } from '../eventstore/eventStore.ts';
import type { Change, Projection } from '../engine/project/projection.ts';

/** Units of one product that an order has sold, or will once it is paid. */
interface SoldUnits {
  readonly product_id: string;
  readonly store_id: string;
  readonly quantity: number;
}

/** The part of an order that the dashboard counts. Amounts are minor units. */
export interface CountedOrder {
  readonly id: string;
  readonly placed_at: string;
  /** Of the first capture. */
  readonly captured_at: string | null;
  readonly currency: string;
  readonly status: OrderStatus;
  readonly total: number;
  readonly paid: boolean;
  readonly captured: number;
  readonly refund_requested: number;
  readonly refunded: number;
  readonly fulfilments: Readonly<Record<string, Fulfilment>>;
  /** Without the lines of parts that were cancelled. */
  readonly units: readonly SoldUnits[];
}

/** Changes an order that is there, and its status. */
const update = <E extends DomainEvent>(
  fields: (row: CountedOrder, data: E['data'], at: string) => Partial<CountedOrder>,
): Change<CountedOrder, E> => ({
  key: (event) => idOf(event.stream),
  row(row, { data, metadata }) {
    if (row === undefined) return undefined;
    const next = { ...row, ...fields(row, data, metadata.occurredAt) };
    const { paid, fulfilments } = next;
    const cancelled = next.status === 'cancelled';
    return { ...next, status: orderStatus({ cancelled, paid, fulfilments: Object.values(fulfilments) }) };
  },
});

export const dashboardOrders: Projection<CountedOrder, OrderEvent> = {
  name: 'dashboard_orders',
  table: 'dashboard_orders',
  key: 'id',
  of: 'order',
  columns: {
    id: 'uuid',
    placed_at: 'timestamptz',
    captured_at: 'timestamptz',
    currency: 'text',
    status: 'text',
    total: 'bigint',
    paid: 'boolean',
    captured: 'bigint',
    refund_requested: 'bigint',
    refunded: 'bigint',
    fulfilments: 'jsonb',
    units: 'jsonb',
  },
  on: {
    OrderPlaced: {
      key: (event) => idOf(event.stream),
      row: (_row, { data: { lines, currency, total }, metadata: { occurredAt } }, id) => ({
        ...{ id, placed_at: occurredAt, captured_at: null, currency, status: 'pending', total, paid: false },
        ...{ captured: 0, refund_requested: 0, refunded: 0, fulfilments: unfulfilled(lines) },
        units: lines.map(({ productId, storeId, quantity }) => ({
          ...{ product_id: productId, store_id: storeId, quantity },
        })),
      }),
    },
    OrderCancelled: update<OrderCancelled>(() => ({ status: 'cancelled' })),
    FulfilmentAdvanced: update<FulfilmentAdvanced>(({ fulfilments }, { storeId, status }) => ({
      fulfilments: { ...fulfilments, [storeId]: status },
    })),
    FulfilmentCancelled: update<FulfilmentCancelled>(({ fulfilments, units }, { storeId }) => ({
      fulfilments: { ...fulfilments, [storeId]: 'cancelled' },
      units: units.filter(({ store_id: id }) => id !== storeId),
    })),
    PaymentCaptured: update<PaymentCaptured>((row, { amount }, at) => ({
      captured_at: row.captured_at ?? at,
      paid: row.paid || pay.isPaidBy(amount, row),
      captured: row.captured + amount,
    })),
    RefundRequested: update<RefundRequested>(({ captured, refund_requested: before, paid }, { amount }) => ({
      refund_requested: before + amount,
      paid: paid && pay.isKept({ captured, refundRequested: before + amount }),
    })),
    PaymentRefunded: update<PaymentRefunded>(({ refunded }, { amount }) => ({ refunded: refunded + amount })),
  },
};
