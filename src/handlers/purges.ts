import { ERASED } from '../eventstore/sealing.ts';
import { type Pool, translating } from '../platform/postgres/pool.ts';

/** The fate of a table's rows about a person when that person is erased. */
export type Purge =
  /** The projection of this table drops the row or its personal fields at an event, so a rebuild does so too. */
  | { readonly by: 'projection'; readonly why: string }
  /** All that is personal in the rows is sealed under the person's key, and does not open without it. */
  | { readonly by: 'key'; readonly why: string }
  /** The statement purges the rows; `$1` is the person's id, as text. It can run again and again. */
  | { readonly by: 'statement'; readonly sql: string }
  /** The rows are about no person. */
  | { readonly by: 'nothing'; readonly why: string };

/** The person's own stream, their orders, and every event with a text that was sealed for them. */
const DEAD_LETTERS_ABOUT = `
  stream = 'user-' || $1::text OR payload::text LIKE '%' || $1::text || '%'
  OR stream IN (SELECT 'order-' || id FROM orders WHERE buyer_id = $1::text::uuid)`;

/**
 * Every table of the shop, and what an erasure does with it. A test compares this list with the tables that the migrations make: a new
 * table needs its line here. The statements run in this order.
 */
export const PURGES: Readonly<Record<string, Purge>> = {
  events: { by: 'key', why: 'the log never changes' },
  store_head: { by: 'nothing', why: 'a position' },
  subject_keys: { by: 'nothing', why: 'the erasure itself deletes the key, before all of this' },
  erased_persons: { by: 'nothing', why: 'says whose key must never be made again' },
  shop_keys: { by: 'nothing', why: 'keys of the shop' },
  checkpoints: { by: 'nothing', why: 'positions' },
  handled_events: { by: 'nothing', why: 'ids of events' },
  dead_letter_acts: {
    by: 'statement',
    sql: `UPDATE dead_letter_acts SET note = '${ERASED}'
          WHERE note IS NOT NULL AND dead_letter IN (SELECT id FROM dead_letters WHERE ${DEAD_LETTERS_ABOUT})`,
  },
  dead_letters: {
    by: 'statement',
    sql: `UPDATE dead_letters SET reason = CASE WHEN reason IS NULL THEN NULL ELSE '${ERASED}' END,
            payload = payload - 'data' - 'unreadable' WHERE ${DEAD_LETTERS_ABOUT}`,
  },
  snapshots: {
    by: 'statement',
    sql: `DELETE FROM snapshots WHERE stream IN ('user-' || $1::text, 'cart-' || $1, 'unpaid-' || $1)`,
  },
  idempotency_keys: {
    by: 'statement',
    sql: `DELETE FROM idempotency_keys
          WHERE answer IS NOT NULL AND (account = $1::text OR persons IS NULL OR $1 = ANY (persons))`,
  },
  notifications: { by: 'statement', sql: 'DELETE FROM notifications WHERE user_id = $1::uuid' },
  people_terms: { by: 'statement', sql: 'DELETE FROM people_terms WHERE user_id = $1::uuid' },
  sessions: { by: 'key', why: 'address and software are sealed; a rebuild makes the rows again' },
  users: { by: 'projection', why: 'the row goes at UserErased' },
  revocations: { by: 'nothing', why: 'says which tokens have ended' },
  carts: { by: 'projection', why: 'the erasure clears the cart' },
  orders: { by: 'key', why: 'an order stays, with its amounts' },
  order_parts: { by: 'key', why: 'a part of an order stays, with its amounts' },
  payments: { by: 'nothing', why: 'amounts and methods' },
  deadlines: { by: 'nothing', why: 'ids and instants' },
  stores: {
    by: 'nothing',
    why: 'a store is a business, and rests when its owner is erased; its logo goes by an event',
  },
  categories: { by: 'nothing', why: 'no person' },
  products: { by: 'nothing', why: 'no person' },
  reviews: { by: 'key', why: 'a rating stays, without its comment and its author' },
  dashboard_figures: { by: 'nothing', why: 'sums' },
  dashboard_orders: { by: 'nothing', why: 'amounts and instants of orders' },
  rebuilds: { by: 'nothing', why: 'ids and counts' },
  loose_pictures: { by: 'nothing', why: 'random names of files' },
  vocabulary: { by: 'nothing', why: 'words of products and stores' },
  bought: { by: 'nothing', why: 'products and units of orders, without the buyer' },
  sandbox_charges: { by: 'nothing', why: 'amounts and references' },
  sandbox_refunds: { by: 'nothing', why: 'amounts and references' },
};

/** Runs every statement that purges. What a crash leaves is done by the next call. */
export async function purge(pool: Pool, person: string): Promise<void> {
  for (const one of Object.values(PURGES)) {
    if (one.by === 'statement') await translating(() => pool.query(one.sql, [person]));
  }
}
