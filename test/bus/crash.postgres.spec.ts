import { expect } from 'chai';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createPostgresEventStore } from '../../src/eventstore/postgres/postgresEventStore.ts';
import type { EventStore } from '../../src/eventstore/eventStore.ts';
import { sandboxLedger } from '../../src/handlers/gateways/sandbox.ts';
import { createPool, type Pool } from '../../src/platform/postgres/pool.ts';
import { openShop } from '../handlers/shop.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { programArgs } from '../support/process.ts';
import { append, numbered, range } from './world.ts';

const SCRIPT = path.join(import.meta.dirname, 'consumerProcess.ts');

describe('bus · embedded · power cuts', () => {
  let database: TestDatabase;
  let pool: Pool;
  let store: EventStore;
  let children: ChildProcess[];

  beforeEach(async () => {
    children = [];
    database = await freshDatabase();
    pool = createPool({ url: database.url, name: 'crash', max: 5, int8: 'bigint' });
    store = await createPostgresEventStore({ url: database.url, unsafeWithoutFsync: true });
  });
  afterEach(async () => {
    await Promise.all(children.map((child) => kill(child)));
    await store.close();
    await pool.end();
    await database.drop();
  });

  const start = async (owner: string, what: string, failpoint?: string): Promise<ChildProcess> => {
    const given = failpoint === undefined ? [] : [failpoint];
    const child = spawn(process.execPath, [...programArgs(SCRIPT), database.url, owner, what, ...given], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    await once(child.stdout, 'data');
    return child;
  };
  async function kill(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  it('lose no event and no order, however often the power goes', async function () {
    this.timeout(60_000);
    await pool.query('CREATE TABLE seen (n bigserial, event_id uuid, stream text, revision bigint, owner text)');
    const streams = range(10).map((index) => `s${index}`);
    await append(
      store,
      range(60).flatMap((index) => streams.flatMap((name) => numbered(name, 1, 'Happened', index))),
    );
    const seen = async () =>
      (await pool.query<{ stream: string; revision: bigint }>('SELECT stream, revision FROM seen ORDER BY n')).rows;
    for (const round of range(3)) {
      const before = (await seen()).length;
      const child = await start(`round-${round}`, 'record');
      await eventually('it is in the midst of it', async () => (await seen()).length > before + 90);
      await kill(child);
    }
    await start('last', 'record');
    const distinct = async () => new Set((await seen()).map(({ stream, revision }) => `${stream}@${revision}`)).size;
    await eventually('everything was seen', async () => (await distinct()) === 600, 30_000);

    const all = await seen();
    for (const stream of streams) {
      const revisions = all
        .filter((event) => event.stream === `thing-${stream}`)
        .map(({ revision }) => Number(revision));
      const first = revisions.filter((revision, index) => revisions.indexOf(revision) === index);
      expect(first).to.deep.equal(range(60));
    }
    const owners = await pool.query<{ owners: number }>('SELECT count(DISTINCT owner)::int AS owners FROM seen');
    expect(owners.rows[0]!.owners).to.equal(4);
    expect(all.length).to.be.lessThan(900);
  });

  it('charge once when the power goes between the charge and its record', async function () {
    this.timeout(60_000);
    const shop = openShop(store);
    const { orderId, paymentId } = await shop.place();
    const doomed = await start('doomed', 'pay', 'payment:charged');
    if (doomed.signalCode === null) await once(doomed, 'exit');
    expect(doomed.signalCode).to.equal('SIGKILL');
    expect((await sandboxLedger(pool, [paymentId]))[0]).to.include({ status: 'captured', requests: 1 });
    expect((await shop.events('order', orderId)).map(({ type }) => type)).not.to.include('PaymentCaptured');

    await start('next', 'pay');
    await eventually('the order is paid', async () =>
      (await shop.events('order', orderId)).some(({ type }) => type === 'PaymentCaptured'),
    );
    expect((await sandboxLedger(pool, [paymentId]))[0]).to.include({ status: 'captured', requests: 1, refunds: 0 });
    expect((await shop.events('order', orderId)).map(({ type }) => type)).to.deep.equal([
      'OrderPlaced',
      'PaymentRequested',
      'PaymentCaptured',
    ]);
  });
});
