import type { MigrationDb, MigrationStep } from '../src/platform/postgres/migration.ts';

/**
 * `sessions` is the read model of the sessions that go on. `people_terms` has the keyed hashes by which admins find people: each row those of the
 * user's row at that position. Its rows are made when somebody searches, so it needs no filling.
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
  {
    name: 'sessions',
    run: (db) =>
      db.raw(`
        CREATE TABLE sessions (
          id uuid PRIMARY KEY, user_id uuid NOT NULL, address text, agent text, started_at timestamptz NOT NULL,
          last_used_at timestamptz NOT NULL, expires_at timestamptz NOT NULL, password_changes int, roles_taken int NOT NULL,
          deactivations int NOT NULL, revision bigint NOT NULL, position bigint NOT NULL
        );
        CREATE INDEX sessions_user ON sessions (user_id, started_at, id);
      `),
  },
  { name: 'users by position', index: 'users_position', on: 'users (position)' },
  { name: 'newest users', index: 'users_newest', on: 'users (created_at, id)' },
];

export async function down(db: MigrationDb): Promise<void> {
  await db.raw('DROP INDEX users_newest; DROP INDEX users_position; DROP TABLE people_terms, sessions');
}
