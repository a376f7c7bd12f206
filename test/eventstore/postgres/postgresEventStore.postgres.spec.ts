import { expect } from 'chai';
import pg from 'pg';
import { isRefusal } from '../../../src/errors.ts';
import { NO_STREAM, type AppendResult, type EventStore, type NewEvent } from '../../../src/eventstore/eventStore.ts';
import { createPostgresEventStore } from '../../../src/eventstore/postgres/postgresEventStore.ts';
import { POLL_MS } from '../../../src/eventstore/tail.ts';
import { poisonOf, upcasting } from '../../../src/eventstore/upcast.ts';
import { createLogger } from '../../../src/platform/log.ts';
import { startEmbeddedPostgres } from '../../../src/platform/postgres/embedded.ts';
import { migrateUp } from '../../../src/platform/postgres/migrate.ts';
import { freshDatabase, type TestDatabase } from '../../support/database.ts';
import { disposeDataDirs, newDataDir } from '../../support/embedded.ts';
import { eventually } from '../../support/eventually.ts';
import { following, newStream, thing, things, wholeLog } from '../../support/events.ts';
import { rejection } from '../../support/rejection.ts';
import { eventStoreContract } from '../contract.ts';

const LOCK = 'SELECT pg_advisory_xact_lock(hashtextextended(current_schema(), 7216031905432817))';

async function createLog(): Promise<{ open(): Promise<EventStore>; remove(): Promise<void> }> {
  const database = await freshDatabase();
  const stores: EventStore[] = [];
  return {
    async open() {
      const store = await createPostgresEventStore({ url: database.url });
      stores.push(store);
      return store;
    },
    async remove() {
      await Promise.all(stores.map((store) => store.close()));
      await database.drop();
    },
  };
}

eventStoreContract('in Postgres', createLog, { contiguous: true, shared: true, idsUniqueInLog: true });

describe('the log in Postgres', () => {
  let database: TestDatabase;
  let admin: pg.Client;
  let store: EventStore;

  beforeEach(async () => {
    database = await freshDatabase();
    admin = new pg.Client({ connectionString: database.url });
    await admin.connect();
    store = await createPostgresEventStore({ url: database.url });
  });
  afterEach(async () => {
    await store.close();
    await admin.end();
    await database.drop();
  });

  const terminate = (name: string): Promise<unknown> =>
    admin.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE $1`,
      [`cartulary ${name}`],
    );

  describe('whose connections are cut again and again', () => {
    it('appends each acknowledged event exactly once', async () => {
      const acknowledged: { stream: string; events: NewEvent[] }[] = [];
      let cuts = 0;
      // Cuts in the middle of the burst, and only after some appends have succeeded since the last cut.
      const cutter = (async () => {
        for (let next = 20; next < 640; next += 20, cuts += 1) {
          while (acknowledged.length < next) await new Promise(setImmediate);
          await terminate('log writer');
        }
      })();
      await Promise.all(
        Array.from({ length: 32 }, async () => {
          const stream = newStream();
          for (let revision = NO_STREAM; revision < 39n;) {
            const events = things(2);
            const result = await store.append(stream, revision, events);
            if (result.outcome !== 'appended')
              throw new Error(`${stream} conflicts at ${result.actual}, not ${revision}`);
            acknowledged.push({ stream, events });
            revision = result.revision;
          }
        }),
      );
      await cutter;
      expect(cuts).to.equal(31);
      const ids = (await wholeLog(store)).map(({ id }) => id).sort();
      expect(ids).to.deep.equal(acknowledged.flatMap(({ events }) => events.map(({ id }) => id)).sort());
    }).timeout(60_000);

    it('is followed to the end all the same', async () => {
      const follower = following(store, 0n);
      let written = 0;
      for (let round = 0; round < 15; round += 1) {
        await Promise.all(Array.from({ length: 20 }, () => store.append(newStream(), NO_STREAM, things(1))));
        written += 20;
        if (round % 3 === 0) await terminate('log %');
      }
      await eventually('it has it all', () => follower.seen.length === written);
      await follower.stop();
      expect(follower.seen.map(({ position }) => position)).to.deep.equal(
        Array.from({ length: written }, (_, index) => BigInt(index + 1)),
      );
    }).timeout(60_000);

    it('hears of other processes again', async () => {
      const follower = following(store, 0n);
      const other = await createPostgresEventStore({ url: database.url });
      for (let round = 1; round <= 3; round += 1) {
        await terminate('log listener');
        await other.append(newStream(), NO_STREAM, things(1));
        await eventually('it is told', () => follower.seen.length === round);
      }
      await follower.stop();
      await other.close();
    });
  });

  describe('that does not answer', () => {
    it('refuses within the deadline, and knows afterwards what became of it', async () => {
      const hasty = await createPostgresEventStore({ url: database.url, deadlineMs: 300 });
      const [stream, events] = [newStream(), things(2)];
      await admin.query('BEGIN');
      await admin.query(LOCK);
      const began = performance.now();
      const error = await rejection(hasty.append(stream, NO_STREAM, events));
      expect(isRefusal(error) && error.kind).to.equal('unavailable');
      expect(performance.now() - began).to.be.within(290, 2_000);
      await admin.query('COMMIT');
      const retried = await hasty.append(stream, NO_STREAM, events);
      expect(retried).to.deep.include({ outcome: 'appended', revision: 1n });
      expect(await hasty.read(stream)).to.have.lengthOf(2);
      await hasty.close();
    });

    it('is said to be unavailable by every call', async () => {
      const url = new URL(database.url);
      url.port = '1';
      const error = await rejection(createPostgresEventStore({ url: url.href }));
      expect(isRefusal(error) && error.kind).to.equal('unavailable');
    });

    it('waits for a backend that still runs what it had lost sight of', async () => {
      await admin.query(`
        CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END $$;
        CREATE TRIGGER slow AFTER INSERT ON events FOR EACH STATEMENT EXECUTE FUNCTION slow()`);
      const [stream, events] = [newStream(), things(1)];
      const first = store.append(stream, NO_STREAM, events);
      await eventually('it is under way', async () => {
        const { rows } = await admin.query(
          `SELECT 1 FROM pg_stat_activity WHERE query LIKE '%append_batch%' AND wait_event = 'PgSleep'`,
        );
        return rows.length > 0;
      });
      const other = await createPostgresEventStore({ url: database.url });
      const results: AppendResult[] = await Promise.all([first, other.append(stream, NO_STREAM, events)]);
      expect(results.map((result) => result.outcome === 'appended' && result.repeated)).to.deep.equal([false, true]);
      await other.close();
    });
  });

  describe('durability', () => {
    const setting = async (name: string): Promise<string> => {
      const { rows } = await admin.query<{ value: string }>(
        'SELECT value FROM seen_settings WHERE name = $1 ORDER BY at DESC LIMIT 1',
        [name],
      );
      return rows[0]!.value;
    };

    it('is insisted on where the database was told to do without', async () => {
      await admin.query(`
        CREATE TABLE seen_settings (name text, value text, at timestamptz DEFAULT clock_timestamp());
        CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          INSERT INTO seen_settings (name, value) VALUES ('synchronous_commit', current_setting('synchronous_commit'));
          RETURN NULL; END $$;
        CREATE TRIGGER look AFTER INSERT ON events FOR EACH STATEMENT EXECUTE FUNCTION look()`);
      await admin.query(`ALTER DATABASE ${admin.database} SET synchronous_commit = off`);
      const other = await createPostgresEventStore({ url: database.url });
      await other.append(newStream(), NO_STREAM, things(1));
      expect(await setting('synchronous_commit')).to.equal('on');
      await other.close();
    });

    it('cannot be had without fsync, so it does not start', async () => {
      const options = { dataDir: newDataDir(), log: createLogger('fatal'), settings: { fsync: 'off' } };
      const postgres = await startEmbeddedPostgres(options);
      try {
        await migrateUp(postgres.url);
        expect((await rejection(createPostgresEventStore({ url: postgres.url }))).message).to.include('fsync=off');
        await (await createPostgresEventStore({ url: postgres.url, unsafeWithoutFsync: true })).close();
      } finally {
        await postgres.stop();
        disposeDataDirs();
      }
    }).timeout(60_000);
  });

  it('fails loudly when events are missing, instead of passing over them', async () => {
    await store.append(newStream(), NO_STREAM, things(5));
    await admin.query('DELETE FROM events WHERE position = 3');
    expect((await rejection(store.readAll(0n))).message).to.equal('the log has a hole: 2 is followed by 4');
    const follower = following(store, 0n);
    expect((await rejection(follower.stop())).message).to.include('the log has a hole');
    expect(await store.readAll(3n)).to.have.lengthOf(2);
  });

  it('gives an event that it cannot understand to its readers, and fails only readers of its data', async () => {
    const stream = newStream();
    const strange = thing();
    const newer = { ...strange, metadata: { ...strange.metadata, schema: 99 } };
    const raised = upcasting(store, {});
    const follower = following(raised, 0n);
    await store.append(stream, NO_STREAM, [thing({ n: 0 }), newer, thing({ n: 2 })]);
    await eventually('it has it all', () => follower.seen.length === 3);
    await follower.stop();
    for (const events of [follower.seen, await raised.read(stream), await raised.readAll(0n)]) {
      expect(events.map(({ position, id }) => [position, id])[1]).to.deep.equal([2n, newer.id]);
      expect([events[0]!.data, events[2]!.data]).to.deep.equal([{ n: 0 }, { n: 2 }]);
      expect(() => events[1]!.data).to.throw('ThingHappened is of schema version 99');
      expect(() => events[1]!.metadata).to.throw('schema version 99');
      expect(poisonOf(events[1]!)?.data).to.equal('{"count":1}');
      expect(poisonOf(events[0]!)).to.equal(undefined);
    }
  });

  for (const [where, boundMs] of [
    ['the same process', 20],
    ['another process', POLL_MS / 4],
  ] as const) {
    it(`tells followers in ${where} long before they would look`, async () => {
      const writer = where === 'the same process' ? store : await createPostgresEventStore({ url: database.url });
      const follower = following(store, 0n);
      const lags: number[] = [];
      for (let round = 1; round <= 40; round += 1) {
        await writer.append(newStream(), NO_STREAM, things(1));
        const began = performance.now();
        await eventually('it is told', () => follower.seen.length >= round);
        lags.push(performance.now() - began);
      }
      await follower.stop();
      await writer.close();
      expect(lags.sort((a, b) => a - b)[20]).to.be.below(boundMs);
    });
  }
});
