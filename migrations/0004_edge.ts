import type { MigrationDb } from '../src/platform/postgres/migration.ts';

/** The requests under idempotency keys: the hash of each, the process that works on it, and its encrypted answer. */
export async function up(db: MigrationDb): Promise<void> {
  await db.raw(`
    CREATE TABLE idempotency_keys (
      account      text NOT NULL,
      key          text NOT NULL,
      request_hash bytea NOT NULL,
      owner        text,
      lease_until  timestamptz,
      answer       bytea,
      created_at   timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (account, key)
    );
    CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);
  `);
}

export async function down(db: MigrationDb): Promise<void> {
  await db.raw('DROP TABLE idempotency_keys');
}
