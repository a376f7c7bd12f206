import type { MigrationDb } from '../src/platform/postgres/migration.ts';

/** The tables of the handlers: the ledger of the sandbox gateway (a stand-in for an external provider), and notifications. */
export async function up(db: MigrationDb): Promise<void> {
  await db.raw(`
    CREATE TABLE sandbox_charges (
      key         text PRIMARY KEY,
      reference   text NOT NULL UNIQUE,
      method      text NOT NULL,
      amount      bigint NOT NULL CHECK (amount > 0),
      currency    text NOT NULL,
      status      text NOT NULL CHECK (status IN ('authorised', 'captured', 'declined')),
      reason      text,
      requests    int NOT NULL DEFAULT 1,
      created_at  timestamptz NOT NULL DEFAULT now(),
      captured_at timestamptz
    );

    CREATE TABLE sandbox_refunds (
      key        text PRIMARY KEY,
      reference  text NOT NULL UNIQUE,
      charge     text NOT NULL REFERENCES sandbox_charges (reference),
      amount     bigint NOT NULL CHECK (amount > 0),
      requests   int NOT NULL DEFAULT 1,
      created_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX sandbox_refunds_charge ON sandbox_refunds (charge);

    CREATE TABLE notifications (
      id         uuid PRIMARY KEY,
      event_id   uuid NOT NULL,
      channel    text NOT NULL CHECK (channel IN ('email', 'sms')),
      user_id    uuid NOT NULL,
      kind       text NOT NULL,
      subject    text NOT NULL,
      body       text NOT NULL,
      status     text NOT NULL CHECK (status IN ('sending', 'sent', 'kept', 'failed', 'refused', 'unknown')),
      error      text,
      attempts   int NOT NULL DEFAULT 1,
      created_at timestamptz NOT NULL DEFAULT now(),
      sent_at    timestamptz,
      UNIQUE (event_id, channel)
    );
    CREATE INDEX notifications_user ON notifications (user_id, created_at DESC, id);
  `);
}

export async function down(db: MigrationDb): Promise<void> {
  await db.raw('DROP TABLE notifications, sandbox_refunds, sandbox_charges');
}
