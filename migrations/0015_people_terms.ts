import type { MigrationDb, MigrationStep } from '../src/platform/postgres/migration.ts';

/**
 * The keyed hashes by which admins find people: each row those of the user's row at that position. Rows are made when somebody searches,
 * so this table needs no filling.
 */
export const steps: readonly MigrationStep[] = [
  {
    name: 'table',
    run: (db) =>
      db.raw(`
        CREATE TABLE people_terms (user_id uuid PRIMARY KEY, position bigint NOT NULL, terms tsvector NOT NULL);
        CREATE INDEX people_terms_position ON people_terms (position);
        CREATE INDEX people_terms_terms ON people_terms USING gin (terms);
      `),
  },
  { name: 'users by position', index: 'users_position', on: 'users (position)' },
  { name: 'newest users', index: 'users_newest', on: 'users (created_at, id)' },
];

export async function down(db: MigrationDb): Promise<void> {
  await db.raw('DROP INDEX users_newest; DROP INDEX users_position; DROP TABLE people_terms');
}
