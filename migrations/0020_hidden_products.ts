import type { MigrationDb, MigrationStep } from '../src/platform/postgres/migration.ts';

/**
 * Products that their sellers hide from everybody else. Earlier versions had none, so the column is null in their rows. The indexes of
 * listed products do not have hidden ones.
 */
export const steps: readonly MigrationStep[] = [
  { name: 'hidden products', run: (db) => db.raw('ALTER TABLE products ADD COLUMN hidden text') },
  {
    name: 'index their SKUs',
    index: 'products_hidden_sku',
    on: 'products (store_id, lower(normalize(sku, NFKC) COLLATE "und-x-icu")) WHERE hidden IS NOT NULL',
  },
  {
    name: 'index their categories',
    index: 'products_hidden_category',
    on: 'products (category_id) WHERE hidden IS NOT NULL',
  },
  { name: 'index their sellers', index: 'products_seller', on: 'products (seller_id, created_at DESC, id)' },
];

export async function down(db: MigrationDb): Promise<void> {
  await db.raw(`
    DROP INDEX products_hidden_sku, products_hidden_category, products_seller;
    ALTER TABLE products DROP COLUMN hidden;
  `);
}
