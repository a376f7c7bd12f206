import { type Static, Type } from 'typebox';
import { toMajor } from '../aggregates/money.ts';
import { PRODUCT_STATUSES } from '../aggregates/product.ts';
import { missing } from '../errors.ts';
import { type ProductRow, products } from '../projections/products.ts';
import { Currency, Fields, Id, Instant, Money, Nullable, Named } from '../schema.ts';
import { defineQuery } from './contract.ts';
import { imageUrl, ImagesView, imagesView } from './picture.ts';
import { KEPT, VISIBLE } from './visible.ts';

export const StockView = Named('Stock', { available: Type.Integer(), reserved: Type.Integer(), total: Type.Integer() });
const RatingView = Named('Rating', {
  average: Nullable(
    Type.Number({ description: 'Of all reviews that are shown, with two decimals; null without any.' }),
  ),
  count: Type.Integer(),
  distribution: Fields({
    1: Type.Integer(),
    2: Type.Integer(),
    3: Type.Integer(),
    4: Type.Integer(),
    5: Type.Integer(),
  }),
});
export const ProductView = Named('Product', {
  id: Id,
  name: Type.String(),
  description: Type.String(),
  sku: Nullable(Type.String()),
  price: Money,
  currency: Currency,
  category_id: Id,
  status: Type.Enum(PRODUCT_STATUSES),
  store: Fields({ id: Id, name: Type.String() }),
  stock: StockView,
  rating: RatingView,
  image_url: Nullable(Type.String()),
  images: ImagesView,
  created_at: Instant,
  updated_at: Instant,
});
export type ProductView = Static<typeof ProductView>;

export const stockView = (row: Pick<ProductRow, 'on_hand' | 'reserved'>): Static<typeof StockView> => ({
  available: row.on_hand - row.reserved,
  reserved: row.reserved,
  total: row.on_hand,
});

/** The stock of a product as its seller sees it. */
export const InventoryView = Named('Inventory', {
  ...StockView.properties,
  low_stock_threshold: Nullable(
    Type.Integer({ description: 'Its seller is told when fewer units than this are available; null for never.' }),
  ),
});

export const inventoryView = (
  row: Pick<ProductRow, 'on_hand' | 'reserved' | 'low_stock_below'>,
): Static<typeof InventoryView> => ({ ...stockView(row), low_stock_threshold: row.low_stock_below });

/** The stock as a product's ETag counts it. */
export const stockInTag = ({ total, reserved }: Static<typeof StockView>): string => `${total}-${reserved}`;

const twoDecimals = (value: number): number => Math.round(value * 100) / 100;

const ratingView = ({ rating, ratings }: Pick<ProductRow, 'rating' | 'ratings'>): Static<typeof RatingView> => {
  const [one = 0, two = 0, three = 0, four = 0, five = 0] = ratings;
  return {
    average: rating === null ? null : twoDecimals(rating),
    count: one + two + three + four + five,
    distribution: { 1: one, 2: two, 3: three, 4: four, 5: five },
  };
};

export const productView = (row: ShownRow, storeName: string): ProductView => ({
  id: row.id,
  name: row.name,
  description: row.description,
  sku: row.sku,
  price: toMajor(row.price, row.currency),
  currency: row.currency,
  category_id: row.category_id,
  status: row.hidden ?? 'active',
  store: { id: row.store_id, name: storeName },
  stock: stockView(row),
  rating: ratingView(row),
  image_url: imageUrl(row.image),
  images: imagesView(row.image),
  created_at: row.created_at,
  updated_at: row.updated_at,
});

const SHOWN = Object.keys(products.columns).filter((column) => column !== 'words');

type ShownRow = Omit<ProductRow, 'words'>;
export type FoundProduct = ShownRow & { readonly store_name: string; readonly revision: number };

/** The columns of products that answers show, without their words. */
export const PRODUCT_COLUMNS = `${[...SHOWN, 'revision'].map((column) => `p.${column}`).join(', ')}, s.name AS store_name`;
export const PRODUCTS = 'products p JOIN stores s ON s.id = p.store_id';
export const TTL_MS = 600_000;

export const view = (row: FoundProduct) => productView(row, row.store_name);

export function detail(row: FoundProduct) {
  const data = view(row);
  return { data, revision: BigInt(row.revision), beside: stockInTag(data.stock) };
}

export const unknown = (): never => missing('ProductUnknown', 'There is no such product.');

const getProduct = defineQuery({
  name: 'GetProduct',
  summary: 'A product with its store and its stock',
  tag: 'products',
  route: 'GET /products/:id',
  access: 'anyone',
  params: Fields({ id: Id }),
  result: ProductView,
  revised: 'always',
  reads: ['products', 'stores'],
  cache: {
    ttlMs: TTL_MS,
    key: ({ params }) => `product:${params.id}`,
    tags: ({ params }) => [`product:${params.id}`, 'stores'],
  },
  async run({ params }, { db }) {
    const [row] = await db.rows<FoundProduct>(
      `SELECT ${PRODUCT_COLUMNS} FROM ${PRODUCTS} WHERE p.id = $1 AND ${VISIBLE}`,
      [params.id],
    );
    return row === undefined ? unknown() : detail(row);
  },
  /** The seller also sees a product that is hidden from others. */
  async ownRun({ params }, { actor, db }) {
    const own = `SELECT ${PRODUCT_COLUMNS} FROM ${PRODUCTS} WHERE p.id = $1 AND p.seller_id::text = $2 AND ${KEPT}`;
    const [row] = await db.rows<FoundProduct>(own, [params.id, actor.id]);
    return row === undefined ? unknown() : detail(row);
  },
});

export const productQueries = [getProduct];
