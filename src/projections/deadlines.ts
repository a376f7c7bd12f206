import type { OrderEvent } from '../aggregates/order.ts';
import type { StockEvent } from '../aggregates/stock.ts';
import type { CartEvent } from '../aggregates/cart.ts';
import { idOf } from '../eventstore/eventStore.ts';
import type { Projection } from '../engine/project/projection.ts';

/** An open deadline: by `due_at`, a placed order must be paid, or a started checkout must have placed its order. */
export interface DeadlineRow {
  readonly key: string;
  readonly kind: 'payment' | 'checkout';
  readonly order_id: string;
  readonly due_at: string;
  readonly buyer_id: string;
  /** Products of which the checkout holds reserved stock. */
  readonly product_ids: readonly string[];
  /** The checkout still holds the buyer's cart. */
  readonly cart_held: boolean;
}

const paymentKey = (orderId: string): string => `payment:${orderId}`;
const checkoutKey = (orderId: string): string => `checkout:${orderId}`;

/** Removes the deadline of a checkout that holds neither stock nor a cart. */
const heldOrGone = (row: DeadlineRow): DeadlineRow | null => (row.cart_held || row.product_ids.length > 0 ? row : null);

export const deadlines: Projection<DeadlineRow, CartEvent | StockEvent | OrderEvent> = {
  name: 'deadlines',
  table: 'deadlines',
  key: 'key',
  of: 'order',
  columns: {
    key: 'text',
    kind: 'text',
    order_id: 'uuid',
    due_at: 'timestamptz',
    buyer_id: 'uuid',
    product_ids: 'jsonb',
    cart_held: 'boolean',
  },
  on: {
    CheckoutStarted: {
      key: (event) => checkoutKey(event.data.orderId),
      row: (row, { stream, data: { orderId, expiresAt } }, key) => ({
        ...{ key, kind: 'checkout', order_id: orderId, due_at: expiresAt, buyer_id: idOf(stream) },
        ...{ product_ids: row?.product_ids ?? [], cart_held: true },
      }),
    },
    CheckoutFailed: {
      key: (event) => checkoutKey(event.data.orderId),
      row: (row) => row && heldOrGone({ ...row, cart_held: false }),
    },
    StockReserved: {
      key: (event) => checkoutKey(event.data.orderId),
      row: (row, { stream, data: { orderId, buyerId, expiresAt } }, key) => ({
        ...{ key, kind: 'checkout', order_id: orderId, due_at: expiresAt, buyer_id: buyerId },
        ...{ product_ids: [...(row?.product_ids ?? []), idOf(stream)], cart_held: row?.cart_held ?? false },
      }),
    },
    StockReleased: {
      key: (event) => checkoutKey(event.data.orderId),
      row: (row, { stream }) =>
        row && heldOrGone({ ...row, product_ids: row.product_ids.filter((id) => id !== idOf(stream)) }),
    },
    OrderPlaced: {
      key: ({ stream }) => [checkoutKey(idOf(stream)), paymentKey(idOf(stream))],
      row: (_row, { stream, data }, key) =>
        key === checkoutKey(idOf(stream))
          ? null
          : {
              ...{ key, kind: 'payment', order_id: idOf(stream), due_at: data.payBy, buyer_id: data.buyerId },
              ...{ product_ids: [], cart_held: false },
            },
    },
    PaymentCaptured: {
      key: ({ stream }) => paymentKey(idOf(stream)),
      row: () => null,
    },
    OrderCancelled: {
      key: ({ stream }) => paymentKey(idOf(stream)),
      row: () => null,
    },
  },
};
