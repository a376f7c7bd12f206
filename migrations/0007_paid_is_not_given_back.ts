import type { MigrationDb } from '../src/platform/postgres/migration.ts';

/**
 * An order whose money was all given back is not paid. Earlier versions left such a row `paid`; an order that is shipped keeps
 * its status.
 */
export async function up(db: MigrationDb): Promise<void> {
  await db.raw(`
    UPDATE orders SET paid = false, status = CASE WHEN status = 'paid' THEN 'pending' ELSE status END
    WHERE paid AND refund_requested >= captured;
  `);
}

/** Earlier versions read these rows as well. */
export function down(): Promise<void> {
  return Promise.resolve();
}
