import { Type } from 'typebox';
import { Fields, Id } from '../schema.ts';
import { defineQuery } from './contract.ts';
import { type FoundProduct, PRODUCT_COLUMNS, PRODUCTS, ProductView, unknown, view } from './product.ts';
import { VISIBLE } from './visible.ts';

const TTL_MS = 60_000;
const RELATED_MAX = 10;
/** The orders of a product that say what belongs to it, at most: the last ones. */
const ORDERS_ASKED_MAX = 1_000;
/** The lines of orders that say what sells best, at most: the last ones. */
const LINES_COUNTED_MAX = 50_000;
const POPULAR_MAX = 50;
const DAY_MS = 24 * 60 * 60_000;
const WINDOWS = { '7d': 7, '30d': 30, '90d': 90 } as const;
type Window = keyof typeof WINDOWS;

/** A line of an order counts, unless the order or its store's part of it was cancelled, or all money was given back. */
const COUNTS = `o.status <> 'cancelled' AND (o.captured = 0 OR o.refunded < o.captured)
  AND o.fulfilments ->> b.store_id::text IS DISTINCT FROM 'cancelled'`;
const LINES = 'bought b JOIN dashboard_orders o ON o.id = b.order_id';

const READS = ['products', 'stores', 'bought', 'dashboard_orders'] as const;

const listRelated = defineQuery({
  name: 'ListRelatedProducts',
  summary: 'Products bought together with this one, most often first',
  tag: 'products',
  route: 'GET /products/:id/related',
  access: 'anyone',
  params: Fields({ id: Id }),
  result: Type.Array(ProductView),
  reads: READS,
  cache: {
    ttlMs: TTL_MS,
    // Processes of the version before use another name, because they count cancelled orders.
    key: ({ params }) => `bought with:${params.id}`,
    tags: () => READS,
  },
  async run({ params }, { db }) {
    const [product] = await db.rows(`SELECT 1 FROM ${PRODUCTS} WHERE p.id = $1 AND ${VISIBLE}`, [params.id]);
    if (product === undefined) return unknown();
    const rows = await db.rows<FoundProduct>(
      `WITH orders AS MATERIALIZED (
         SELECT b.others, o.fulfilments FROM ${LINES}
         WHERE b.product_id = $1 AND b.others <> '[]' AND ${COUNTS}
         ORDER BY b.placed_at DESC, b.key DESC LIMIT ${ORDERS_ASKED_MAX}
       ), pairs AS (
         SELECT other.product_id, count(*) AS times
         FROM orders CROSS JOIN LATERAL jsonb_to_recordset(others) AS other (product_id uuid, store_id text)
         WHERE fulfilments ->> other.store_id IS DISTINCT FROM 'cancelled' GROUP BY other.product_id
       )
       SELECT ${PRODUCT_COLUMNS} FROM pairs JOIN ${PRODUCTS} ON p.id = pairs.product_id
       WHERE ${VISIBLE} ORDER BY pairs.times DESC, p.id LIMIT ${RELATED_MAX}`,
      [params.id],
    );
    return { data: rows.map(view) };
  },
});

const listPopular = defineQuery({
  name: 'ListPopularProducts',
  summary: 'Best sellers of the last days, by units ordered',
  tag: 'products',
  route: 'GET /products/popular',
  access: 'anyone',
  query: Fields({
    window: Type.Enum(Object.keys(WINDOWS) as Window[], {
      default: '30d',
      description: 'Orders placed in the last 7, 30 or 90 days. For all time, list the products by popularity.',
    }),
    limit: Type.Integer({ minimum: 1, maximum: POPULAR_MAX, default: 10 }),
  }),
  result: Type.Array(ProductView),
  reads: READS,
  cache: {
    ttlMs: TTL_MS,
    key: ({ query: { window, limit } }) => `popular:${window}:${limit}`,
    tags: () => READS,
  },
  async run({ query: { window, limit } }, { db, now }) {
    const since = new Date(Date.parse(now) - WINDOWS[window] * DAY_MS).toISOString();
    const rows = await db.rows<FoundProduct>(
      `WITH lines AS MATERIALIZED (
         SELECT b.product_id, b.quantity FROM ${LINES} WHERE b.placed_at >= $1 AND ${COUNTS}
         ORDER BY b.placed_at DESC, b.key DESC LIMIT ${LINES_COUNTED_MAX}
       ), sold AS (SELECT product_id, sum(quantity) AS units FROM lines GROUP BY product_id)
       SELECT ${PRODUCT_COLUMNS} FROM sold JOIN ${PRODUCTS} ON p.id = sold.product_id
       WHERE ${VISIBLE} ORDER BY sold.units DESC, p.id LIMIT $2::int`,
      [since, limit],
    );
    return { data: rows.map(view) };
  },
});

export const boughtQueries = [listRelated, listPopular];
