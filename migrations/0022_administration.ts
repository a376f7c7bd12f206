import type { MigrationDb } from '../src/platform/postgres/migration.ts';

/**
 * For administrators: stores that can be suspended, the read models of the dashboard, and the rebuilds that were asked for. Processes of
 * the version before write stores without the new column, which then stays as it is.
 */
export async function up(db: MigrationDb): Promise<void> {
  await db.raw(`
    ALTER TABLE stores ADD COLUMN suspended boolean NOT NULL DEFAULT false;

    CREATE TABLE dashboard_figures (
      key text PRIMARY KEY, kind text NOT NULL, bucket timestamptz NOT NULL, currency text, order_id uuid,
      count bigint NOT NULL, amount bigint NOT NULL, revision bigint NOT NULL, position bigint NOT NULL
    );
    CREATE INDEX dashboard_figures_bucket ON dashboard_figures (bucket);

    CREATE TABLE dashboard_orders (
      id uuid PRIMARY KEY, placed_at timestamptz NOT NULL, captured_at timestamptz, currency text NOT NULL,
      status text NOT NULL, total bigint NOT NULL, paid boolean NOT NULL, captured bigint NOT NULL,
      refund_requested bigint NOT NULL, refunded bigint NOT NULL, fulfilments jsonb NOT NULL, units jsonb NOT NULL,
      revision bigint NOT NULL, position bigint NOT NULL
    );
    CREATE INDEX dashboard_orders_placed ON dashboard_orders (placed_at, status);
    CREATE INDEX dashboard_orders_captured ON dashboard_orders (captured_at, currency) WHERE captured_at IS NOT NULL;

    CREATE TABLE rebuilds (
      projection  text PRIMARY KEY,
      id          uuid NOT NULL,
      status      text NOT NULL CHECK (status IN ('running', 'done', 'failed')),
      actor       text NOT NULL,
      done        bigint NOT NULL DEFAULT 0,
      total       bigint NOT NULL DEFAULT 0,
      events      bigint NOT NULL DEFAULT 0,
      rows        bigint,
      differences bigint,
      parked      bigint,
      error       text,
      started_at  timestamptz NOT NULL DEFAULT now(),
      updated_at  timestamptz NOT NULL DEFAULT now(),
      finished_at timestamptz
    );
  `);
}

export async function down(db: MigrationDb): Promise<void> {
  await db.raw(`
    DROP TABLE rebuilds, dashboard_orders, dashboard_figures;
    ALTER TABLE stores DROP COLUMN suspended;
  `);
}
