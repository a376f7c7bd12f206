import type { MigrationDb } from '../src/platform/postgres/migration.ts';

/** A store can be suspended. Processes of the version before write stores without the column, which then stays as it is. */
export async function up(db: MigrationDb): Promise<void> {
  await db.raw('ALTER TABLE stores ADD COLUMN suspended boolean NOT NULL DEFAULT false');
}

export async function down(db: MigrationDb): Promise<void> {
  await db.raw('ALTER TABLE stores DROP COLUMN suspended');
}
