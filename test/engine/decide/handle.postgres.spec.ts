import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { createAggregates } from '../../../src/engine/decide/handle.ts';
import { isRefusal } from '../../../src/errors.ts';
import type { EventStore } from '../../../src/eventstore/eventStore.ts';
import { createPostgresEventStore } from '../../../src/eventstore/postgres/postgresEventStore.ts';
import { createSnapshots } from '../../../src/eventstore/snapshots.ts';
import { createPool, type Pool } from '../../../src/platform/postgres/pool.ts';
import { account, deposit, withdraw } from '../../support/account.ts';
import { freshDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';

describe('handle on a log in Postgres', () => {
  let database: TestDatabase;
  let stores: EventStore[];
  let pool: Pool;

  before(async () => {
    database = await freshDatabase();
    pool = createPool({ url: database.url, name: 'test', max: 2, int8: 'bigint' });
    stores = await Promise.all([1, 2, 3].map(() => createPostgresEventStore({ url: database.url })));
  });
  after(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await pool.end();
    await database.drop();
  });

  it('never overdraws with three processes on one stream, and loses nothing', async () => {
    const id = randomUUID();
    const processes = stores.map((store) => createAggregates({ store }));
    await processes[0]!.handle(account, id, deposit(100));
    let done = 0;
    await Promise.all(
      processes.flatMap((aggregates) =>
        Array.from({ length: 60 }, async () => {
          // Sends a command again under the same id after a temporary refusal, as a client would.
          const command = withdraw(1);
          for (;;) {
            try {
              await aggregates.handle(account, id, command, { repeatable: true });
              done += 1;
              return;
            } catch (error) {
              if (!isRefusal(error)) throw error;
              if (error.rule === 'NotCovered') return;
            }
          }
        }),
      ),
    );
    expect(done).to.equal(100);
    for (const aggregates of processes) {
      expect(await aggregates.load(account, id)).to.deep.include({
        state: { balance: 0, changes: 101 },
        revision: 100n,
      });
    }
  });

  it('starts a long stream from its snapshot', async () => {
    const id = randomUUID();
    const [store] = stores;
    const { epoch } = await store!.head();
    const snapshots = createSnapshots({ pool, epoch });
    const before = createAggregates({ store: store!, snapshots, snapshotEvery: 20 });
    for (let count = 0; count < 30; count += 1) await before.handle(account, id, deposit(1));
    const stream = `account-${id}`;
    await eventually('it is saved', async () => (await snapshots.load(stream, 1))?.revision === 19n);
    await pool.query(`UPDATE snapshots SET state = '{"balance": 1000, "changes": 20}' WHERE stream = $1`, [stream]);
    const after = createAggregates({ store: store!, snapshots, snapshotEvery: 20 });
    expect((await after.load(account, id)).state).to.deep.equal({ balance: 1010, changes: 30 });
  });
});
