import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { createAggregates } from '../../src/engine/decide/handle.ts';
import { createSnapshots, type Snapshots } from '../../src/eventstore/snapshots.ts';
import { createPool, type Pool } from '../../src/platform/postgres/pool.ts';
import { account, deposit } from '../support/account.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { newStream } from '../support/events.ts';
import { eventually } from '../support/eventually.ts';
import { createMemoryEventStore } from '../support/memoryStore.ts';

describe('snapshots in Postgres', () => {
  const epoch = randomUUID();
  let database: TestDatabase;
  let pool: Pool;
  let snapshots: Snapshots;
  const eventId = randomUUID();
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
    await snapshots.save(stream, 1, { revision: 2n ** 40n, eventId, state });
    expect(await snapshots.load(stream, 1)).to.deep.equal({ revision: 2n ** 40n, eventId, state });
  });

  it('are not seen by another version of the decider, nor by another log', async () => {
    const stream = newStream();
    await snapshots.save(stream, 1, { revision: 9n, eventId, state });
    expect(await snapshots.load(stream, 2)).to.equal(undefined);
    expect(await createSnapshots({ pool, epoch: randomUUID() }).load(stream, 1)).to.equal(undefined);
  });

  it('only ever move forward, unless the version or the log is another', async () => {
    const stream = newStream();
    await snapshots.save(stream, 1, { revision: 9n, eventId, state });
    await snapshots.save(stream, 1, { revision: 8n, eventId, state: {} });
    expect((await snapshots.load(stream, 1))?.revision).to.equal(9n);
    await snapshots.save(stream, 2, { revision: 5n, eventId, state });
    expect((await snapshots.load(stream, 2))?.revision).to.equal(5n);
  });

  it('are not given without the event they stand on, and are made anew at any revision', async () => {
    const stream = newStream();
    await snapshots.save(stream, 1, { revision: 9n, eventId, state });
    await pool.query('UPDATE snapshots SET event_id = NULL WHERE stream = $1', [stream]);
    expect(await snapshots.load(stream, 1)).to.equal(undefined);
    await snapshots.save(stream, 1, { revision: 7n, eventId, state });
    expect(await snapshots.load(stream, 1)).to.deep.equal({ revision: 7n, eventId, state });
  });

  it('of a log that was restored and grew again are not trusted', async () => {
    const id = randomUUID();
    const stream = `account-${id}`;
    const snapshotEvery = 10;
    const restored = createMemoryEventStore();
    for (const [store, amount] of [
      [createMemoryEventStore(), 100],
      [restored, 1],
    ] as const) {
      const saving = store === restored ? {} : { snapshots, snapshotEvery };
      const aggregates = createAggregates({ store, ...saving });
      for (let count = 0; count < 15; count += 1) await aggregates.handle(account, id, deposit(amount));
    }
    await eventually('it is saved', async () => (await snapshots.load(stream, 1))?.revision === 9n);

    const loaded = await createAggregates({ store: restored, snapshots, snapshotEvery }).load(account, id);

    expect(loaded.state).to.deep.equal({ balance: 15, changes: 15 });
    await eventually('it is made anew', async () => (await snapshots.load(stream, 1))?.revision === 14n);
    const again = await createAggregates({ store: restored, snapshots, snapshotEvery }).load(account, id);
    expect(again.state).to.deep.equal({ balance: 15, changes: 15 });
  });

  it('never fail their callers', async () => {
    const closed = createPool({ url: database.url, name: 'test', max: 1, int8: 'bigint' });
    await closed.end();
    const failing = createSnapshots({ pool: closed, epoch });
    expect(await failing.load(newStream(), 1)).to.equal(undefined);
    await failing.save(newStream(), 1, { revision: 1n, eventId, state });
    await snapshots.save(newStream(), 1, { revision: 1n, eventId, state: { impossible: 1n } });
  });
});
