import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { PURGES, purge } from '../../src/handlers/purges.ts';
import { createPool, type Pool } from '../../src/platform/postgres/pool.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

/** Tables of the machinery that migrates. */
const OF_MIGRATIONS = /migration/;
const TABLES = `SELECT table_name AS name FROM information_schema.tables
  WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'`;

describe('what an erasure purges', () => {
  let database: TestDatabase;
  let pool: Pool;
  before(async () => {
    database = await freshDatabase();
    pool = createPool({ url: database.url, name: 'purges', max: 1, int8: 'bigint' });
  });
  after(async () => {
    await pool.end();
    await database.drop();
  });

  it('is said for every table that the migrations make', async () => {
    const { rows } = await pool.query<{ name: string }>(TABLES);
    const tables = rows.map(({ name }) => name).filter((name) => !OF_MIGRATIONS.test(name));
    expect(tables.length).to.be.greaterThan(20);
    expect(Object.keys(PURGES).sort()).to.deep.equal(tables.sort());
  });

  it('is purged by statements that Postgres takes, again and again', async () => {
    const person = randomUUID();
    await purge(pool, person);
    await purge(pool, person);
  });
});
