import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import type { RecordedEvent } from '../../src/eventstore/eventStore.ts';
import { orderStatus } from '../../src/aggregates/fulfilment.ts';
import { ASSORTMENTS } from '../../src/cli/seedCatalogue.ts';
import { planShop, SCALES } from '../../src/cli/seedPlan.ts';
import { sandboxLedger } from '../../src/handlers/gateways/sandbox.ts';
import { wholeLog } from '../support/events.ts';
import { eventually } from '../support/eventually.ts';
import { spawnCartulary } from '../support/process.ts';
import { JWT_SECRET, MASTER_KEY, serveShopApart } from '../support/shop.ts';
import { openWorld, perform, type World } from './world.ts';

const LOOK_MS = 100;
const SMALL = ['seed', '--scale', 'small'];

describe('The plan of a seeded shop', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(planShop(1, 'full')).to.deep.equal(planShop(1, 'full'));
    expect(planShop(1, 'full').orders).not.to.deep.equal(planShop(2, 'full').orders);
  });

  it('names every product once, in a category it belongs to, at a price of that category', () => {
    const { products } = planShop(1, 'full');
    expect(new Set(products.map(({ name, category }) => `${category}: ${name}`)).size).to.equal(products.length);
    for (const { category, price } of products) {
      const { prices } = ASSORTMENTS.find(({ name }) => name === category)!;
      expect(Number(price)).to.be.within(prices[0], prices[1] + 1);
      expect(price).to.match(/^\d+\.\d\d$/);
    }
  });

  it('has names with accents and joined words, which a search finds by plain ones', () => {
    const has = (scale: 'small' | 'full', name: string): boolean =>
      planShop(1, scale).products.some((product) => product.name.includes(name));
    for (const name of ['Crème Brûlée', 'T-Shirt']) expect(has('small', name), name).to.equal(true);
    for (const name of ['Ångström', 'AC/DC']) expect(has('full', name), name).to.equal(true);
  });

  it('holds people with addresses of their own, and orders of every fate, most of them completed', () => {
    const { admin, stores, buyers, orders } = planShop(1, 'full');
    const emails = [admin, ...stores.map(({ owner }) => owner), ...buyers].map(({ email }) => email);
    expect(new Set(emails).size).to.equal(emails.length);
    const share = (fate: string): number => orders.filter((order) => order.fate === fate).length / orders.length;
    expect(share('completed')).to.be.within(0.5, 0.7);
    for (const fate of ['shipped', 'cancelled', 'declined', 'refunded']) expect(share(fate)).to.be.within(0.01, 0.2);
  });
});

describe('cartulary seed', function () {
  this.timeout(120_000);
  let world: World;

  const env = () => ({ DATABASE_URL: world.url, JWT_SECRET, MASTER_KEY, LOG_LEVEL: 'warn' });
  const number = async (table: string): Promise<number> =>
    (await world.shop.db.rows<{ number: number }>(`SELECT count(*)::int AS number FROM ${table}`))[0]!.number;
  const ids = (table: string) =>
    world.shop.db.rows<{ id: string }>(
      `SELECT id FROM ${table} WHERE ${table === 'products' ? 'listed' : 'true'} ORDER BY id`,
    );

  /** Checks that every order is paid at most once, that cancelled orders are refunded, and that no product is oversold. */
  async function mustAddUp(): Promise<void> {
    const orders = await world.shop.db.rows<{
      id: string;
      status: string;
      total: number;
      captured: number;
      refunded: number;
      fulfilments: Record<string, 'pending'>;
      paid: boolean;
    }>('SELECT * FROM orders');
    for (const { id, status, total, captured, refunded, fulfilments, paid } of orders) {
      expect(captured, id).to.be.oneOf([0, total]);
      if (status === 'cancelled') expect(refunded, id).to.equal(captured);
      else expect(status).to.equal(orderStatus({ cancelled: false, paid, fulfilments: Object.values(fulfilments) }));
    }
    const ledger = await sandboxLedger(world.shop.pool);
    expect(ledger.filter(({ status }) => status === 'captured').reduce((sum, { amount }) => sum + amount, 0)).to.equal(
      orders.reduce((sum, { captured }) => sum + captured, 0),
    );
    const [oversold] = await world.shop.db.rows('SELECT id FROM products WHERE on_hand < reserved OR reserved < 0');
    expect(oversold).to.equal(undefined);
  }

  describe('in an empty shop', () => {
    let first: Awaited<ReturnType<World['run']>>;
    before(async () => {
      world = await openWorld();
      first = await world.run(SMALL);
    });
    after(() => world.close());

    it('fills it by itself, and says how to log in', async () => {
      const { code, answer } = first;
      expect(code).to.equal(0);
      const { stores, categories, products, buyers, orders } = SCALES.small;
      expect(answer).to.contain(
        `added ${buyers + stores + 1} users, ${stores} stores, ${categories} categories, ${products} products, ${orders} orders`,
      );
      expect(await number('users')).to.equal(buyers + stores + 1);
      expect(await number('products')).to.equal(products);
      expect(await number('orders')).to.equal(orders);
      expect(answer).to.match(/^orders: \d+ completed, /m);
      expect(await number(`orders WHERE status = 'completed'`)).to.be.above(orders / 2);
      await mustAddUp();

      const password = /with the password (\S+) as/.exec(answer)?.[1];
      for (const role of ['admin', 'seller', 'buyer']) {
        const email = new RegExp(`^ +${role} +(\\S+)$`, 'm').exec(answer)?.[1];
        const context = world.people.as({ id: 'anonymous', role: 'anonymous' });
        const { user } = await perform('LogIn', { body: { email, password } }, context);
        expect(user.role).to.equal(role);
      }
    });

    it('adds nothing when it is run again, and says so', async () => {
      const { position } = await world.shop.store.head();
      const { code, answer } = await world.run(SMALL);
      expect(code).to.equal(0);
      expect(answer).to.contain('Seed 1 (small) was there already: nothing was added.');
      expect((await world.shop.store.head()).position).to.equal(position);
    });

    it('makes the same shop from the same number anywhere, and another one beside it from another', async () => {
      const [products, orders] = [await ids('products'), await ids('orders')];
      const elsewhere = await openWorld();
      try {
        await Promise.all([elsewhere.run(SMALL), world.run([...SMALL, '--seed', '2'])]);
        expect(await elsewhere.shop.db.rows('SELECT id FROM products WHERE listed ORDER BY id')).to.deep.equal(
          products,
        );
        expect(await elsewhere.shop.db.rows('SELECT id FROM orders ORDER BY id')).to.deep.equal(orders);
        expect(await ids('orders')).to.have.length(2 * orders.length);
      } finally {
        await elsewhere.close();
      }
    });
  });

  describe('beside others, or broken off', () => {
    beforeEach(async () => {
      world = await openWorld();
    });
    afterEach(() => world.close());

    it('works beside a server, which goes on afterwards', async () => {
      const server = await serveShopApart(world.url);
      const { code, answer, output } = await world.run(SMALL);
      expect(code).to.equal(0);
      expect(output).to.not.contain('Warning');
      expect(answer).to.contain(`${SCALES.small.orders} orders in`);
      const { people } = server;
      const buyer = await people.buyer('late');
      const [product] = await ids('products');
      const items = [{ product_id: product!.id, quantity: 1 }];
      const order = await buyer.call('POST', '/orders', { items, shipping_address: 'here' });
      await people.untilOrder(buyer, order.data.id as string, 'paid');
      await mustAddUp();
      await server.process().end('SIGTERM');
    });

    it('goes on where it was killed, and pays for nothing twice', async () => {
      const seen: RecordedEvent[] = [];
      for (const events of [60, 250, 500]) {
        const seeding = spawnCartulary(SMALL, { env: env() });
        await eventually(
          'some of it is there',
          async () => {
            seen.push(...(await wholeLog(world.shop.store, seen.at(-1)?.position)));
            // The log may be in this process, and constant reads would keep it busy.
            if (seen.length < events) await delay(LOOK_MS);
            expect(seeding.output()).to.not.contain('cartulary:');
            return seen.length >= events;
          },
          60_000,
        );
        await seeding.end('SIGKILL');
      }
      const before = (await wholeLog(world.shop.store)).filter(({ type }) => type === 'OrderPlaced').length;
      expect(before).to.be.within(1, SCALES.small.orders - 1);
      const { code, output } = await world.run(SMALL);
      expect(code, output).to.equal(0);
      expect(await number('orders')).to.equal(SCALES.small.orders);
      expect(await number('users')).to.equal(SCALES.small.buyers + SCALES.small.stores + 1);
      await mustAddUp();
      const again = await world.run(SMALL);
      expect(again.answer).to.contain('nothing was added');
    });

    it('goes on with a buyer whose cart it had left locked', async () => {
      const killed = spawnCartulary(SMALL, { env: { ...env(), FAILPOINT: 'checkout:placed#12' } });
      expect(await killed.exited).to.deep.equal({ code: null, signal: 'SIGKILL' });
      const { code, output } = await world.run(SMALL);
      expect(code, output).to.equal(0);
      expect(await number('orders')).to.equal(SCALES.small.orders);
      await mustAddUp();
    });
  });

  describe('asked for what there is not', () => {
    before(async () => {
      world = await openWorld();
    });
    after(() => world.close());

    for (const args of [
      ['--scale', 'huge'],
      ['--seed', 'x'],
    ]) {
      it(`answers ${args.join(' ')} with 2`, async () => {
        expect((await world.run(['seed', ...args])).code).to.equal(2);
      });
    }
  });
});
