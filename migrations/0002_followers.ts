import type { MigrationDb } from '../src/platform/postgres/migration.ts';

/** The state of the log's followers: checkpoints with their leases, dead letters, and the events that consumers have handled. */
export async function up(db: MigrationDb): Promise<void> {
  await db.raw(`
    CREATE TABLE checkpoints (
      name        text PRIMARY KEY,
      epoch       uuid NOT NULL,
      position    bigint NOT NULL DEFAULT 0,
      owner       text,
      lease_epoch bigint NOT NULL DEFAULT 0,
      lease_until timestamptz,
      last_error  text,
      updated_at  timestamptz NOT NULL DEFAULT now()
    );

    CREATE TABLE dead_letters (
      id         uuid PRIMARY KEY,
      consumer   text NOT NULL,
      stream     text NOT NULL,
      event_id   uuid NOT NULL,
      type       text NOT NULL,
      position   bigint NOT NULL,
      revision   bigint NOT NULL,
      status     text NOT NULL CHECK (status IN ('dead', 'waiting', 'retry', 'skip', 'resolved', 'skipped')),
      reason     text,
      attempts   int NOT NULL DEFAULT 0,
      payload    jsonb NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now(),
      UNIQUE (consumer, event_id)
    );
    CREATE INDEX dead_letters_open ON dead_letters (consumer, stream, position) WHERE status NOT IN ('resolved', 'skipped');

    CREATE TABLE dead_letter_acts (
      id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      dead_letter uuid NOT NULL REFERENCES dead_letters (id),
      act         text NOT NULL,
      actor       text NOT NULL,
      note        text,
      at          timestamptz NOT NULL DEFAULT now()
    );

    CREATE TABLE handled_events (
      consumer text NOT NULL,
      event_id uuid NOT NULL,
      position bigint NOT NULL,
      PRIMARY KEY (consumer, event_id)
    );
    CREATE INDEX handled_events_position ON handled_events (consumer, position);
  `);
}

export async function down(db: MigrationDb): Promise<void> {
  await db.raw('DROP TABLE handled_events, dead_letter_acts, dead_letters, checkpoints');
}
