import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { migrateDown, migrateStatus, migrateUp } from '../../src/platform/postgres/migrate.ts';
import { createPool, type Pool } from '../../src/platform/postgres/pool.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

const BEFORE = '0005_handlers';

describe('the stores of the orders of an older shop', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let pool: Pool;
  before(async () => {
    database = await freshDatabase();
    pool = createPool({ url: database.url, name: 'test', max: 2, int8: 'number' });
    while ((await migrateStatus(database.url)).applied.at(-1) !== BEFORE) await migrateDown(database.url);
  });
  after(async () => {
    await pool.end();
    await database.drop();
  });

  const order = async (store: string): Promise<string> => {
    const id = randomUUID();
    await pool.query(
      `INSERT INTO orders (id, buyer_id, status, lines, fulfilments, currency, total, paid, captured, refund_requested, refunded,
         shipping_address, pay_by, created_at, updated_at, revision, position)
       VALUES ($1, $1, 'pending', '[]', jsonb_build_object($2::text, '{}'::jsonb), 'EUR', 0, false, 0, 0, 0, '', now(), now(), now(), 0, 1)`,
      [id, store],
    );
    return id;
  };
  const storesOf = async (id: string): Promise<unknown> =>
    (await pool.query<{ stores: unknown }>('SELECT store_ids AS stores FROM orders WHERE id = $1', [id])).rows[0]!
      .stores;

  it('become a column without the table being written anew, and later orders have it too', async () => {
    const old = await order('north');
    const file = async (): Promise<unknown> =>
      (await pool.query<{ file: unknown }>(`SELECT pg_relation_filenode('orders') AS file`)).rows[0]!.file;
    const before = await file();
    await migrateUp(database.url);
    expect(await file()).to.equal(before);
    expect(await storesOf(old)).to.deep.equal(['north']);
    const late = await order('south');
    expect(await storesOf(late)).to.deep.equal(['south']);
    await pool.query(`UPDATE orders SET fulfilments = '{"east": {}}' WHERE id = $1`, [late]);
    expect(await storesOf(late)).to.deep.equal(['east']);
    const { rows } = await pool.query(
      `SELECT attnotnull AS required, (SELECT indexdef FROM pg_indexes WHERE indexname = 'orders_stores') AS index
       FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attname = 'store_ids'`,
    );
    expect(rows[0]).to.have.property('required', true);
    expect(JSON.stringify(rows[0])).to.contain('store_ids jsonb_path_ops');
  });
});
