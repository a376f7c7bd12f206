import type { MigrationDb, MigrationStep } from '../src/platform/postgres/migration.ts';

const index = (name: string, on: string): MigrationStep => ({ name: `index ${name}`, index: name, on });

/** The parts of orders, which fill themselves from the log. */
const PARTS = `
  CREATE TABLE order_parts (
    key text PRIMARY KEY, order_id uuid NOT NULL, store_id uuid NOT NULL, fulfilment text NOT NULL,
    created_at timestamptz NOT NULL, revision bigint NOT NULL, position bigint NOT NULL
  );
  CREATE INDEX order_parts_store ON order_parts (store_id, created_at, order_id);
  CREATE INDEX order_parts_store_fulfilment ON order_parts (store_id, fulfilment, created_at, order_id)`;

/**
 * An index for every order in which a list comes in pages. All keys go in one direction, so an index serves both, and a page that
 * follows a row begins where the index has that row.
 */
export const steps: readonly MigrationStep[] = [
  { name: 'parts of orders', run: (db) => db.raw(PARTS) },
  index('orders_of_buyer', 'orders (buyer_id, created_at, id)'),
  { name: 'drop orders_buyer', dropIndex: 'orders_buyer' },
  index('payments_newest', 'payments (created_at, id)'),
  index('notifications_of_user', 'notifications (user_id, created_at, id)'),
  { name: 'drop notifications_user', dropIndex: 'notifications_user' },
  index('products_newest', 'products (created_at, id) WHERE listed'),
  { name: 'drop products_created_at', dropIndex: 'products_created_at' },
  index('products_name', 'products (name COLLATE "und-x-icu", id) WHERE listed'),
  index('products_popularity', 'products (ordered, id) WHERE listed'),
  index('products_of_store', 'products (store_id, created_at, id) WHERE listed'),
  index('products_of_category', 'products (category_id, created_at, id) WHERE listed'),
  { name: 'drop products_category', dropIndex: 'products_category' },
  index('products_out_of_stock', 'products (created_at, id) WHERE listed AND on_hand - reserved <= 0'),
  index('products_least_stock', 'products (seller_id, (on_hand - reserved), id) WHERE listed'),
];

export async function down(db: MigrationDb): Promise<void> {
  await db.raw(`
    DROP TABLE order_parts;
    DROP INDEX orders_of_buyer, payments_newest, notifications_of_user, products_newest, products_name,
      products_popularity, products_of_store, products_of_category, products_out_of_stock, products_least_stock;
    CREATE INDEX orders_buyer ON orders (buyer_id, created_at DESC, id);
    CREATE INDEX notifications_user ON notifications (user_id, created_at DESC, id);
    CREATE INDEX products_created_at ON products (created_at DESC, id) WHERE listed;
    CREATE INDEX products_category ON products (category_id) WHERE listed;
  `);
}
