import { expect } from 'chai';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { FOREIGN_SETTINGS, setDefaults, trade, type Trade } from '../support/foreign.ts';
import { runCartulary } from '../support/process.ts';
import { mustBeRebuilt } from '../support/rebuilt.ts';
import { JWT_SECRET, MASTER_KEY, must, serveShop } from '../support/shop.ts';

describe('a shop in a database with other defaults than Postgres has', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  let shop: Awaited<ReturnType<typeof serveShop>>;
  let traded: Trade;
  before(async () => {
    database = await freshDatabase({ migrated: false });
    await setDefaults(database.url, FOREIGN_SETTINGS);
    shop = await serveShop(database.url);
    traded = await trade(shop.people);
  });
  after(async () => {
    await shop.stop();
    await database.drop();
  });

  const run = (...args: string[]) =>
    runCartulary(args, { env: { DATABASE_URL: database.url, JWT_SECRET, MASTER_KEY, LOG_LEVEL: 'warn' } });

  it('answers the instants, sums and states that it would answer elsewhere', async () => {
    const { buyer, order } = traded;
    const { data } = must(await buyer.call('GET', `/orders/${order}`), 200);
    expect(data.status).to.equal('paid');
    expect(data.total).to.equal(20);
    expect(data.created_at).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(Math.abs(Date.now() - Date.parse(data.created_at as string))).to.be.below(60_000);
  });

  it('refuses no order of a crowd for the isolation level of the database', async () => {
    const { product } = traded;
    const buyers = await Promise.all(Array.from({ length: 8 }, (_, n) => shop.people.buyer(`crowd-${n}`)));
    const statuses: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      const answers = await Promise.all(
        buyers.map((buyer) =>
          buyer.call('POST', '/orders', {
            shipping_address: '1 Abbey Road',
            items: [{ product_id: product, quantity: 1 }],
          }),
        ),
      );
      statuses.push(...answers.map(({ status }) => status));
    }
    expect(statuses.filter((status) => status >= 500)).to.deep.equal([]);
  });

  it('is rebuilt and migrated like any other', async () => {
    mustBeRebuilt(await run('rebuild', '--all', '--json'));
    const status = await run('migrate', 'status');
    expect(status.code, status.output).to.equal(0);
    expect(status.answer).not.to.contain('pending');
  });
});
