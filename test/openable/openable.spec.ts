import { readdirSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { createLogHash } from '../../src/backup/format.ts';
import { contentOfLine, readExport } from '../../src/backup/readExport.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { disposeDataDirs } from '../support/embedded.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/process.ts';
import { JWT_SECRET, must, type Json } from '../support/shop.ts';
import { expectSameAnswers, OPERATOR, signIn, type Kept } from './asking.ts';
import { filesOf, FIXTURES, readAnswers, readShop, unpackDataDir, type KeptShop } from './kept.ts';
import { withPages } from './pages.ts';
import { placeOn, type Place } from './place.ts';
import { LEFT_BEHIND } from './questions.ts';
import { withSellersParts } from './sellersPart.ts';
import { withMovedTags } from './tags.ts';

/** The first shop that was kept. It is never removed. */
const FIRST = 'd419bfe';
/** Shops from before a log recorded its currency, sellers saw only their part of an order, and carts marked what cannot be bought. */
const EARLIER = new Set([FIRST]);
/** Queries that read the log alone; a rebuild changes nothing for them. */
const FROM_THE_LOG = /\/history|[?&](?:revision|as_of)=/;
const TIMEOUT_MS = 240_000;
const FOLLOWED_MS = 15_000;
const BOUGHT = 2;
const TO = { shipping_address: '5 Abbey Road, London' };

type Buyer = Awaited<ReturnType<typeof signIn>>;

const countOrders = async (buyer: Buyer): Promise<number> =>
  must(await buyer.call('GET', '/orders'), 200).body.meta.pagination.total_items as number;

/** Repeats the kept request that placed an order. */
async function repeat(buyer: Buyer, { repeatable: { key, body, order } }: KeptShop): Promise<void> {
  const before = await countOrders(buyer);
  const again = must(await buyer.call('POST', '/orders', body, { 'idempotency-key': key }), 201);
  expect(again.data.id, 'the order of a repeated request').to.equal(order);
  expect(await countOrders(buyer), 'orders after a repeated request').to.equal(before);
}

async function buy(buyer: Buyer, productId: string): Promise<void> {
  const before = await countOrders(buyer);
  const items = [{ product_id: productId, quantity: BOUGHT }];
  const { id } = must(await buyer.call('POST', '/orders', { ...TO, items }), 201).data;
  const paid = await eventually(
    'a new order is paid',
    async () => {
      const { data } = must(await buyer.call('GET', `/orders/${id}`), 200);
      return data.status === 'paid' ? data : undefined;
    },
    FOLLOWED_MS,
  );
  expect(paid.shipping_address).to.equal(TO.shipping_address);
  expect(await countOrders(buyer)).to.equal(before + 1);
}

/** Checks that a kept request has no second effect, that a new order is paid, and that a kept order ships the stock that it holds. */
async function goesOn(place: Place, shop: KeptShop): Promise<void> {
  const { accounts, repeatable, bestseller, underway } = shop;
  const buyer = await signIn(place, accounts[repeatable.by]!);
  await repeat(buyer, shop);
  await buy(buyer, bestseller.id);
  const seller = await signIn(place, accounts[underway.by]!);
  for (const status of ['shipping', 'shipped', 'completed']) {
    must(await seller.call('PUT', `/orders/${underway.order}/status`, { status }), 200);
  }
  const expected = {
    available: bestseller.available - BOUGHT,
    reserved: bestseller.reserved + BOUGHT - underway.quantity,
  };
  let stock: Json;
  const isShipped = async (): Promise<boolean> => {
    stock = must(await seller.call('GET', `/products/${bestseller.id}/stock`), 200).data;
    return stock.reserved === expected.reserved;
  };
  await eventually('what is shipped is reserved no more', isShipped, FOLLOWED_MS).catch((error: unknown) => {
    throw new Error(`the stock is ${JSON.stringify(stock)}`, { cause: error });
  });
  expect(stock).to.include(expected);
}

const kept = readdirSync(FIXTURES);

describe('kept shops', () => {
  it('include the first one', () => {
    expect(kept).to.include(FIRST);
  });
});

for (const name of kept) {
  const shop = readShop(name);
  const isEarlier = EARLIER.has(name);
  const answers = withPages(isEarlier ? withSellersParts(readAnswers(name)) : readAnswers(name));
  const fromReadModels = answers.filter(({ as, ask }) => as !== OPERATOR && !FROM_THE_LOG.test(ask));
  /** The answers from read models that were made anew. Kept shops after the first one were made with moved tags. */
  const madeAnew = (some: readonly Kept[]): readonly Kept[] => (name === FIRST ? withMovedTags(some) : some);
  const logHash = async (place: Place): Promise<KeptShop['log']> => {
    const { events, log_hash } = await place.json('export', '--hash');
    return { events, log_hash };
  };
  /** Reads the log as an export: the kept events, and what came after them. */
  const keptAndNew = async (place: Place): Promise<{ log: KeptShop['log']; after: unknown[] }> => {
    const file = path.join(temporaryFolder('openable'), 'shop.ndjson');
    await place.run(['export', file]);
    const hash = createLogHash();
    const after: unknown[] = [];
    for await (const line of readExport(file)) {
      if (line.kind !== 'event') continue;
      const { data, metadata } = contentOfLine(line.event);
      if (hash.events < shop.log.events) hash.add(line.event, data, metadata);
      else after.push({ type: line.event.type, data: line.event.data });
    }
    return { log: { events: hash.events, log_hash: hash.value() }, after };
  };

  describe(`the data folder of a shop of ${name}`, function () {
    this.timeout(TIMEOUT_MS);
    let place: Place;
    before(async () => {
      expect(answers).to.have.lengthOf(shop.answers);
      place = placeOn({ env: { DATA_DIR: await unpackDataDir(filesOf(name).data) } });
    });
    after(async () => {
      await place.stop();
      disposeDataDirs();
    });

    it(`opens, ${isEarlier ? 'records its currency once and appends nothing else' : 'appends nothing'} by opening, and answers as it did`, async () => {
      await place.start();
      await place.start();
      const after = isEarlier ? [{ type: 'CurrencyChosen', data: { currency: 'USD' } }] : [];
      expect(await keptAndNew(place)).to.deep.equal({ log: shop.log, after });
      await expectSameAnswers(place, shop.accounts, answers, { isEarlier });
    });

    it('answers the same from read models that were made anew', async () => {
      await place.run(['rebuild', '--all']);
      // Restarts the shop, so that no answer comes from a cache.
      await place.start();
      await expectSameAnswers(place, shop.accounts, madeAnew(fromReadModels), { isEarlier });
    });

    it('takes a new order, ships a kept one and repeats none', () => goesOn(place, shop));
  });

  describe(`the export of a shop of ${name}`, function () {
    this.timeout(TIMEOUT_MS);
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
      const moved = answers.filter((one) => !isLeftBehind(one));
      await expectSameAnswers(place, shop.accounts, madeAnew(moved), { isEarlier });
    });

    it('leaves behind what the log does not say, and nothing else', async () => {
      const lost = answers.filter(isLeftBehind);
      expect(lost.map(({ ask }) => ask)).to.include.members([...LEFT_BEHIND]);
      const { john } = shop.accounts;
      const caller = await signIn(place, john!);
      expect(must(await caller.call('GET', LEFT_BEHIND[0]), 200).data).to.deep.equal([]);
      expect(await place.run(LEFT_BEHIND[1].split(' '))).to.equal('[]\n');
    });

    it('takes a new order, ships a kept one and repeats none', () => goesOn(place, shop));
  });
}
