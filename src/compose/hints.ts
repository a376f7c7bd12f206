import { FULFILMENT_STATUSES, isUnshipped, stepOf } from '../aggregates/fulfilment.ts';
import type { Hints } from '../commands/contract.ts';
import type { ReadDb } from '../engine/ask/query.ts';
import type { Progress } from '../engine/project/progress.ts';
import type { EventStore } from '../eventstore/eventStore.ts';
import type { ProductRow } from '../projections/products.ts';
import { foldedSku } from '../queries/productBySku.ts';
import { KEPT } from '../queries/visible.ts';
import { behind, createUnseenListings } from './listings.ts';
import { createTradeHints } from './tradeHints.ts';

/** How long a hint waits for its read model to reach the head of the log before it refuses, ms. */
const HINT_WAIT_MAX_MS = 2_000;
/** Attempts of a hint to read rows without a connection that breaks meanwhile. */
const HINT_READS_MAX = 3;
/** Products that a hint names, at most: the first that has the SKU decides, and only those of earlier versions can be several. */
const SAME_SKU_MAX = 100;
const sameSku = (there: string): string =>
  `SELECT id FROM products WHERE store_id = $1 AND ${foldedSku('sku')} = ${foldedSku('$2::text')} AND ${there}`;
/** Each half has an index of its own. */
const SAME_SKU = `${sameSku('listed')} UNION ALL ${sameSku('hidden IS NOT NULL')} LIMIT ${SAME_SKU_MAX}`;

/** Admins that one look finds, at most: a caller needs to know of one. */
const ADMINS_MAX = 10;
const ADMINS_BESIDE = `SELECT id FROM users WHERE role = 'admin' AND is_active AND id <> ALL($1::uuid[]) LIMIT ${ADMINS_MAX}`;
const LISTED = 'SELECT count(*)::int AS found FROM products WHERE store_id = $1 AND listed';
const UNSHIPPED = FULFILMENT_STATUSES.filter(isUnshipped);
const ORDERS_UNSHIPPED = `
  SELECT count(*)::int AS found FROM orders
  WHERE store_ids @> jsonb_build_array($1::text) AND status <> 'cancelled' AND fulfilments ->> $1::text = ANY($2)`;

/** Orders that a hint names to a reviewer, at most: one that brought the product is enough. */
const ORDERS_SHIPPED_MAX = 5;
const SHIPPED = FULFILMENT_STATUSES.filter((status) => stepOf(status) >= stepOf('shipped'));
const ORDERS_SHIPPED = `
  SELECT o.id FROM orders o, jsonb_array_elements(o.lines) AS line
  WHERE o.buyer_id = $1 AND line ->> 'productId' = $2::text AND o.fulfilments ->> (line ->> 'storeId') = ANY($3)
  LIMIT ${ORDERS_SHIPPED_MAX}`;

interface HintsOptions {
  readonly db: ReadDb;
  readonly store: EventStore;
  readonly progress: Progress;
}

export function createHints({ db, store, progress }: HintsOptions): Hints {
  async function caughtUp(projection: string): Promise<void> {
    const { position } = await store.head();
    if (await progress.waitFor([projection], position, HINT_WAIT_MAX_MS)) return;
    throw behind(projection);
  }
  /** Reads at the head of the log. Rows that were read after a crash may be older, so then they are read again. */
  async function atHead<T>(projection: string, read: () => Promise<T>): Promise<T> {
    for (let reads = 1; reads <= HINT_READS_MAX; reads += 1) {
      const { doubts } = progress;
      await caughtUp(projection);
      const found = await read();
      if (progress.doubts === doubts) return found;
    }
    throw behind(projection);
  }
  const orderOf = async (paymentId: string): Promise<string | undefined> => {
    const rows = await db.rows<{ order_id: string }>('SELECT order_id FROM payments WHERE id = $1', [paymentId]);
    return rows[0]?.order_id;
  };
  const listings = createUnseenListings({ store, progress });
  return {
    async productsInCategory(categoryId) {
      const sql = `SELECT count(*)::int AS products FROM products p WHERE p.category_id = $1 AND ${KEPT}`;
      const rows = await atHead('products', () => db.rows<{ products: number }>(sql, [categoryId]));
      return rows[0]?.products ?? 0;
    },
    async orderOfPayment(paymentId) {
      const known = await orderOf(paymentId);
      if (known !== undefined) return known;
      return atHead('payments', () => orderOf(paymentId));
    },
    async adminsBeside(userIds) {
      const rows = await atHead('users', () => db.rows<{ id: string }>(ADMINS_BESIDE, [userIds]));
      return rows.map(({ id }) => id);
    },
    async ratingsOf(productId) {
      const sql = 'SELECT rating, ratings FROM products WHERE id = $1';
      const [row] = await db.rows<Pick<ProductRow, 'rating' | 'ratings'>>(sql, [productId]);
      return row;
    },
    async ordersShipped(buyerId, productId) {
      const read = () => db.rows<{ id: string }>(ORDERS_SHIPPED, [buyerId, productId, SHIPPED]);
      const known = await read();
      const rows = known.length > 0 ? known : await atHead('orders', read);
      return rows.map(({ id }) => id);
    },
    ...createTradeHints(db, atHead),
    async workOfStore(storeId) {
      const [products, orders] = await Promise.all([
        atHead('products', () => db.rows<{ found: number }>(LISTED, [storeId])),
        atHead('orders', () => db.rows<{ found: number }>(ORDERS_UNSHIPPED, [storeId, UNSHIPPED])),
      ]);
      return { listed: products[0]?.found ?? 0, unshipped: orders[0]?.found ?? 0 };
    },
    async productsWithSku(storeId, sku) {
      // Before the rows: what the read model comes to see meanwhile is in both.
      const unseen = await listings.withSku(storeId, sku);
      const rows = await db.rows<{ id: string }>(SAME_SKU, [storeId, sku]);
      return [...unseen, ...rows.map(({ id }) => id)];
    },
  };
}
