import type { MigrationDb, MigrationStep } from '../src/platform/postgres/migration.ts';

/** Products in the order of their rating, a page after the other. */
export const steps: readonly MigrationStep[] = [
  { name: 'index products_rating', index: 'products_rating', on: 'products (rating, id) WHERE listed' },
];

export async function down(db: MigrationDb): Promise<void> {
  await db.raw('DROP INDEX products_rating');
}
