import { expect } from 'chai';
import { createClaims } from '../../../src/http/api/idempotencyKeys.ts';
import { createPool, type Pool } from '../../../src/platform/postgres/pool.ts';
import { freshDatabase, type TestDatabase } from '../../support/database.ts';

describe('an idempotency key that has come more often than a hundred batches can hold', () => {
  let database: TestDatabase;
  let pool: Pool;

  before(async () => {
    database = await freshDatabase();
    pool = createPool({ url: database.url, name: 'test', max: 3, int8: 'bigint' });
  });
  after(async () => {
    await pool.end();
    await database.drop();
  });

  const expired = (count: number): Promise<unknown> =>
    pool.query(
      `INSERT INTO idempotency_keys (account, key, request_hash, created_at)
       SELECT 'a', n::text, '', now() - interval '25 hours' FROM generate_series(1, $1::int) n`,
      [count],
    );
  const left = async (): Promise<number> =>
    (await pool.query<{ count: number }>(`SELECT count(*)::int AS count FROM idempotency_keys WHERE account = 'a'`))
      .rows[0]!.count;
  afterEach(() => pool.query(`DELETE FROM idempotency_keys WHERE account = 'a'`));

  it('is forgotten in one turn all the same', async function () {
    this.timeout(60_000);
    await expired(101_500);
    expect(await createClaims(pool, 'test').purge()).to.be.at.least(101_500);
    expect(await left()).to.equal(0);
  });

  it('is forgotten by the next turn when this one has had its time, or the process stops', async () => {
    await expired(2_500);
    const claims = createClaims(pool, 'test');
    expect(await claims.purge({ turnMs: 0 })).to.equal(1_000);
    expect(await claims.purge({ signal: AbortSignal.abort() })).to.equal(0);
    expect(await left()).to.equal(1_500);
  });

  it('is no reason for two processes to wait for each other', async () => {
    await expired(1_500);
    const other = await pool.connect();
    try {
      await other.query('BEGIN');
      await other.query(`SELECT 1 FROM idempotency_keys WHERE account = 'a' ORDER BY created_at LIMIT 500 FOR UPDATE`);
      expect(await createClaims(pool, 'test').purge()).to.equal(1_000);
    } finally {
      await other.query('ROLLBACK');
      other.release();
    }
  });
});
