import type { Knex } from 'knex';

/**
 * An order whose money was all given back is not paid. Earlier versions left such a row `paid`; an order that is shipped keeps
 * its status.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    UPDATE orders SET paid = false, status = CASE WHEN status = 'paid' THEN 'pending' ELSE status END
    WHERE paid AND refund_requested >= captured;
  `);
}

/** Earlier versions read these rows as well. */
export function down(): Promise<void> {
  return Promise.resolve();
}
