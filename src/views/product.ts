import { Type, type Static } from 'typebox';
import { toMajor } from '../aggregates/money.ts';
import type { ProductRow } from '../projections/products.ts';
import { Currency, Fields, Id, Instant, Money, Nullable } from '../schema.ts';

export const StockView = Fields({ available: Type.Integer(), reserved: Type.Integer(), total: Type.Integer() });
export const ProductView = Fields({
  id: Id,
  name: Type.String(),
  description: Type.String(),
  sku: Nullable(Type.String()),
  price: Money,
  currency: Currency,
  category_id: Id,
  store: Fields({ id: Id, name: Type.String() }),
  stock: StockView,
  image_url: Nullable(Type.String()),
  created_at: Instant,
  updated_at: Instant,
});
export type ProductView = Static<typeof ProductView>;

export const stockView = (row: Pick<ProductRow, 'on_hand' | 'reserved'>): Static<typeof StockView> => ({
  available: row.on_hand - row.reserved,
  reserved: row.reserved,
  total: row.on_hand,
});

export const productView = (row: ProductRow, storeName: string): ProductView => ({
  id: row.id,
  name: row.name,
  description: row.description,
  sku: row.sku,
  price: toMajor(row.price, row.currency),
  currency: row.currency,
  category_id: row.category_id,
  store: { id: row.store_id, name: storeName },
  stock: stockView(row),
  image_url: null,
  created_at: row.created_at,
  updated_at: row.updated_at,
});
