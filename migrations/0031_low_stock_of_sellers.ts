import type { MigrationDb, MigrationStep } from '../src/platform/postgres/migration.ts';

/** A seller's list of low stock shows drafts and inactive products too, which the index before left out. */
export const steps: readonly MigrationStep[] = [
  {
    ...{ name: 'index products_low_of_seller', index: 'products_low_of_seller' },
    on: 'products (seller_id, (on_hand - reserved), id) WHERE listed OR hidden IS NOT NULL',
  },
  { name: 'drop products_least_stock', dropIndex: 'products_least_stock' },
];

export async function down(db: MigrationDb): Promise<void> {
  await db.raw(`
    DROP INDEX products_low_of_seller;
    CREATE INDEX products_least_stock ON products (seller_id, (on_hand - reserved), id) WHERE listed;
  `);
}
