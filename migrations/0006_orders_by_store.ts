import type { MigrationDb, MigrationStep } from '../src/platform/postgres/migration.ts';

const BATCH_ROWS = 5_000;
const STORES = `jsonb_path_query_array(%, '$.keyvalue().key')`;
const storesOf = (fulfilments: string): string => STORES.replace('%', () => fulfilments);

/** Makes the column. Postgres computes it in an empty table; for a table with rows that would rewrite it under a lock. */
async function addColumn(db: MigrationDb): Promise<void> {
  const { rows } = await db.raw('SELECT 1 FROM orders LIMIT 1');
  if (rows.length === 0) {
    await db.raw(`ALTER TABLE orders ADD COLUMN store_ids jsonb NOT NULL
                    GENERATED ALWAYS AS (${storesOf('fulfilments')}) STORED`);
    return;
  }
  await db.raw(`
    ALTER TABLE orders ADD COLUMN store_ids jsonb;
    CREATE FUNCTION orders_store_ids() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    BEGIN
      NEW.store_ids := ${storesOf('NEW.fulfilments')};
      RETURN NEW;
    END
    $$;
    CREATE TRIGGER orders_store_ids BEFORE INSERT OR UPDATE OF fulfilments ON orders
      FOR EACH ROW EXECUTE FUNCTION orders_store_ids();
  `);
}

async function isGenerated(db: MigrationDb): Promise<boolean> {
  const { rows } = await db.raw(
    `SELECT 1 FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attname = 'store_ids' AND attgenerated <> ''`,
  );
  return rows.length > 0;
}

/** The trigger fills the column of the rows that it touches. */
async function fill(db: MigrationDb): Promise<number> {
  if (await isGenerated(db)) return 0;
  const { rowCount } = await db.raw(`
    UPDATE orders SET fulfilments = fulfilments
    WHERE id IN (SELECT id FROM orders WHERE store_ids IS NULL ORDER BY id LIMIT ${BATCH_ROWS} FOR UPDATE)`);
  return rowCount ?? 0;
}

/**
 * Adds the stores of an order as a column that never changes. The index on `fulfilments` had to be updated at every step of
 * an order, and no query could use it.
 */
export const steps: readonly MigrationStep[] = [
  { name: 'column', run: addColumn },
  { name: 'fill', batch: fill },
  {
    name: 'check',
    run: async (db) =>
      (await isGenerated(db)) ||
      db.raw('ALTER TABLE orders ADD CONSTRAINT orders_store_ids_there CHECK (store_ids IS NOT NULL) NOT VALID'),
  },
  {
    name: 'checked',
    run: async (db) =>
      (await isGenerated(db)) || db.raw('ALTER TABLE orders VALIDATE CONSTRAINT orders_store_ids_there'),
  },
  {
    name: 'not null',
    run: async (db) =>
      (await isGenerated(db)) ||
      db.raw(`ALTER TABLE orders ALTER COLUMN store_ids SET NOT NULL;
              ALTER TABLE orders DROP CONSTRAINT orders_store_ids_there`),
  },
  { name: 'old index', dropIndex: 'orders_stores' },
  { name: 'index', index: 'orders_stores', on: 'orders USING gin (store_ids jsonb_path_ops)' },
];

export async function down(db: MigrationDb): Promise<void> {
  await db.raw(`
    DROP INDEX orders_stores;
    DROP TRIGGER IF EXISTS orders_store_ids ON orders;
    DROP FUNCTION IF EXISTS orders_store_ids CASCADE;
    ALTER TABLE orders DROP COLUMN store_ids;
    CREATE INDEX orders_stores ON orders USING gin (fulfilments);
  `);
}
