import type { MigrationDb } from '../src/platform/postgres/migration.ts';

/**
 * Adds the stores of an order as a column that never changes. The index on `fulfilments` had to be updated at every step of
 * an order, and no query could use it.
 */
export async function up(db: MigrationDb): Promise<void> {
  await db.raw(`
    DROP INDEX orders_stores;
    ALTER TABLE orders ADD COLUMN store_ids jsonb NOT NULL
      GENERATED ALWAYS AS (jsonb_path_query_array(fulfilments, '$.keyvalue().key')) STORED;
    CREATE INDEX orders_stores ON orders USING gin (store_ids jsonb_path_ops);
  `);
}

export async function down(db: MigrationDb): Promise<void> {
  await db.raw(`
    DROP INDEX orders_stores;
    ALTER TABLE orders DROP COLUMN store_ids;
    CREATE INDEX orders_stores ON orders USING gin (fulfilments);
  `);
}
