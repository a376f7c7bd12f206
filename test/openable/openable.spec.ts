import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { disposeDataDirs } from '../support/embedded.ts';
import { eventually } from '../support/eventually.ts';
import { JWT_SECRET, must } from '../support/shop.ts';
import { expectSameAnswers, OPERATOR, signIn, type Kept } from './asking.ts';
import { filesOf, FIXTURES, readAnswers, readShop, unpackDataDir, type KeptShop } from './kept.ts';
import { placeOn, type Place } from './place.ts';
import { LEFT_BEHIND } from './questions.ts';

/** The first that was kept; it stays. */
const FIRST = 'd419bfe';
const PAID_MS = 15_000;
const TO = { shipping_address: '5 Abbey Road, London' };

/** Whoever has an account buys the bestseller, and the shop goes on from where it was. */
async function goesOn(place: Place, { accounts, bestseller, repeatable }: KeptShop): Promise<void> {
  const buyer = await signIn(place, accounts[repeatable.by]!);
  const ordersOf = async (): Promise<number> =>
    must(await buyer.call('GET', '/orders'), 200).body.meta.pagination.total_items as number;
  const before = await ordersOf();

  const { key, body, order } = repeatable;
  const again = must(await buyer.call('POST', '/orders', body, { 'idempotency-key': key }), 201);
  expect(again.data.id, 'a request from back then has no second effect').to.equal(order);
  expect(await ordersOf()).to.equal(before);

  const items = [{ product_id: bestseller.id, quantity: 2 }];
  const { id } = must(await buyer.call('POST', '/orders', { ...TO, items }), 201).data;
  const paid = await eventually(
    'a new order is paid',
    async () => {
      const { data } = must(await buyer.call('GET', `/orders/${id}`), 200);
      return data.status === 'paid' ? data : undefined;
    },
    PAID_MS,
  );
  expect(paid.shipping_address).to.equal(TO.shipping_address);
  expect(await ordersOf()).to.equal(before + 1);
  const { data: product } = must(await buyer.call('GET', `/products/${bestseller.id}`), 200);
  expect(product.stock.available).to.equal(bestseller.stock - 2);
}

const kept = readdirSync(FIXTURES);

describe('kept shops', () => {
  it('are there, the first of them too', () => {
    expect(kept).to.include(FIRST);
  });
});

for (const name of kept) {
  const shop = readShop(name);
  const answers = readAnswers(name);
  const byApi = answers.filter(({ as }) => as !== OPERATOR);
  const logHash = async (place: Place): Promise<KeptShop['log']> => {
    const { events, log_hash } = await place.json('export', '--hash');
    return { events, log_hash };
  };

  describe(`the data folder of a shop of ${name}`, function () {
    this.timeout(120_000);
    let place: Place;
    before(async () => {
      expect(answers).to.have.lengthOf(shop.answers);
      place = placeOn({ env: { DATA_DIR: await unpackDataDir(filesOf(name).data) } });
    });
    after(async () => {
      await place.stop();
      disposeDataDirs();
    });

    it('opens, with nothing happening by that, and answers as it did', async () => {
      await place.start();
      expect(await logHash(place)).to.deep.equal(shop.log);
      await expectSameAnswers(place, shop.accounts, answers);
    });

    it('answers the same from read models that were made anew', async () => {
      await place.run(['rebuild', '--all']);
      // Started again, so that nothing is answered from a cache.
      await place.start();
      await expectSameAnswers(place, shop.accounts, byApi);
    });

    it('goes on', () => goesOn(place, shop));
  });

  describe(`the export of a shop of ${name}`, function () {
    this.timeout(120_000);
    const isLeftBehind = ({ ask }: Kept): boolean => LEFT_BEHIND.some((one) => one === ask);
    let database: TestDatabase;
    let place: Place;
    before(async () => {
      database = await freshDatabase();
      place = placeOn({ env: { DATABASE_URL: database.url, MASTER_KEY: shop.masterKey, JWT_SECRET } });
    });
    after(async () => {
      await place.stop();
      await database.drop();
    });

    it('is imported into an empty shop, which then answers as that one did', async () => {
      const { events, log_hash } = await place.json('import', 'events', filesOf(name).log, '--handlers', 'from-here');
      expect({ events, log_hash }).to.deep.equal(shop.log);
      const [hash] = await Promise.all([logHash(place), place.run(['rebuild', '--all'])]);
      expect(hash).to.deep.equal(shop.log);
      await place.start();
      await expectSameAnswers(
        place,
        shop.accounts,
        answers.filter((one) => !isLeftBehind(one)),
      );
    });

    it('leaves behind what the log does not say, and nothing else', async () => {
      const lost = answers.filter(isLeftBehind);
      expect(lost.map(({ ask }) => ask)).to.include.members([...LEFT_BEHIND]);
      const { john } = shop.accounts;
      const caller = await signIn(place, john!);
      expect(must(await caller.call('GET', LEFT_BEHIND[0]), 200).data).to.deep.equal([]);
      expect(await place.run(LEFT_BEHIND[1].split(' '))).to.equal('[]\n');
    });

    it('goes on', () => goesOn(place, shop));
  });
}
