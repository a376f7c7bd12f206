import { type Static, Type } from 'typebox';
import { priceLimitInWords, toMajor, toMinor } from '../aggregates/money.ts';
import { PRODUCT_STATUSES } from '../aggregates/product.ts';
import { isBlank, wantedIn } from '../aggregates/words.ts';
import { invalid, missing } from '../errors.ts';
import { type ProductRow, products } from '../projections/products.ts';
import { tsqueryOf } from '../projections/search.ts';
import { Currency, Fields, Id, Instant, Money, Nullable, Named, PriceLimit } from '../schema.ts';
import { type Order, pageOf, type SortKey } from '../engine/ask/pages.ts';
import { AS_PEOPLE_SORT, conditions, listKey, Paging } from '../engine/ask/paging.ts';
import type { QueryAnswer } from '../engine/ask/query.ts';
import { defineQuery, type QueryContext } from './contract.ts';
import { imageUrl, ImagesView, imagesView } from './picture.ts';
import { FOR_EVERYBODY, KEPT, type Scope, VISIBLE } from './visible.ts';

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
const FROM = 'products p JOIN stores s ON s.id = p.store_id';
const TTL_MS = 600_000;
const RELATED_MAX = 10;

const view = (row: FoundProduct) => productView(row, row.store_name);

const unknown = (): never => missing('ProductUnknown', 'There is no such product.');

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
    const [row] = await db.rows<FoundProduct>(`SELECT ${PRODUCT_COLUMNS} FROM ${FROM} WHERE p.id = $1 AND ${VISIBLE}`, [
      params.id,
    ]);
    return row === undefined ? unknown() : { data: view(row), revision: BigInt(row.revision) };
  },
  /** The seller also sees a product that is hidden from others. */
  async ownRun({ params }, { actor, db }) {
    const own = `SELECT ${PRODUCT_COLUMNS} FROM ${FROM} WHERE p.id = $1 AND p.seller_id::text = $2 AND ${KEPT}`;
    const [row] = await db.rows<FoundProduct>(own, [params.id, actor.id]);
    return row === undefined ? unknown() : { data: view(row), revision: BigInt(row.revision) };
  },
});

export const Filters = {
  ...Paging,
  search: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 200,
      description: 'Words that a name or description must have, all of them.',
    }),
  ),
  category_id: Type.Optional(Id),
  min_price: Type.Optional(PriceLimit),
  max_price: Type.Optional(PriceLimit),
  in_stock: Type.Optional(Type.Boolean()),
  sort_by: Type.Optional(Type.Enum(['created_at', 'price', 'name', 'rating', 'popularity'])),
  sort_order: Type.Optional(Type.Enum(['asc', 'desc'])),
};
const ListFilters = Fields({ ...Filters, store_id: Type.Optional(Id) });
type ListFilters = Static<typeof ListFilters>;

const CREATED: SortKey = { sql: 'p.created_at', type: 'timestamptz' };
const ID: SortKey = { sql: 'p.id', type: 'uuid' };

/** Prices are compared only within one currency. A log of an earlier version may hold products in several. */
const SORTS: Readonly<Record<NonNullable<ListFilters['sort_by']>, Order['keys']>> = {
  created_at: [CREATED, ID],
  price: [{ sql: 'p.currency', type: 'text' }, { sql: 'p.price', type: 'bigint' }, ID],
  name: [{ sql: `p.name ${AS_PEOPLE_SORT}`, type: 'text' }, ID],
  rating: [{ sql: 'p.rating', type: 'double precision', nullable: true }, ID],
  popularity: [{ sql: 'p.ordered', type: 'bigint' }, ID],
};
const RANK: Order = {
  keys: [{ sql: 'ts_rank(p.words, $1::tsquery)', type: 'real' }, CREATED, ID],
  descending: true,
};

function orderOf({ sort_by: by, sort_order: direction }: Omit<ListFilters, 'search'>, search?: string): Order {
  if (by === undefined && search !== undefined) return RANK;
  const usual = by === 'price' || by === 'name' ? 'asc' : 'desc';
  return { keys: SORTS[by ?? 'created_at'], descending: (direction ?? usual) === 'desc' };
}

/** The query for the words that were typed; undefined if there are none, and empty if nothing has them. */
const tsqueryFor = (typed: string | undefined): string | undefined =>
  typed === undefined || isBlank(typed) ? undefined : tsqueryOf(wantedIn(typed));

const stocked = (wanted: boolean | undefined): readonly string[] =>
  wanted === undefined ? [] : [`p.on_hand - p.reserved ${wanted ? '>' : '<='} 0`];

export async function list(
  { search: typed, ...filters }: ListFilters,
  context: QueryContext,
  { base, add }: Scope = FOR_EVERYBODY,
): Promise<QueryAnswer> {
  const { services } = context;
  const minor = (field: 'min_price' | 'max_price', amount: string | number): number =>
    toMinor(amount, services.settings.currency) ??
    invalid(field, `must be ${priceLimitInWords(services.settings.currency)}`);
  const { category_id, store_id, min_price, max_price, in_stock } = filters;
  const where = conditions(base, ...stocked(in_stock));
  const search = tsqueryFor(typed);
  if (search === '') where.add('?', false);
  else if (search !== undefined) where.add('p.words @@ ?::tsquery', search);
  if (category_id !== undefined) where.add('p.category_id = ?', category_id);
  if (store_id !== undefined) where.add('p.store_id = ?', store_id);
  if (min_price !== undefined || max_price !== undefined) where.add('p.currency = ?', services.settings.currency);
  if (min_price !== undefined) where.add('p.price >= ?', minor('min_price', min_price));
  if (max_price !== undefined) where.add('p.price <= ?', minor('max_price', max_price));
  add(where);
  const sql = { columns: PRODUCT_COLUMNS, from: FROM, where, order: orderOf(filters, search || undefined) };
  return pageOf<FoundProduct>(context, sql, filters, view);
}

const listProducts = defineQuery({
  name: 'ListProducts',
  summary: 'Products, searched, filtered and sorted',
  tag: 'products',
  route: 'GET /products',
  access: 'anyone',
  query: ListFilters,
  result: Type.Array(ProductView),
  paginated: true,
  reads: ['products', 'stores'],
  cache: {
    ttlMs: TTL_MS,
    // Not `products:`, under which a process of the version before may have cached what its search found.
    key: ({ query }) => listKey('products by words', query),
    tags: () => ['products', 'stores'],
  },
  run: ({ query }, context) => list(query, context),
});

const listRelated = defineQuery({
  name: 'ListRelatedProducts',
  summary: 'Products bought together with this one, most often first',
  tag: 'products',
  route: 'GET /products/:id/related',
  access: 'anyone',
  params: Fields({ id: Id }),
  result: Type.Array(ProductView),
  reads: ['products', 'stores', 'related'],
  cache: {
    ttlMs: 60_000,
    key: ({ params }) => `related:${params.id}`,
    tags: ({ params }) => [`product:${params.id}`, 'stores'],
  },
  async run({ params }, { db }) {
    const [product] = await db.rows(`SELECT 1 FROM ${FROM} WHERE p.id = $1 AND ${VISIBLE}`, [params.id]);
    if (product === undefined) return missing('ProductUnknown', 'There is no such product.');
    const rows = await db.rows<FoundProduct>(
      `SELECT ${PRODUCT_COLUMNS} FROM related r JOIN ${FROM} ON p.id = r.related_id
       WHERE r.product_id = $1 AND ${VISIBLE} ORDER BY r.times DESC, p.id LIMIT ${RELATED_MAX}`,
      [params.id],
    );
    return { data: rows.map(view) };
  },
});

export const productQueries = [getProduct, listProducts, listRelated];
