import type {
  CartCheckedOut,
  CartCleared,
  CartEvent,
  CartItemAdded,
  CartItemQuantityChanged,
  CartItemRemoved,
  CartLine,
} from '../aggregates/cart.ts';
import { type DomainEvent, idOf } from '../eventstore/eventStore.ts';
import type { Change, Projection } from '../engine/project/projection.ts';

export interface CartRow {
  readonly buyer_id: string;
  readonly items: readonly CartLine[];
  readonly updated_at: string;
}

const items = <E extends DomainEvent & { data: { at: string } }>(
  next: (items: readonly CartLine[], data: E['data']) => readonly CartLine[],
): Change<CartRow, E> => ({
  key: (event) => idOf(event.stream),
  row: (row, { data }, buyerId) => ({ buyer_id: buyerId, items: next(row?.items ?? [], data), updated_at: data.at }),
});

const others = (lines: readonly CartLine[], productId: string): CartLine[] =>
  lines.filter((line) => line.productId !== productId);

const set = (lines: readonly CartLine[], line: CartLine): readonly CartLine[] =>
  lines.some(({ productId }) => productId === line.productId)
    ? lines.map((known) => (known.productId === line.productId ? line : known))
    : [...lines, line];

export const carts: Projection<CartRow, CartEvent> = {
  name: 'carts',
  table: 'carts',
  key: 'buyer_id',
  of: 'cart',
  columns: { buyer_id: 'uuid', items: 'jsonb', updated_at: 'timestamptz' },
  on: {
    CartItemAdded: items<CartItemAdded>((lines, { productId, quantity }) => {
      const had = lines.find((line) => line.productId === productId)?.quantity ?? 0;
      return set(lines, { productId, quantity: had + quantity });
    }),
    CartItemQuantityChanged: items<CartItemQuantityChanged>((lines, { productId, quantity }) =>
      set(lines, { productId, quantity }),
    ),
    CartItemRemoved: items<CartItemRemoved>((lines, { productId }) => others(lines, productId)),
    CartCleared: items<CartCleared>(() => []),
    CartCheckedOut: items<CartCheckedOut>(() => []),
  },
};
