import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { createSnapshots, type Snapshots } from '../../src/eventstore/snapshots.ts';
import { createPool, type Pool } from '../../src/platform/postgres/pool.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { newStream } from '../support/events.ts';

describe('snapshots in Postgres', () => {
  const epoch = randomUUID();
  let database: TestDatabase;
  let pool: Pool;
  let snapshots: Snapshots;
  const state = { total: 3, lines: [{ name: 'ü', none: null }] };

  before(async () => {
    database = await freshDatabase();
    pool = createPool({ url: database.url, name: 'test', max: 2, int8: 'bigint' });
    snapshots = createSnapshots({ pool, epoch });
  });
  after(async () => {
    await pool.end();
    await database.drop();
  });

  it('give back the state and its revision', async () => {
    const stream = newStream();
    expect(await snapshots.load(stream, 1)).to.equal(undefined);
    await snapshots.save(stream, 1, { revision: 2n ** 40n, state });
    expect(await snapshots.load(stream, 1)).to.deep.equal({ revision: 2n ** 40n, state });
  });

  it('are not seen by another version of the decider, nor by another log', async () => {
    const stream = newStream();
    await snapshots.save(stream, 1, { revision: 9n, state });
    expect(await snapshots.load(stream, 2)).to.equal(undefined);
    expect(await createSnapshots({ pool, epoch: randomUUID() }).load(stream, 1)).to.equal(undefined);
  });

  it('only ever move forward, unless the version or the log is another', async () => {
    const stream = newStream();
    await snapshots.save(stream, 1, { revision: 9n, state });
    await snapshots.save(stream, 1, { revision: 8n, state: {} });
    expect((await snapshots.load(stream, 1))?.revision).to.equal(9n);
    await snapshots.save(stream, 2, { revision: 5n, state });
    expect((await snapshots.load(stream, 2))?.revision).to.equal(5n);
  });

  it('never fail their callers', async () => {
    const closed = createPool({ url: database.url, name: 'test', max: 1, int8: 'bigint' });
    await closed.end();
    const failing = createSnapshots({ pool: closed, epoch });
    expect(await failing.load(newStream(), 1)).to.equal(undefined);
    await failing.save(newStream(), 1, { revision: 1n, state });
    await snapshots.save(newStream(), 1, { revision: 1n, state: { impossible: 1n } });
  });
});
