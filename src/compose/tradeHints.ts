import type { Hints, OpenTrade } from '../commands/contract.ts';
import type { ReadDb } from '../engine/ask/query.ts';

/** Orders and checkouts that one look finds, at most. */
const OPEN_MAX = 100;
const OPEN_ORDERS = `
  SELECT id, status FROM orders WHERE buyer_id = $1 AND status NOT IN ('completed', 'cancelled')
  ORDER BY created_at, id LIMIT ${OPEN_MAX}`;
const OPEN_CHECKOUTS = `
  SELECT order_id AS "orderId", product_ids AS "productIds", cart_held AS "cartHeld" FROM deadlines
  WHERE buyer_id = $1 AND kind <> 'payment' ORDER BY key LIMIT ${OPEN_MAX}`;
/** Orders of a store that a refusal names, at most. */
const NAMED_MAX = 5;
const OPEN_IN_STORE = `
  SELECT id FROM orders
  WHERE store_ids @> jsonb_build_array($1::text) AND status <> 'cancelled' AND paid
    AND fulfilments ->> $1::text NOT IN ('completed', 'cancelled')
  ORDER BY created_at, id LIMIT ${NAMED_MAX}`;

type AtHead = <T>(projection: string, read: () => Promise<T>) => Promise<T>;

/** The open work of a buyer or a store, as of the head of the log. */
export const createTradeHints = (db: ReadDb, atHead: AtHead): Pick<Hints, 'openTradeOf' | 'openOrdersOfStore'> => ({
  async openTradeOf(buyerId) {
    const [checkouts, orders] = await Promise.all([
      atHead('deadlines', () => db.rows<OpenTrade['checkouts'][number]>(OPEN_CHECKOUTS, [buyerId])),
      atHead('orders', () => db.rows<OpenTrade['orders'][number]>(OPEN_ORDERS, [buyerId])),
    ]);
    return { checkouts, orders };
  },
  async openOrdersOfStore(storeId) {
    const rows = await atHead('orders', () => db.rows<{ id: string }>(OPEN_IN_STORE, [storeId]));
    return rows.map(({ id }) => id);
  },
});
