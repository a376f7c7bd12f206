import type { MigrationDb } from '../src/platform/postgres/migration.ts';

/** Whether a user's e-mail address is verified and their second factor is on. Nobody's was, before this version. */
export async function up(db: MigrationDb): Promise<void> {
  await db.raw(`
    ALTER TABLE users
      ADD COLUMN email_verified boolean NOT NULL DEFAULT false,
      ADD COLUMN second_factor boolean NOT NULL DEFAULT false,
      ADD COLUMN recovery_codes_left int NOT NULL DEFAULT 0`);
}

export async function down(db: MigrationDb): Promise<void> {
  await db.raw(
    'ALTER TABLE users DROP COLUMN email_verified, DROP COLUMN second_factor, DROP COLUMN recovery_codes_left',
  );
}
