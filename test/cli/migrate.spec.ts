import { expect } from 'chai';
import { createPool, type Pool } from '../../src/platform/postgres/pool.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { request, serveShop, serveShopApart } from '../support/shop.ts';
import { programOn } from './world.ts';

const READ_MODELS = '0003_read_models';
const LOG = '0001_log';
const DOWNS_MAX = 100;

describe('cartulary migrate down', function () {
  this.timeout(180_000);
  let database: TestDatabase;
  let pool: Pool;
  let run: ReturnType<typeof programOn>;
  beforeEach(async () => {
    database = await freshDatabase();
    pool = createPool({ url: database.url, name: 'test', max: 1, int8: 'number' });
    run = programOn(database.url);
  });
  afterEach(async () => {
    await pool.end();
    await database.drop();
  });

  const status = async () =>
    JSON.parse((await run(['migrate', 'status', '--json'])).answer) as { applied: string[]; pending: string[] };
  /** Takes migrations back, one after the other, until this one is the last that is applied. */
  async function downTo(last: string): Promise<void> {
    for (let n = 0; n < DOWNS_MAX && (await status()).applied.at(-1) !== last; n += 1) {
      const { code, output } = await run(['migrate', 'down']);
      expect(code, output).to.equal(0);
    }
  }
  const keys = async () => (await pool.query('SELECT subject FROM subject_keys ORDER BY subject')).rows;

  it('is refused beside a running shop, however often it is tried', async () => {
    const shop = await serveShop(database.url);
    try {
      await shop.people.seller();
      const before = { ...(await status()), keys: await keys() };
      for (let time = 1; time <= 3; time += 1) {
        const { code, output } = await run(['migrate', 'down']);
        expect(code, output).to.equal(1);
        expect(output).to.match(/beside a running shop .*Stop it first/);
      }
      expect({ ...(await status()), keys: await keys() }).to.deep.equal(before);
    } finally {
      await shop.stop();
    }
  });

  it('is refused beside a process that serves HTTP and follows nothing', async () => {
    const { process } = await serveShopApart(database.url, { ROLES: 'http' });
    const beside = await run(['migrate', 'down']);
    expect(beside.code, beside.output).to.equal(1);
    expect(beside.output).to.contain('Stop it first');
    await process().end('SIGTERM');
    const { code, output } = await run(['migrate', 'down']);
    expect(code, output).to.equal(0);
  });

  it('takes back one migration at a time, and lets read models that came back empty fill again', async () => {
    const shop = await serveShop(database.url);
    const product = await shop.people.product(await shop.people.seller(), await shop.people.category());
    await shop.stop();
    const { applied } = await status();
    const { answer } = await run(['migrate', 'down']);
    expect(answer.trim()).to.equal(`took back ${applied.at(-1)}`);
    expect((await status()).applied).to.deep.equal(applied.slice(0, -1));
    await downTo('0002_followers');
    const up = await run(['migrate', 'up']);
    expect(up.code, up.output).to.equal(0);
    expect(up.answer).to.contain(`applied ${READ_MODELS}`);
    const again = await serveShop(database.url);
    try {
      const found = await eventually('the product is there again', async () => {
        const answered = await request(again.url, 'GET', `/products/${product}`);
        return answered.status === 200 ? answered.data : undefined;
      });
      expect(found).to.include({ name: 'Quill' });
    } finally {
      await again.stop();
    }
  });

  it('never deletes the log unless the name of the database is given', async () => {
    const shop = await serveShop(database.url);
    await shop.people.seller();
    await shop.stop();
    await downTo(LOG);
    const before = await keys();
    expect(before).not.to.have.length(0);
    const name = new URL(database.url).pathname.slice(1);
    for (const args of [[], ['--destroy-log', 'another'], ['--destroy-log', '']]) {
      const { code, output } = await run(['migrate', 'down', ...args]);
      expect(code, output).to.equal(1);
      expect(output).to.contain(name);
      expect(await keys()).to.deep.equal(before);
    }
    expect((await run(['migrate', 'down', '--destroy-log'])).code).to.equal(2);
    const meant = await run(['migrate', 'down', '--destroy-log', name]);
    expect(meant.code, meant.output).to.equal(0);
    expect(meant.answer.trim()).to.equal(`took back ${LOG}`);
    expect((await pool.query(`SELECT to_regclass('events') AS events`)).rows).to.deep.equal([{ events: null }]);
  });

  it('needs no name where the log is empty', async () => {
    await downTo(LOG);
    const { code, output } = await run(['migrate', 'down']);
    expect(code, output).to.equal(0);
  });

  it('leaves alone a database that a newer version has migrated', async () => {
    await pool.query(`INSERT INTO migrations (name, batch, migration_time) VALUES ('9999_newer', 9, now())`);
    for (const args of [
      ['migrate', 'down'],
      ['migrate', 'up'],
    ]) {
      const { code, output } = await run(args);
      expect(code, output).to.equal(1);
      expect(output).to.contain('A newer version has migrated this database (9999_newer)');
    }
    await pool.query('SELECT 1 FROM events LIMIT 1');
  });
});
