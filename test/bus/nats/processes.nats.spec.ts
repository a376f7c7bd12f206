import { expect } from 'chai';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createPostgresEventStore } from '../../../src/eventstore/postgres/postgresEventStore.ts';
import type { EventStore } from '../../../src/eventstore/eventStore.ts';
import { createPool, type Pool } from '../../../src/platform/postgres/pool.ts';
import { freshDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { programArgs } from '../../support/process.ts';
import { append, numbered, range } from '../world.ts';

const SCRIPT = path.join(import.meta.dirname, '../consumerProcess.ts');
/** A lease outlives a frozen owner by 8 s. The rest is slack for a loaded machine. */
const TAKEN_OVER_MS = 30_000;

describe('bus · NATS JetStream · two processes', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  let pool: Pool;
  let store: EventStore;
  let children: ChildProcess[];

  beforeEach(async () => {
    children = [];
    database = await freshDatabase();
    pool = createPool({ url: database.url, name: 'crash', max: 5, int8: 'bigint' });
    store = await createPostgresEventStore({ url: database.url, unsafeWithoutFsync: true });
    await pool.query('CREATE TABLE seen (n bigserial, event_id uuid, stream text, revision bigint, owner text)');
  });
  afterEach(async () => {
    await Promise.all(children.map((child) => kill(child)));
    await store.close();
    await pool.end();
    await database.drop();
  });

  async function start(owner: string): Promise<ChildProcess> {
    const nats = `${process.env['TEST_NATS_URL']!}/processes-${process.pid}`;
    const child = spawn(process.execPath, [...programArgs(SCRIPT), database.url, owner, 'record', nats], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    await once(child.stdout, 'data');
    return child;
  }
  async function kill(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
  const seen = async () =>
    (
      await pool.query<{ stream: string; revision: bigint; owner: string }>(
        'SELECT stream, revision, owner FROM seen ORDER BY n',
      )
    ).rows;

  for (const [signal, fate] of [
    ['SIGKILL', 'killed'],
    ['SIGSTOP', 'frozen, and thawed when another has taken over'],
  ] as const) {
    it(`the owner ${fate}: the other goes on, loses nothing and keeps the order of streams`, async () => {
      const streams = range(8).map((index) => `s${index}`);
      const goOn = (from: number, to: number) =>
        append(
          store,
          range(to - from).flatMap((index) => streams.flatMap((name) => numbered(name, 1, 'Happened', from + index))),
        );
      const first = await start('one');
      await goOn(0, 5);
      await eventually('the first has begun', async () => (await seen()).length >= 10, TAKEN_OVER_MS);
      await start('two');
      const going = goOn(5, 40);
      await eventually('it is in the midst of it', async () => (await seen()).length > 60, TAKEN_OVER_MS);
      first.kill(signal);
      await going;
      const distinct = async () => new Set((await seen()).map(({ stream, revision }) => `${stream}@${revision}`)).size;
      await eventually('everything was seen', async () => (await distinct()) === 40 * streams.length, TAKEN_OVER_MS);
      first.kill('SIGCONT');

      const all = await seen();
      for (const stream of streams) {
        const had = all.filter((event) => event.stream === `thing-${stream}`).map(({ revision }) => Number(revision));
        expect(had.filter((revision, index) => had.indexOf(revision) === index)).to.deep.equal(range(40));
      }
      expect(new Set(all.map(({ owner }) => owner))).to.deep.equal(new Set(['one', 'two']));
    });
  }
});
