import type { MigrationDb, MigrationStep } from '../src/platform/postgres/migration.ts';

/** Prices are compared only within one currency. */
export const steps: readonly MigrationStep[] = [
  {
    name: 'index prices by currency',
    index: 'products_currency_price',
    on: 'products (currency, price, id) WHERE listed',
  },
  { name: 'drop the index of bare prices', dropIndex: 'products_price' },
];

export async function down(db: MigrationDb): Promise<void> {
  await db.raw(`
    CREATE INDEX products_price ON products (price, id) WHERE listed;
    DROP INDEX products_currency_price;
  `);
}
