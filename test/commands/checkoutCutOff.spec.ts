import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { cartDecider } from '../../src/aggregates/cart.ts';
import { orderDecider } from '../../src/aggregates/order.ts';
import { stockDecider } from '../../src/aggregates/stock.ts';
import type { Answer } from '../../src/engine/decide/command.ts';
import type { Actor } from '../../src/engine/decide/context.ts';
import { isRefusal } from '../../src/errors.ts';
import type { EventStore } from '../../src/eventstore/eventStore.ts';
import { deadlines } from '../../src/projections/deadlines.ts';
import { rowsOf } from '../support/given.ts';
import { buyer, cutOffAfter, dataOf, haltedBefore, openMemoryShop, type MemoryShop } from '../support/memoryShop.ts';

const LATER = '2026-03-01T12:05:00.000Z';
/** More appends than any checkout makes. Ends the test if a checkout never finishes. */
const APPENDS_MAX = 20;

interface Scene {
  readonly shop: MemoryShop;
  readonly ann: Actor;
  readonly id: string;
  readonly tea: string;
  /** The checkout under the scene's id, in a separate process over this store. */
  checkOut(over: EventStore, now?: string): Promise<unknown>;
}

/** A buyer, two products, and a checkout of 2 + 1 of them. `cups` is the stock of the second product. */
async function scene(fromCart: boolean, cups = 10): Promise<Scene> {
  const shop = openMemoryShop();
  const ann = buyer();
  const tea = await shop.list(10);
  const cup = await shop.list(cups);
  await shop.fill(ann, [tea, 2], [cup, 1]);
  const id = randomUUID();
  const items = [
    { product_id: tea, quantity: 2 },
    { product_id: cup, quantity: 1 },
  ];
  const body = { shipping_address: 'York', ...(fromCart ? {} : { items }) };
  return {
    ...{ shop, ann, id, tea },
    checkOut: (over, now) =>
      shop.ask(
        'PlaceOrder',
        ann,
        { body },
        { id, services: shop.another(over), ...(now === undefined ? {} : { now }) },
      ),
  };
}

const settled = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );
const cutOff = (error: unknown): boolean => error instanceof Error && error.message === 'cut off';

/** Does the work of expired deadlines: abandons the order, then gives back the stock and the cart that it held. */
async function meetDeadlines(shop: MemoryShop): Promise<void> {
  const due = rowsOf(deadlines, await shop.log()).filter(({ kind, due_at }) => kind === 'checkout' && due_at <= LATER);
  for (const { order_id: orderId, product_ids: productIds, cart_held: cartHeld, buyer_id: buyerId } of due) {
    const { status } = await shop.does(orderDecider, orderId, { type: 'AbandonOrder', data: {} });
    if (status !== 'abandoned') continue;
    for (const id of productIds) await shop.does(stockDecider, id, { type: 'ReleaseStock', data: { orderId } });
    if (!cartHeld) continue;
    await shop.does(cartDecider, buyerId, { type: 'FailCheckout', data: { orderId, reason: 'expired' } });
  }
}

async function expectSound({ shop, ann }: Scene): Promise<void> {
  expect(await shop.leaks(), 'reserved for no order').to.deep.equal({});
  expect((await shop.cart(ann)).checkout, 'the cart is held').to.equal(null);
  expect(rowsOf(deadlines, await shop.log()).filter(({ kind }) => kind === 'checkout')).to.deep.equal([]);
}

/** Plays a scene for each append of its checkout, until there are no more appends. Returns how many there were. */
async function atEveryAppend(play: (append: number) => Promise<'reached' | 'not reached'>): Promise<number> {
  for (let append = 1; append <= APPENDS_MAX; append += 1) {
    if ((await play(append)) === 'not reached') return append - 1;
  }
  throw new Error('the checkout never came to its end');
}

for (const fromCart of [true, false]) {
  describe(`checkout of ${fromCart ? 'the cart' : 'items'}, cut off after any of its steps`, () => {
    const cutShort = (cups: number, then: (scene: Scene) => Promise<void>): Promise<number> =>
      atEveryAppend(async (append) => {
        const one = await scene(fromCart, cups);
        const error = await settled(one.checkOut(cutOffAfter(append, one.shop.store)));
        if (error !== undefined && !cutOff(error) && !isRefusal(error)) throw error as Error;
        if (!cutOff(error)) return 'not reached';
        await then(one);
        return 'reached';
      });

    it('comes to one order when it is repeated', async () => {
      const appends = await cutShort(10, async (one) => {
        await one.checkOut(one.shop.store);
        await one.checkOut(one.shop.store);
        expect(await one.shop.orders()).to.have.length(1);
        expect((await one.shop.stock(one.tea)).reserved).to.equal(2);
        if (fromCart) expect((await one.shop.cart(one.ann)).items).to.deep.equal([]);
        await expectSound(one);
      });
      expect(appends).to.equal(fromCart ? 5 : 3);
    });

    it('comes to one order or none, and keeps no reservation without an order, when it is repeated after its deadline', async () => {
      await cutShort(10, async (one) => {
        await meetDeadlines(one.shop);
        const error = await settled(one.checkOut(one.shop.store, LATER));
        if (error !== undefined) expect(error).to.include({ rule: 'CheckoutExpired' });
        expect(await one.shop.orders()).to.have.length(error === undefined ? 1 : 0);
        if (error === undefined && fromCart) expect((await one.shop.cart(one.ann)).items).to.deep.equal([]);
        else expect((await one.shop.cart(one.ann)).items).to.have.length(2);
        await expectSound(one);
      });
    });

    it('and refused for lack of stock, holds nothing once it is repeated or its deadline has passed', async () => {
      const appends = await cutShort(0, async (one) => {
        const error = await settled(one.checkOut(one.shop.store));
        expect(error).to.satisfy(isRefusal);
        expect(await one.shop.orders()).to.have.length(0);
        await meetDeadlines(one.shop);
        await expectSound(one);
        expect((await one.shop.cart(one.ann)).items).to.have.length(2);
      });
      expect(appends).to.be.at.least(fromCart ? 4 : 2);
    });
  });
}

describe('checkout of the cart, overtaken by another after its deadline', () => {
  const overtake = ({ shop, ann }: Scene): Promise<unknown> =>
    settled(
      shop.ask('PlaceOrder', ann, { body: { shipping_address: 'York' } }, { now: LATER, services: shop.another() }),
    );

  const expectOneOrder = async (one: Scene): Promise<void> => {
    expect(await one.shop.orders()).to.have.length(1);
    expect((await one.shop.cart(one.ann)).items).to.deep.equal([]);
    await meetDeadlines(one.shop);
    expect((await one.shop.stock(one.tea)).reserved).to.equal(2);
    await expectSound(one);
  };

  it('can never place its order any more, wherever it was cut off', async () => {
    await atEveryAppend(async (append) => {
      const one = await scene(true);
      const error = await settled(one.checkOut(cutOffAfter(append, one.shop.store)));
      if (!cutOff(error)) return 'not reached';
      const [before] = await one.shop.orders();
      const overtaken = await overtake(one);
      if (before !== undefined) expect(overtaken).to.include({ rule: 'EmptyCart' });
      else expect(overtaken).to.equal(undefined);
      const late = await settled(one.checkOut(one.shop.store, LATER));
      if (before === undefined) expect(late).to.include({ rule: 'CheckoutExpired' });
      else expect(late).to.equal(undefined);
      await expectOneOrder(one);
      return 'reached';
    });
  });

  it('can never place its order any more, wherever it stood still and went on', async () => {
    const appends = await atEveryAppend(async (append) => {
      const one = await scene(true);
      const halting = haltedBefore(append, one.shop.store);
      const slow = settled(one.checkOut(halting.store));
      if ((await Promise.race([slow, halting.halted.then(() => 'halted')])) !== 'halted') return 'not reached';
      const [before] = await one.shop.orders();
      await overtake(one);
      halting.goOn();
      const late = await slow;
      if (before !== undefined) expect(late).to.equal(undefined);
      else expect(late).to.satisfy(isRefusal);
      await expectOneOrder(one);
      return 'reached';
    });
    expect(appends).to.equal(5);
  });

  it('answers with its order when another process has run it meanwhile, wherever it stood still and went on', async () => {
    for (const fromCart of [true, false]) {
      const appends = await atEveryAppend(async (append) => {
        const one = await scene(fromCart);
        const halting = haltedBefore(append, one.shop.store);
        const slow = one.checkOut(halting.store) as Promise<Answer>;
        if ((await Promise.race([slow.then(() => ''), halting.halted.then(() => 'halted')])) !== 'halted') {
          return 'not reached';
        }
        const other = (await one.checkOut(one.shop.store)) as Answer;
        halting.goOn();
        expect(dataOf(await slow)['id'], `before append ${append}`).to.equal(dataOf(other)['id']);
        return 'reached';
      });
      expect(appends).to.be.above(2);
    }
  });

  it('goes on undisturbed before its deadline, and other requests meanwhile have to wait', async () => {
    await atEveryAppend(async (append) => {
      const one = await scene(true);
      const halting = haltedBefore(append, one.shop.store);
      const slow = settled(one.checkOut(halting.store));
      if ((await Promise.race([slow, halting.halted.then(() => 'halted')])) !== 'halted') return 'not reached';
      if (append > 1) {
        const body = { shipping_address: 'York' };
        const meanwhile = one.shop.ask('PlaceOrder', one.ann, { body }, { services: one.shop.another() });
        expect(await settled(meanwhile)).to.include({ rule: 'CheckoutInProgress' });
      }
      halting.goOn();
      expect(await slow).to.equal(undefined);
      await expectOneOrder(one);
      return 'reached';
    });
  });

  it('and stood still while its deadline was met, gives back what it took later', async () => {
    for (const fromCart of [true, false]) {
      await atEveryAppend(async (append) => {
        const one = await scene(fromCart);
        const halting = haltedBefore(append, one.shop.store);
        const slow = settled(one.checkOut(halting.store));
        if ((await Promise.race([slow, halting.halted.then(() => 'halted')])) !== 'halted') return 'not reached';
        await meetDeadlines(one.shop);
        halting.goOn();
        await slow;
        await meetDeadlines(one.shop);
        await expectSound(one);
        expect((await one.shop.orders()).length).to.be.at.most(1);
        return 'reached';
      });
    }
  });
});
