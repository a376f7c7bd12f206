import { type Static, Type } from 'typebox';
import { toMajor } from '../aggregates/money.ts';
import { type FulfilmentStatus, orderStatus, type OrderStatus } from '../aggregates/order.ts';
import type { OrderRow } from '../projections/orders.ts';
import { Currency, Fields, Id, Instant, Money, Nullable } from '../schema.ts';

export const ORDER_STATUSES: OrderStatus[] = [
  'pending',
  'paid',
  'processing',
  'shipping',
  'shipped',
  'completed',
  'cancelled',
] as const;
export const OrderStatusText = Type.Enum(ORDER_STATUSES);

const LineView = Fields({
  product_id: Id,
  store_id: Id,
  name: Type.String(),
  price: Money,
  quantity: Type.Integer(),
  subtotal: Money,
});

/** Text, or the object the buyer gave; `[erased]` when the person has been forgotten. */
const AddressView = Type.Unknown();

export const OrderView = Fields({
  id: Id,
  buyer_id: Id,
  status: OrderStatusText,
  items: Type.Array(LineView),
  total: Money,
  currency: Currency,
  fulfilments: Type.Array(Fields({ store_id: Id, status: OrderStatusText })),
  payment: Fields({
    id: Nullable(Id),
    method: Nullable(Type.String()),
    status: Nullable(Type.String()),
    captured: Money,
    refunded: Money,
    pay_by: Instant,
  }),
  shipping_address: AddressView,
  billing_address: AddressView,
  notes: Nullable(Type.String()),
  cancel_reason: Nullable(Type.String()),
  created_at: Instant,
  updated_at: Instant,
});
export type OrderView = Static<typeof OrderView>;

const lineView = (line: OrderRow['lines'][number], currency: string): Static<typeof LineView> => ({
  product_id: line.productId,
  store_id: line.storeId,
  name: line.name,
  price: toMajor(line.price, currency),
  quantity: line.quantity,
  subtotal: toMajor(line.price * line.quantity, currency),
});

/** Revealed texts that hold JSON become what they were; anything else (`[erased]`) stays text. */
const address = (text: string | null): unknown => {
  if (text === null) return null;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
};

const fulfilmentStatus = (row: OrderRow, status: FulfilmentStatus): OrderRow['status'] =>
  orderStatus({ cancelled: row.status === 'cancelled', paid: row.paid, fulfilments: [status] });

/** `row` with its personal fields revealed. */
export const orderView = (row: OrderRow): OrderView => ({
  id: row.id,
  buyer_id: row.buyer_id,
  status: row.status,
  items: row.lines.map((line) => lineView(line, row.currency)),
  total: toMajor(row.total, row.currency),
  currency: row.currency,
  fulfilments: Object.entries(row.fulfilments).map(([storeId, status]) => ({
    store_id: storeId,
    status: fulfilmentStatus(row, status),
  })),
  payment: {
    id: row.payment_id,
    method: row.payment_method,
    status: row.payment_status,
    captured: toMajor(row.captured, row.currency),
    refunded: toMajor(row.refunded, row.currency),
    pay_by: row.pay_by,
  },
  shipping_address: address(row.shipping_address),
  billing_address: address(row.billing_address),
  notes: row.notes,
  cancel_reason: row.cancel_reason,
  created_at: row.created_at,
  updated_at: row.updated_at,
});

/** An order as one of its sellers sees it: their lines, their part of the total. */
export const SellerOrderView = Fields({
  id: Id,
  store_id: Id,
  status: OrderStatusText,
  items: Type.Array(LineView),
  total: Money,
  currency: Currency,
  shipping_address: AddressView,
  created_at: Instant,
  updated_at: Instant,
});
export type SellerOrderView = Static<typeof SellerOrderView>;

export function sellerOrderView(row: OrderRow, storeId: string): SellerOrderView {
  const lines = row.lines.filter((line) => line.storeId === storeId);
  return {
    id: row.id,
    store_id: storeId,
    status: fulfilmentStatus(row, row.fulfilments[storeId] ?? 'pending'),
    items: lines.map((line) => lineView(line, row.currency)),
    total: toMajor(
      lines.reduce((sum, { price, quantity }) => sum + price * quantity, 0),
      row.currency,
    ),
    currency: row.currency,
    shipping_address: address(row.shipping_address),
    created_at: row.created_at,
    updated_at: row.updated_at,
  };
}
