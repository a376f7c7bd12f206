import type { MigrationDb, MigrationStep } from '../src/platform/postgres/migration.ts';

/** Finds the products of a store that have a SKU, whatever its case. Products of earlier versions are found by it alone. */
export const steps: readonly MigrationStep[] = [
  {
    name: 'index SKUs without case',
    index: 'products_same_sku',
    on: 'products (store_id, lower(normalize(sku, NFKC) COLLATE "und-x-icu")) WHERE listed',
  },
];

export async function down(db: MigrationDb): Promise<void> {
  await db.raw('DROP INDEX products_same_sku');
}
