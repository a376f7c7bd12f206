import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { QUANTITY_MAX } from '../../src/aggregates/cart.ts';
import { stockDecider } from '../../src/aggregates/stock.ts';
import type { Actor } from '../../src/engine/decide/context.ts';
import { isRefusal, type Refusal } from '../../src/errors.ts';
import { buyer, dataOf, openMemoryShop, type Circumstances, type MemoryShop } from '../support/memoryShop.ts';

const ADDRESS = { line1: '1 High Street', city: 'York', country: 'UK' };

type Wish = readonly [productId: string, quantity: number];

const buy = (shop: MemoryShop, actor: Actor, items?: readonly Wish[], how: Circumstances = {}) => {
  const wishes = items?.map(([product_id, quantity]) => ({ product_id, quantity }));
  const body = { shipping_address: ADDRESS, ...(wishes === undefined ? {} : { items: wishes }) };
  return shop.ask('PlaceOrder', actor, { body }, how);
};

async function refusalOf(asked: Promise<unknown>): Promise<Refusal> {
  const error = await asked.then(
    () => new Error('it was not refused'),
    (reason: unknown) => reason,
  );
  if (isRefusal(error)) return error;
  throw error;
}

async function expectSound(shop: MemoryShop): Promise<void> {
  expect(await shop.leaks(), 'reserved for no order').to.deep.equal({});
}

describe('checkout', () => {
  it('turns a cart into an order at the prices of now, holds the stock and empties the cart', async () => {
    const shop = openMemoryShop();
    const ann = buyer();
    const [tea, cup] = [await shop.list(10, 1_990), await shop.list(10, 500)];
    await shop.fill(ann, [tea, 2], [cup, 1]);
    const answer = await buy(shop, ann);
    expect(dataOf(answer)).to.include({ buyer_id: ann.id, status: 'pending', total: 44.8, currency: 'EUR' });
    expect(dataOf(answer)).to.deep.include({ shipping_address: ADDRESS, billing_address: null, notes: null });
    expect(dataOf(answer)['payment']).to.include({ status: 'requested', method: 'sandbox' });
    expect(answer.revision).to.equal(1n);
    const { items, checkout } = await shop.cart(ann);
    expect({ items, checkout }).to.deep.equal({ items: [], checkout: null });
    const { onHand, reserved } = await shop.stock(tea);
    expect({ onHand, reserved }).to.deep.equal({ onHand: 10, reserved: 2 });
    await expectSound(shop);
  });

  it('keeps no address that can be read in the log', async () => {
    const shop = openMemoryShop();
    await buy(shop, buyer(), [[await shop.list(1), 1]]);
    const text = JSON.stringify((await shop.log()).map(({ data }) => data));
    expect(text).to.include('pd2.').and.to.not.include('High Street');
  });

  it('of named items leaves the cart alone', async () => {
    const shop = openMemoryShop();
    const ann = buyer();
    const [tea, cup] = [await shop.list(10), await shop.list(10)];
    await shop.fill(ann, [tea, 2]);
    const before = await shop.cart(ann);
    expect(dataOf(await buy(shop, ann, [[cup, 3]]))).to.include({ total: 30 });
    expect(await shop.cart(ann)).to.deep.equal(before);
    await expectSound(shop);
  });

  it('makes one line of the same product named twice', async () => {
    const shop = openMemoryShop();
    const [tea, cup] = [await shop.list(10), await shop.list(10)];
    const answer = await buy(shop, buyer(), [
      [tea, 1],
      [cup, 1],
      [tea, 4],
    ]);
    expect(dataOf(answer)['items']).to.have.length(2);
    expect((await shop.stock(tea)).reserved).to.equal(5);
    await expectSound(shop);
  });

  it('takes no more of one product than a cart may hold, named once or twice', async () => {
    const shop = openMemoryShop();
    const tea = await shop.list(10_000);
    const items: Wish[] = [
      [tea, QUANTITY_MAX],
      [tea, 1],
    ];
    expect((await refusalOf(buy(shop, buyer(), items))).kind).to.equal('invalid');
    expect((await shop.stock(tea)).reserved).to.equal(0);
  });

  it('of an empty cart, or of no items, is refused', async () => {
    const shop = openMemoryShop();
    expect(await refusalOf(buy(shop, buyer()))).to.include({ rule: 'EmptyCart', code: 'EMPTY_CART' });
    expect(await refusalOf(buy(shop, buyer(), []))).to.include({ rule: 'EmptyCart', code: 'EMPTY_CART' });
    expect(await shop.log()).to.deep.equal([]);
  });

  it('names every line of which there is not enough, and holds nothing then', async () => {
    const shop = openMemoryShop();
    const ann = buyer();
    const [tea, cup, pot] = [await shop.list(1), await shop.list(10), await shop.list(0)];
    await shop.fill(ann, [tea, 2], [cup, 3], [pot, 4]);
    const refusal = await refusalOf(buy(shop, ann));
    expect(refusal).to.include({ rule: 'InsufficientStock', code: 'INSUFFICIENT_STOCK' });
    expect(refusal.errors.map(({ code, field }) => [code, field])).to.have.deep.members([
      ['INSUFFICIENT_STOCK', 'items.0'],
      ['INSUFFICIENT_STOCK', 'items.2'],
    ]);
    expect(refusal.errors.find(({ field }) => field === 'items.0')?.message).to.include(tea);
    expect(refusal.errors.find(({ field }) => field === 'items.2')?.message).to.include(pot);
    for (const id of [tea, cup, pot]) expect((await shop.stock(id)).reserved).to.equal(0);
    const { items, checkout } = await shop.cart(ann);
    expect(items).to.have.length(3);
    expect(checkout).to.equal(null);
  });

  it('can be tried again, with less, after it was refused', async () => {
    const shop = openMemoryShop();
    const ann = buyer();
    const tea = await shop.list(1);
    await shop.fill(ann, [tea, 2]);
    await refusalOf(buy(shop, ann));
    await shop.ask('ChangeCartItem', ann, { params: { product_id: tea }, body: { quantity: 1 } });
    await buy(shop, ann);
    expect(await shop.orders()).to.have.length(1);
    await expectSound(shop);
  });

  it('names the products that can no longer be bought, and holds nothing then', async () => {
    const shop = openMemoryShop();
    const ann = buyer();
    const [tea, cup] = [await shop.list(5), await shop.list(5)];
    await shop.fill(ann, [tea, 1], [cup, 1]);
    await shop.delist(cup);
    const refusal = await refusalOf(buy(shop, ann));
    expect(refusal.rule).to.equal('ProductUnavailable');
    expect(refusal.errors.map(({ field }) => field)).to.deep.equal(['items.1']);
    expect(refusal.errors[0]?.message).to.equal(
      `Product ${cup} (${cup}) can no longer be bought: take it out to check out.`,
    );
    expect((await shop.cart(ann)).checkout).to.equal(null);
    expect((await shop.stock(tea)).reserved).to.equal(0);
    expect(await refusalOf(buy(shop, ann, [[randomUUID(), 1]]))).to.include({ rule: 'ProductUnavailable' });
  });

  it('freezes the price that the product has at that moment', async () => {
    const shop = openMemoryShop();
    const tea = await shop.list(5, 1_000);
    await buy(shop, buyer(), [[tea, 1]]);
    const [placed] = await shop.orders();
    expect(placed?.order.lines[0]).to.include({ productId: tea, price: 1_000, quantity: 1 });
    expect(placed?.order).to.include({ total: 1_000, payBy: '2026-03-01T12:30:00.000Z' });
  });
});

describe('checkout, asked for more than once', () => {
  it('of one cart makes one order, however many ask at once', async () => {
    const shop = openMemoryShop();
    const ann = buyer();
    const tea = await shop.list(1_000);
    await shop.fill(ann, [tea, 2]);
    const processes = [shop.services, shop.another(), shop.another()];
    const outcomes = await Promise.allSettled(
      Array.from({ length: 50 }, (_, index) =>
        buy(shop, ann, undefined, { id: randomUUID(), services: processes[index % processes.length]! }),
      ),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).to.have.length(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).to.satisfy(isRefusal);
    }
    expect(await shop.orders()).to.have.length(1);
    expect((await shop.stock(tea)).reserved).to.equal(2);
    await expectSound(shop);
  });

  it('under the same id answers the same order, one after the other', async () => {
    for (const fromCart of [true, false]) {
      const shop = openMemoryShop();
      const ann = buyer();
      const tea = await shop.list(10);
      await shop.fill(ann, [tea, 2]);
      const [id, items] = [randomUUID(), fromCart ? undefined : ([[tea, 1]] as Wish[])];
      const first = await buy(shop, ann, items, { id });
      await shop.delist(tea);
      const second = await buy(shop, ann, items, { id, now: '2026-03-01T13:00:00.000Z' });
      const third = await buy(shop, ann, items, { id, services: shop.another() });
      expect(second).to.deep.equal(first);
      expect(third).to.deep.equal(first);
      expect(await shop.orders()).to.have.length(1);
      await expectSound(shop);
    }
  });

  it('under the same id makes one order, side by side in two processes', async () => {
    for (const fromCart of [true, false]) {
      const shop = openMemoryShop();
      const ann = buyer();
      const [tea, cup] = [await shop.list(10), await shop.list(10)];
      await shop.fill(ann, [tea, 2], [cup, 1]);
      const [id, items] = [
        randomUUID(),
        fromCart
          ? undefined
          : ([
              [tea, 2],
              [cup, 1],
            ] as Wish[]),
      ];
      const outcomes = await Promise.allSettled(
        [shop.services, shop.another(), shop.another()].map((services) => buy(shop, ann, items, { id, services })),
      );
      const ids = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [dataOf(outcome.value)['id']] : []));
      const [order, ...others] = await shop.orders();
      expect(others).to.deep.equal([]);
      expect(new Set(ids)).to.deep.equal(new Set([order?.id]));
      expect((await shop.stock(tea)).reserved).to.equal(2);
      await expectSound(shop);
    }
  });

  it('sells no more than there is: stock 10, buyers 200', async () => {
    const shop = openMemoryShop();
    const tea = await shop.list(10);
    const processes = [shop.services, shop.another()];
    const outcomes = await Promise.allSettled(
      Array.from({ length: 200 }, (_, index) =>
        buy(shop, buyer(), [[tea, 1]], { services: processes[index % processes.length]! }),
      ),
    );
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as Refusal] : []));
    expect(refused.map(({ code }) => code)).to.deep.equal(Array(190).fill('INSUFFICIENT_STOCK'));
    expect(await shop.orders()).to.have.length(10);
    const { onHand, reserved } = await shop.stock(tea);
    expect({ onHand, reserved }).to.deep.equal({ onHand: 10, reserved: 10 });
    await expectSound(shop);
  });

  it('of an order that was given up never brings it back', async () => {
    const shop = openMemoryShop();
    const ann = buyer();
    const [tea, cup] = [await shop.list(1), await shop.list(1)];
    const items: Wish[] = [
      [tea, 1],
      [cup, 2],
    ];
    const id = randomUUID();
    await refusalOf(buy(shop, ann, items, { id }));
    await shop.does(stockDecider, cup, { type: 'ReceiveStock', data: { quantity: 5 } });
    expect(await refusalOf(buy(shop, ann, items, { id }))).to.include({ rule: 'CheckoutExpired' });
    expect(await shop.orders()).to.deep.equal([]);
    await expectSound(shop);
  });
});
