import type { MigrationDb, MigrationStep } from '../src/platform/postgres/migration.ts';

/** A snapshot names the event that it stands on. One that names none is not used, and is made anew. */
export const steps: readonly MigrationStep[] = [
  { name: 'column', run: (db) => db.raw('ALTER TABLE snapshots ADD COLUMN event_id uuid') },
];

export async function down(db: MigrationDb): Promise<void> {
  await db.raw('ALTER TABLE snapshots DROP COLUMN event_id');
}
