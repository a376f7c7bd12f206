import type { MigrationDb, MigrationStep } from '../src/platform/postgres/migration.ts';

/**
 * Lines of orders as they were placed: a read model that fills itself from the log. Processes of the version before write and read
 * `related`, so a table with rows stays until a later version drops it.
 */
async function addBought(db: MigrationDb): Promise<void> {
  await db.raw(`
    CREATE TABLE bought (
      key text PRIMARY KEY, order_id uuid NOT NULL, product_id uuid NOT NULL, store_id uuid NOT NULL, quantity bigint NOT NULL,
      placed_at timestamptz NOT NULL, others jsonb NOT NULL, revision bigint NOT NULL, position bigint NOT NULL
    );
    CREATE INDEX bought_product ON bought (product_id, placed_at, key);
    CREATE INDEX bought_placed_at ON bought (placed_at, key);
  `);
  const { rows } = await db.raw('SELECT 1 FROM related LIMIT 1');
  if (rows.length === 0) await db.raw('DROP TABLE related');
}

/** No version since 0011 reads the column `search`, and since 0018 each process writes `words` itself. */
const dropSearch = (db: MigrationDb): Promise<unknown> =>
  db.raw(`
    DROP FUNCTION IF EXISTS products_words CASCADE;
    ALTER TABLE products DROP COLUMN IF EXISTS search;
  `);

export const steps: readonly MigrationStep[] = [
  { name: 'bought', run: addBought },
  { name: 'drop search', run: dropSearch },
  { name: 'index stores', index: 'stores_created_at', on: 'stores (created_at, id) WHERE NOT suspended' },
];

/** The version before fills an empty `related` from the log. */
export async function down(db: MigrationDb): Promise<void> {
  await db.raw(`
    DROP INDEX stores_created_at;
    DROP TABLE bought;
    CREATE TABLE IF NOT EXISTS related (
      pair text PRIMARY KEY, product_id uuid NOT NULL, related_id uuid NOT NULL, times bigint NOT NULL,
      revision bigint NOT NULL, position bigint NOT NULL
    );
    CREATE INDEX IF NOT EXISTS related_product ON related (product_id, times DESC);
  `);
}
