import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { isRefusal, unavailable } from '../../src/errors.ts';
import type { EventStore } from '../../src/eventstore/eventStore.ts';
import { deadlines } from '../../src/projections/deadlines.ts';
import { rowsOf } from '../support/given.ts';
import { ruleOf } from '../support/claiming.ts';
import { buyer, cutOffAfter, dataOf, haltedBefore, openMemoryShop, type MemoryShop } from '../support/memoryShop.ts';

const CROWD_WAIT_MS = 10;
const APPENDS_MAX = 20;

/** A store in which other processes win every race on one stream. */
const crowdedOn = (stream: string, store: EventStore): EventStore => ({
  ...store,
  append: (name, expected, events) =>
    name === stream
      ? Promise.resolve({ outcome: 'conflict', actual: expected + 1n })
      : store.append(name, expected, events),
});

async function scene(fromCart: boolean) {
  const shop = openMemoryShop();
  const ann = buyer();
  const ids = [randomUUID(), randomUUID()].sort();
  // The hot product is reserved last.
  const [cold, hot] = [await shop.list(10, 1_000, ids[0]), await shop.list(10, 1_000, ids[1])];
  await shop.fill(ann, [cold, 2], [hot, 1]);
  const items = [
    { product_id: cold, quantity: 2 },
    { product_id: hot, quantity: 1 },
  ];
  const body = { shipping_address: 'York', ...(fromCart ? {} : { items }) };
  const checkOut = (id: string, over: EventStore = shop.store) =>
    shop.ask('PlaceOrder', ann, { body }, { id, services: shop.another(over, CROWD_WAIT_MS) });
  return {
    shop,
    ann,
    cold,
    hot,
    checkOut,
    crowded: (over: EventStore = shop.store) => crowdedOn(`stock-${hot}`, over),
  };
}

async function expectNothingHeld(shop: MemoryShop, ann: { id: string }): Promise<void> {
  expect(await shop.leaks(), 'reserved for no order').to.deep.equal({});
  expect((await shop.cart(ann as never)).checkout, 'the cart is held').to.equal(null);
  expect(rowsOf(deadlines, await shop.log()).filter(({ kind }) => kind === 'checkout')).to.deep.equal([]);
}

for (const fromCart of [true, false]) {
  describe(`a checkout of ${fromCart ? 'the cart' : 'items'} that is refused for now`, () => {
    it('gives cart and stock back at once, so that another checkout goes through', async () => {
      const { shop, ann, cold, checkOut, crowded } = await scene(fromCart);
      expect(await ruleOf(checkOut(randomUUID(), crowded()))).to.equal('StreamBusy');
      await expectNothingHeld(shop, ann);
      expect((await shop.cart(ann)).items).to.have.length(2);
      await checkOut(randomUUID());
      expect(await shop.orders()).to.have.length(1);
      expect((await shop.stock(cold)).reserved).to.equal(2);
      await expectNothingHeld(shop, ann);
    });

    it('is begun anew by a repeat, as often as it is refused for now, and comes to one order', async () => {
      const { shop, ann, checkOut, crowded } = await scene(fromCart);
      const id = randomUUID();
      for (let turn = 1; turn <= 3; turn += 1) {
        expect(await ruleOf(checkOut(id, crowded()))).to.equal('StreamBusy');
        await expectNothingHeld(shop, ann);
      }
      const placed = dataOf(await checkOut(id))['id'];
      expect(dataOf(await checkOut(id, crowded()))['id']).to.equal(placed);
      expect(await shop.orders()).to.have.length(1);
      await expectNothingHeld(shop, ann);
    });

    it('is not begun anew once it was refused for good', async () => {
      const { shop, hot, checkOut } = await scene(fromCart);
      const id = randomUUID();
      await shop.delist(hot);
      expect(await ruleOf(checkOut(id))).to.equal('ProductUnavailable');
      expect(await ruleOf(checkOut(id))).to.be.oneOf(['CheckoutExpired', 'ProductUnavailable']);
    });

    it('comes to one order when it is repeated, wherever its undoing was cut off', async () => {
      let reached = 0;
      for (let appends = 1; appends <= APPENDS_MAX; appends += 1) {
        const { shop, ann, checkOut, crowded } = await scene(fromCart);
        const id = randomUUID();
        const error = await checkOut(id, crowded(cutOffAfter(appends, shop.store))).catch((reason: unknown) => reason);
        if (isRefusal(error)) break;
        reached = appends;
        await checkOut(id);
        expect(await shop.orders(), `cut off after ${appends}`).to.have.length(1);
        expect((await shop.cart(ann)).checkout).to.equal(null);
      }
      expect(reached).to.equal(fromCart ? 5 : 3);
    });

    it('has one outcome when another process runs it too, wherever that one stands still', async () => {
      for (let append = 1; append <= APPENDS_MAX; append += 1) {
        const { shop, ann, checkOut, crowded } = await scene(fromCart);
        const id = randomUUID();
        const halting = haltedBefore(append, shop.store);
        const slow = ruleOf(checkOut(id, halting.store));
        if ((await Promise.race([slow, halting.halted.then(() => 'halted')])) !== 'halted') break;
        const busy = await ruleOf(checkOut(id, crowded()));
        halting.goOn();
        const late = await slow;
        expect([busy, late]).to.satisfy((rules: string[]) =>
          rules.every((rule) => rule === 'none' || rule === 'StreamBusy'),
        );
        await checkOut(id);
        expect(await shop.orders(), `halted before ${append}`).to.have.length(1);
        expect((await shop.cart(ann)).checkout).to.equal(null);
      }
    });
  });
}

describe('a checkout of which nothing is known', () => {
  it('is not undone, because its order may have been placed', async () => {
    const { shop, checkOut } = await scene(true);
    const id = randomUUID();
    const store: EventStore = {
      ...shop.store,
      append: async (name, expected, events) => {
        const result = await shop.store.append(name, expected, events);
        if (name.startsWith('order-')) throw unavailable('OutcomeUnknown', 'It is not known.');
        return result;
      },
    };
    expect(await ruleOf(checkOut(id, store))).to.equal('OutcomeUnknown');
    await checkOut(id);
    expect(await shop.orders()).to.have.length(1);
  });

  it('gives the caller its own refusal when the undoing is refused too', async () => {
    const { shop, checkOut } = await scene(true);
    const id = randomUUID();
    let down = false;
    const store: EventStore = {
      ...shop.store,
      append: (name, expected, events) => {
        down ||= name.startsWith('stock-');
        return down
          ? Promise.reject(unavailable('DatabaseUnavailable', 'The database does not answer.'))
          : shop.store.append(name, expected, events);
      },
    };
    expect(await ruleOf(checkOut(id, store))).to.equal('DatabaseUnavailable');
    await checkOut(id);
    expect(await shop.orders()).to.have.length(1);
  });
});
