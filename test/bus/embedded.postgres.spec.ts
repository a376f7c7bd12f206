import { expect } from 'chai';
import { pino } from 'pino';
import { createEmbeddedBus } from '../../src/bus/consumers.ts';
import type { EventStore } from '../../src/eventstore/eventStore.ts';
import { complete, upcasting } from '../../src/eventstore/upcast.ts';
import { createPostgresEventStore } from '../../src/eventstore/postgres/postgresEventStore.ts';
import { acquireLease } from '../../src/engine/follow/lease.ts';
import { PRESENCE_LOCK } from '../../src/engine/follow/liveness.ts';
import { createPool } from '../../src/platform/postgres/pool.ts';
import { createMemoryEventStore, SPARSE } from '../support/memoryStore.ts';
import { freshDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { append, busBench, CONSUMER, numbered, range, recorder, type BusWorld } from './world.ts';
import { busContract } from './contract.ts';

const log = pino({ level: process.env['TEST_LOG'] ?? 'silent' });

async function openOn(storeOf: (url: string) => Promise<EventStore>): Promise<BusWorld> {
  const database = await freshDatabase();
  const pool = createPool({ url: database.url, name: 'bus', max: 10, int8: 'bigint' });
  const store = upcasting(await storeOf(database.url), {});
  return {
    store,
    pool,
    bus: ({ owner = 'first', retry = {}, patienceMs } = {}) =>
      createEmbeddedBus({
        pool,
        store,
        owner,
        log,
        retry: { attemptsMax: 3, delayMs: 5, delayMaxMs: 1_000, timeoutMs: 10_000, ...retry },
        limits: { pollMs: 30, saveMs: 20, stopMs: 200 },
        ...(patienceMs === undefined ? {} : { patienceMs }),
      }),
    async close() {
      await store.close();
      await pool.end();
      await database.drop();
    },
  };
}

const open = (): Promise<BusWorld> => openOn((url) => createPostgresEventStore({ url, unsafeWithoutFsync: true }));

busContract('embedded', open);
busContract('embedded, on positions that do not count events', () =>
  openOn(() => Promise.resolve(createMemoryEventStore({ stride: SPARSE }))),
);

describe('bus · embedded · its database', () => {
  const bench = busBench(open);

  it('may break every connection: nothing is lost and no order is broken', async () => {
    const { store, pool } = bench.world;
    const seen = recorder();
    const bus = await bench.run(async ({ event }) => {
      await pool.query('SELECT 1');
      seen.finished.push(event);
    });
    const streams = range(6).map((index) => `s${index}`);
    for (const index of range(40)) {
      await append(
        store,
        streams.flatMap((name) => numbered(name, 1, 'Happened', index)),
      ).catch(() => undefined);
      if (index % 13 === 5) {
        await pool.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'cartulary bus'`,
        );
      }
    }
    await bench.caughtUp(bus);
    for (const stream of streams) {
      const had = seen.of(stream);
      expect(had.filter((value, index) => had.indexOf(value) === index)).to.deep.equal(range(40));
    }
    const letters = await bench.letters();
    expect(letters).to.deep.equal([]);
  });

  it('lets no process save whose lease was taken over, and lets it own the consumer again later', async () => {
    const { store, pool } = bench.world;
    const seen = recorder();
    const bus = await bench.run(({ event }) => {
      seen.finished.push(event);
      return Promise.resolve();
    });
    await append(store, numbered('a', 3));
    await bench.caughtUp(bus);
    const position = async () =>
      (await pool.query<{ position: bigint }>('SELECT position FROM checkpoints WHERE name = $1', [name])).rows[0]!
        .position;
    const name = `consumer:${CONSUMER}`;
    await eventually('it has saved', async () => (await position()) === 3n);
    await pool.query(
      `UPDATE checkpoints SET owner = 'intruder', lease_epoch = lease_epoch + 1, lease_until = now() + interval '1 hour'
       WHERE name = $1`,
      [name],
    );
    // Holds the intruder's presence lock, so the intruder counts as alive. Its lease cannot be taken back as from a dead process.
    const intruder = await pool.connect();
    try {
      await intruder.query('SELECT pg_advisory_lock_shared($1, hashtext($2))', [PRESENCE_LOCK, 'intruder']);
      await append(store, numbered('a', 3, 'Happened', 3));
      await eventually('it has noticed', async () => (await bench.status(bus)).lastError?.includes('lost'));
      expect(await acquireLease(pool, { name, owner: 'third', store, log })).to.equal(undefined);
      expect(await position()).to.equal(3n);
    } finally {
      intruder.release(true);
    }
    await pool.query('UPDATE checkpoints SET owner = NULL, lease_until = NULL WHERE name = $1', [name]);
    await append(store, numbered('a', 1, 'Happened', 6));
    await eventually('it is the owner again', async () => (await position()) === 7n);
    expect([...new Set(seen.of('a'))]).to.deep.equal(range(7));
  });
});

describe('bus · embedded · an event that only a newer version knows', () => {
  const bench = busBench(open);

  it('stops a consumer before it, which leaves it to a consumer that knows it', async () => {
    const { pool, store } = bench.world;
    const busOf = (owner: string, types: readonly string[]) =>
      createEmbeddedBus({
        ...{ pool, owner, log, store: upcasting(store, complete({}, types)) },
        retry: { attemptsMax: 3, delayMs: 5, delayMaxMs: 1_000, timeoutMs: 10_000 },
        limits: { pollMs: 30, saveMs: 20, stopMs: 200 },
      });
    const [byOlder, byNewer] = [recorder(), recorder()];
    const subscription = (by: ReturnType<typeof recorder>, types: readonly string[]) => ({
      ...{ name: CONSUMER, types },
      handle: ({ event }: { event: (typeof by.finished)[number] }): Promise<void> => {
        by.finished.push(event);
        return Promise.resolve();
      },
    });
    const older = busOf('older', ['Happened']);
    older.subscribe(subscription(byOlder, ['Happened']));
    await older.start();
    bench.started(older);
    await append(store, numbered('a', 2));
    await append(store, numbered('a', 1, 'Blessed', 2));
    await append(store, numbered('b', 1));
    await eventually('it says why it stops', async () => (await older.status())[0]?.lastError?.includes('Blessed'));
    expect(byOlder.of('b')).to.deep.equal([]);
    const newer = busOf('newer', ['Happened', 'Blessed']);
    newer.subscribe(subscription(byNewer, ['Happened', 'Blessed']));
    await newer.start();
    bench.started(newer);
    await eventually('another has taken over', () => byNewer.of('b').length === 1);
    expect([...byOlder.of('a'), ...byNewer.of('a')], 'each once, in order').to.deep.equal([0, 1, 2]);
    expect(byOlder.of('a')).to.not.include(2);
    expect(await bench.letters()).to.deep.equal([]);
  });
});
