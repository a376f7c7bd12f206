import type { MigrationDb } from '../src/platform/postgres/migration.ts';

/** The parent of each category. Earlier versions had no tree, so the column is null in their rows. */
export const up = (db: MigrationDb) => db.raw('ALTER TABLE categories ADD COLUMN parent_id uuid');

export const down = (db: MigrationDb) => db.raw('ALTER TABLE categories DROP COLUMN parent_id');
