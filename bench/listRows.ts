import { randomUUID } from 'node:crypto';
import { storeIdOf } from '../src/queries/store.ts';
import type { Pool } from '../src/platform/postgres/pool.ts';

/** The people and the things that the rows of a list belong to. */
export interface ListOwners {
  readonly seller: string;
  readonly buyer: string;
  readonly store: string;
  readonly category: string;
  /** The product that all reviews are about. */
  readonly product: string;
}

/** The same sealed text in each row; no key opens it, so it is shown as `[erased]`, after the same look-up of a key. */
const SEALED = `pd1.${'x'.repeat(36)}.${'y'.repeat(160)}`;

/** SQL: a time for each row `i`, one second apart. */
const AT = `timestamptz '2026-01-01' + i * interval '1 second'`;

export const newOwners = (): ListOwners => {
  const seller = randomUUID();
  return {
    ...{ seller, store: storeIdOf(seller), buyer: randomUUID(), category: randomUUID(), product: randomUUID() },
  };
};

/**
 * Fills the read models of every list with `count` rows each: `count` orders of one buyer at one store with a payment and a message
 * each, `count` reviews of one product, `count` products and `count` users. One in ten orders is cancelled, two in ten are pending.
 */
export async function fillLists(
  pool: Pool,
  { count, currency }: { count: number; currency: string },
  owners: ListOwners,
): Promise<void> {
  const { seller, buyer, store, category, product } = owners;
  const line = { productId: product, storeId: store, sellerId: seller, name: 'A thing', price: 1_999, quantity: 1 };
  const status = `CASE WHEN i % 10 = 0 THEN 'cancelled' WHEN i % 10 < 3 THEN 'pending' ELSE 'completed' END`;
  const rows = `FROM generate_series(1, ${count}) i`;
  const statements = [
    `INSERT INTO stores (id, owner_id, name, description, created_at, updated_at, revision, position, suspended)
     VALUES ('${store}', '${seller}', 'A shop', '', now(), now(), 1, 1, false)`,
    `INSERT INTO products (id, listed, store_id, seller_id, name, description, price, currency, category_id, on_hand, reserved, ordered,
       created_at, updated_at, revision, position, ratings)
     SELECT CASE WHEN i = 1 THEN '${product}'::uuid ELSE gen_random_uuid() END, true, '${store}', '${seller}', 'Thing ' || i, 'A thing',
       100 + i % 5000, '${currency}', '${category}', i % 40, 0, i % 700, ${AT}, ${AT}, 1, i, '[0, 0, 0, 0, 0]' ${rows}`,
    `INSERT INTO orders (id, buyer_id, status, lines, fulfilments, currency, total, paid, captured, refund_requested, refunded, payment_id,
       payment_method, payment_status, shipping_address, pay_by, created_at, updated_at, revision, position)
     SELECT gen_random_uuid(), '${buyer}', ${status}, '${JSON.stringify([line])}', jsonb_build_object('${store}', 'pending'), '${currency}', 1999,
       true, 1999, 0, 0, gen_random_uuid(), 'sandbox', 'captured', '${SEALED}', ${AT}, ${AT}, ${AT}, 5, i ${rows}`,
    `INSERT INTO order_parts (key, order_id, store_id, fulfilment, created_at, revision, position)
     SELECT id || '/${store}', id, '${store}', status, created_at, revision, position FROM orders`,
    `INSERT INTO payments (id, order_id, attempt, method, status, amount, refund_requested, refunded, currency, created_at, updated_at,
       revision, position)
     SELECT payment_id, id, 1, 'sandbox', 'captured', total, 0, 0, '${currency}', created_at, created_at, revision, position FROM orders`,
    `INSERT INTO notifications (id, event_id, channel, user_id, kind, subject, body, status, attempts, created_at)
     SELECT gen_random_uuid(), gen_random_uuid(), 'email', '${buyer}', 'OrderPlaced', 'Your order', '${SEALED}', 'sent', 1, created_at FROM orders`,
    `INSERT INTO reviews (id, product_id, store_id, author_id, rating, hidden, created_at, updated_at, revision, position)
     SELECT gen_random_uuid(), '${product}', '${store}', '${buyer}', 1 + i % 5, i % 10 = 0, ${AT}, ${AT}, 1, i ${rows}`,
    `INSERT INTO users (id, email, name, role, is_active, created_at, updated_at, revision, position, email_verified, second_factor,
       recovery_codes_left)
     SELECT CASE i WHEN 1 THEN '${buyer}'::uuid WHEN 2 THEN '${seller}'::uuid ELSE gen_random_uuid() END, '${SEALED}', '${SEALED}',
       CASE WHEN i % 10 = 0 THEN 'seller' ELSE 'buyer' END, true, ${AT}, ${AT}, 1, i, false, false, 0 ${rows}`,
    'ANALYZE',
  ];
  for (const sql of statements) await pool.query(sql);
}
