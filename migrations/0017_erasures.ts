import type { MigrationDb, MigrationStep } from '../src/platform/postgres/migration.ts';

/**
 * The persons whose keys were destroyed, so that none of them ever gets a key again. A stored answer names the persons whose data are
 * in it; in one of an earlier version this is null, and unknown.
 */
export const steps: readonly MigrationStep[] = [
  {
    name: 'table',
    run: (db) =>
      db.raw(`CREATE TABLE erased_persons (
                subject   text PRIMARY KEY,
                erased_at timestamptz NOT NULL DEFAULT now()
              )`),
  },
  { name: 'persons of answers', run: (db) => db.raw('ALTER TABLE idempotency_keys ADD COLUMN persons text[]') },
];

export async function down(db: MigrationDb): Promise<void> {
  await db.raw('ALTER TABLE idempotency_keys DROP COLUMN persons; DROP TABLE erased_persons');
}
