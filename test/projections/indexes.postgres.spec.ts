import { expect } from 'chai';
import { createPool, withTx, type Pool } from '../../src/platform/postgres/pool.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

describe('a seller’s orders', () => {
  let database: TestDatabase;
  let pool: Pool;

  before(async () => {
    database = await freshDatabase();
    pool = createPool({ url: database.url, name: 'indexes', max: 1, int8: 'number' });
  });
  after(async () => {
    await pool.end();
    await database.drop();
  });

  it('are found by their index, which the steps of an order leave alone', async () => {
    const plan = await withTx(pool, async (tx) => {
      await tx.query('SET LOCAL enable_seqscan = off');
      const { rows } = await tx.query<{ 'QUERY PLAN': string }>(
        `EXPLAIN SELECT * FROM orders WHERE store_ids @> '["somebody"]'::jsonb`,
      );
      return rows.map((row) => row['QUERY PLAN']).join('\n');
    });
    expect(plan).to.include('orders_stores');
    await pool.query(`
      INSERT INTO orders (id, buyer_id, status, lines, fulfilments, currency, total, paid, captured, refund_requested, refunded,
        shipping_address, pay_by, created_at, updated_at, revision, position)
      VALUES (gen_random_uuid(), gen_random_uuid(), 'pending', '[]', '{"b": "pending", "a": "pending"}', 'EUR', 1, false, 0, 0, 0,
        'sealed', now(), now(), now(), 0, 1)`);
    await pool.query(`UPDATE orders SET fulfilments = '{"b": "shipped", "a": "pending"}', status = 'shipped'`);
    const { rows } = await pool.query('SELECT store_ids FROM orders');
    expect(rows).to.deep.equal([{ store_ids: ['a', 'b'] }]);
    await pool.query('SELECT pg_stat_force_next_flush()');
    const updates = await pool.query(
      `SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'orders'`,
    );
    expect(updates.rows, 'no index was touched').to.deep.equal([{ n_tup_upd: 1, n_tup_hot_upd: 1 }]);
  });
});
