import { expect } from 'chai';
import { migrateUp } from '../../src/platform/postgres/migrate.ts';
import { eventually } from '../support/eventually.ts';
import { trade } from '../support/foreign.ts';
import { muteProxy } from '../support/muteProxy.ts';
import { ownPostgres, type OwnPostgres } from '../support/ownPostgres.ts';
import { runCartulary } from '../support/process.ts';
import { JWT_SECRET, MASTER_KEY, must, request, serveShop, type Answer, type Caller } from '../support/shop.ts';
import { equip, strip, topology } from '../support/topology.ts';

const UNFIT_EXIT_CODE = 78;
const PATIENCE_MS = 60_000;

/** Waits until a standby has all that its primary has committed so far. */
async function untilLevel(primary: OwnPostgres, standby: OwnPostgres): Promise<void> {
  const [head] = await primary.sql('SELECT pg_current_wal_flush_lsn()::text AS lsn');
  const behind = `SELECT coalesce(pg_last_wal_replay_lsn() < '${String(head!['lsn'])}', true) AS behind`;
  await eventually(
    'the standby is level',
    async () => (await standby.sql(behind))[0]!['behind'] === false,
    PATIENCE_MS,
  );
}

/** A primary with the tables of a shop, and a standby that streams from it. */
async function startPair() {
  const primary = await ownPostgres();
  await migrateUp(primary.url);
  await primary.stop();
  const standby = await primary.copy();
  standby.becomeStandby(primary);
  await Promise.all([primary.start(), standby.start()]);
  await untilLevel(primary, standby);
  const stop = (): Promise<unknown> => Promise.all([primary.stop(), standby.stop()]);
  return { primary, standby, stop };
}

describe('a start on a standby', function () {
  this.timeout(180_000);
  let pair: Awaited<ReturnType<typeof startPair>>;
  const databases: string[] = [];
  before(async () => {
    pair = await startPair();
    const { url } = pair.standby;
    databases.push(url, Object.assign(new URL(url), { pathname: '/postgres' }).href);
    for (const database of databases) await equip(database);
  });
  after(async () => {
    for (const database of databases) await strip(database);
    await pair.stop();
  });

  const run = (url: string, ...args: string[]) =>
    runCartulary(args, { env: { DATABASE_URL: url, JWT_SECRET, MASTER_KEY, LOG_LEVEL: 'warn' } });
  async function refused(url: string, ...args: string[]): Promise<void> {
    const { code, output } = await run(url, ...args);
    expect(code, `${args.join(' ')}: ${output}`).to.equal(UNFIT_EXIT_CODE);
    expect(output).to.contain('The server is a standby, which cannot be written: connect to the primary.');
    expect(output).not.to.contain('read-only');
  }

  it('is refused by name, whether a shop is there or not, and works after the promotion', async () => {
    const [url, empty] = databases as [string, string];
    for (const args of [['serve'], ['migrate', 'down'], ['seed'], ['rebuild', '--all']]) await refused(url, ...args);
    for (const args of [['serve'], ['migrate', 'up']]) await refused(empty, ...args);
    await pair.standby.promote();
    const { code, output } = await run(url, 'rebuild', '--all');
    expect(code, output).to.equal(0);
  });
});

describe('a running shop at a failover', function () {
  this.timeout(240_000);
  let shop: Awaited<ReturnType<typeof serveShop>>;
  let person: Caller;
  const ended: (() => unknown)[] = [];
  async function serveOn(url: string): Promise<void> {
    await equip(url);
    ended.push(() => strip(url));
    shop = await serveShop(url, { LOG_LEVEL: 'fatal' });
    ended.push(() => shop.stop());
    person = await shop.people.buyer();
  }
  afterEach(async () => {
    for (const end of ended.splice(0).reverse()) await end();
  });

  const ready = async (): Promise<number> => (await fetch(`${shop.url}/readyz`)).status;
  const open = (): Promise<Answer> => person.call('POST', '/stores', { name: 'A store' }, { 'Idempotency-Key': 'one' });

  async function refusesWritesAndReadsOn(): Promise<void> {
    await eventually('it is not ready', async () => (await ready()) === 503, PATIENCE_MS);
    await eventually(
      'reads are answered',
      async () => (await request(shop.url, 'GET', '/products')).status === 200,
      PATIENCE_MS,
    );
    const refused = await open();
    expect(refused.status, refused.text).to.equal(503);
    expect(refused.body.type).to.equal('/problems/DatabaseUnavailable');
    expect(Number(refused.headers.get('retry-after'))).to.be.greaterThan(0);
    expect(await ready()).to.equal(503);
    expect((await fetch(`${shop.url}/livez`)).status).to.equal(200);
  }
  async function tradesAgain(): Promise<void> {
    await eventually('it is ready again', async () => (await ready()) === 200, PATIENCE_MS);
    await eventually('it takes changes again', async () => (await open()).status === 201, PATIENCE_MS);
    await trade(shop.people, 'Inkwell');
  }

  it('answers 503 to writes while its primary is a standby, reads on, and trades after the promotion', async () => {
    const server = await ownPostgres();
    ended.push(() => server.stop());
    await serveOn(server.url);
    const { buyer, order } = await trade(shop.people);
    await server.stop();
    server.becomeStandby();
    await server.start();
    await refusesWritesAndReadsOn();
    expect(must(await buyer.call('GET', `/orders/${order}`), 200).data.status).to.equal('paid');
    await server.promote();
    await tradesAgain();
  });

  it('goes on at the standby that takes the place of a crashed primary', async () => {
    const { primary, standby, stop } = await startPair();
    ended.push(stop);
    const address = await muteProxy(primary.url);
    ended.push(() => address.close());
    await serveOn(address.url);
    const { buyer, order } = await trade(shop.people);
    await untilLevel(primary, standby);
    await primary.crash();
    address.turnTo(standby.url);
    await refusesWritesAndReadsOn();
    await standby.promote();
    await tradesAgain();
    expect(must(await buyer.call('GET', `/orders/${order}`), 200).data.status).to.equal('paid');
  });

  // In the other topology the log is not in this database.
  if (topology() !== 'eventstore') {
    it('goes on where the standby had not got the last changes, without what it remembers of them', async () => {
      const { primary, standby, stop } = await startPair();
      ended.push(stop);
      const address = await muteProxy(primary.url);
      ended.push(() => address.close());
      await serveOn(address.url);
      const { seller, buyer, product } = await trade(shop.people);
      await untilLevel(primary, standby);
      await standby.stop();
      for (const name of ['Lost', 'Lost again', 'Lost at last']) {
        must(await person.call('PUT', '/users/me', { name }), 200);
        must(await seller.call('PUT', `/products/${product}`, { name }), 200);
      }
      await primary.crash();
      await standby.start();
      address.turnTo(standby.url);
      await standby.promote();
      await tradesAgain();
      const renamed = must(await person.call('PUT', '/users/me', { name: 'Kept' }), 200);
      expect(renamed.data.name).to.equal('Kept');
      must(await seller.call('PUT', `/products/${product}`, { price: '12.00' }), 200);
      expect(must(await buyer.call('GET', `/products/${product}`), 200).data).to.include({ price: 12, name: 'Quill' });
    });
  }
});
