import type { MigrationDb, MigrationStep } from '../src/platform/postgres/migration.ts';

/** The thresholds below which sellers are told that little is left. Earlier versions had none, so the column is null in their rows. */
export const steps: readonly MigrationStep[] = [
  { name: 'threshold of a product', run: (db) => db.raw('ALTER TABLE products ADD COLUMN low_stock_below bigint') },
  {
    name: 'index thresholds',
    index: 'products_low_stock_below',
    on: 'products (seller_id, low_stock_below) WHERE low_stock_below IS NOT NULL',
  },
];

export async function down(db: MigrationDb): Promise<void> {
  await db.raw(`
    DROP INDEX products_low_stock_below;
    ALTER TABLE products DROP COLUMN low_stock_below;
  `);
}
