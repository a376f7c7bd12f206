import type { OrderEvent, OrderPlaced } from '../aggregates/order.ts';
import { idOf } from '../eventstore/eventStore.ts';
import type { Projection } from '../engine/project/projection.ts';

/** Lines of one order that a line is paired with, at most. In longer orders these are its neighbours, so that no line is left out. */
const PAIRED_MAX = 8;

interface Paired {
  readonly product_id: string;
  readonly store_id: string;
}

/** A line of an order as it was placed. Whether it still counts says `dashboard_orders`. */
export interface BoughtRow {
  readonly key: string;
  readonly order_id: string;
  readonly product_id: string;
  readonly store_id: string;
  readonly quantity: number;
  readonly placed_at: string;
  /** Other products of the same order. */
  readonly others: readonly Paired[];
}

type Lines = OrderPlaced['data']['lines'];

/** The lines that one is paired with. Each of two is paired with the other, or neither. */
function pairedWith(lines: Lines, at: number): Paired[] {
  const all = lines.length - 1 <= PAIRED_MAX;
  const near = (other: number): boolean => {
    const distance = Math.abs(other - at);
    return Math.min(distance, lines.length - distance) <= PAIRED_MAX / 2;
  };
  return lines
    .filter((_line, other) => other !== at && (all || near(other)))
    .filter(({ productId }) => productId !== lines[at]!.productId)
    .map(({ productId, storeId }) => ({ product_id: productId, store_id: storeId }));
}

export const bought: Projection<BoughtRow, OrderEvent> = {
  name: 'bought',
  table: 'bought',
  key: 'key',
  of: 'order',
  columns: {
    key: 'text',
    order_id: 'uuid',
    product_id: 'uuid',
    store_id: 'uuid',
    quantity: 'bigint',
    placed_at: 'timestamptz',
    others: 'jsonb',
  },
  on: {
    OrderPlaced: {
      key: ({ stream, data: { lines } }) => lines.map((_line, at) => `${idOf(stream)}/${at}`),
      row(_row, { stream, data: { lines }, metadata: { occurredAt } }, key) {
        const at = Number(key.slice(key.lastIndexOf('/') + 1));
        const { productId, storeId, quantity } = lines[at]!;
        return {
          ...{ key, order_id: idOf(stream), product_id: productId, store_id: storeId, quantity },
          ...{ placed_at: occurredAt, others: pairedWith(lines, at) },
        };
      },
    },
  },
};
