import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { orderDecider } from '../../src/aggregates/order.ts';
import { unpaidDecider } from '../../src/aggregates/unpaid.ts';
import type { Actor } from '../../src/engine/decide/context.ts';
import { buyer, dataOf, haltedBefore, openMemoryShop, type MemoryShop } from '../support/memoryShop.ts';
import { createMemoryEventStore } from '../support/memoryStore.ts';
import { NOW } from '../support/given.ts';
import { rejection } from '../support/rejection.ts';

const unpaidBounds = { ordersMax: 2, unitsMax: 10 };
const bounded = (): MemoryShop => openMemoryShop(undefined, { unpaidBounds });
const LATER = new Date(Date.parse(NOW) + 61_000).toISOString();

const order = (shop: MemoryShop, actor: Actor, id: string, { quantity = 1, now = NOW } = {}) =>
  shop.ask('PlaceOrder', actor, { body: { shipping_address: 'a', items: [{ product_id: id, quantity }] } }, { now });
const places = async (shop: MemoryShop, actor: Actor): Promise<number> =>
  Object.keys((await shop.fromLog(unpaidDecider, actor.id)).orders).length;

async function pay(shop: MemoryShop, orderId: string): Promise<void> {
  const { money } = (await shop.fromLog(orderDecider, orderId)) as { money: { payments: object; total: number } };
  const [paymentId] = Object.keys(money.payments);
  const data = { paymentId: paymentId!, reference: 'r', amount: money.total, currency: 'EUR', refundId: randomUUID() };
  await shop.does(orderDecider, orderId, { type: 'RecordCapture', data });
}

describe('the bounds of unpaid orders', () => {
  it('refuse one order too many, hold no stock for it and keep the cart', async () => {
    const shop = bounded();
    const [ann, tea] = [buyer(), await shop.list(100)];
    for (let turn = 0; turn < 2; turn += 1) await order(shop, ann, tea);
    await shop.fill(ann, [tea, 1]);
    const refused = await rejection(shop.ask('PlaceOrder', ann, { body: { shipping_address: 'a' } }));
    expect(refused).to.include({ rule: 'TooManyUnpaidOrders', kind: 'rejected' });
    expect(refused.message).to.contain('at most 2').and.to.contain('Pay or cancel one of them first.');
    expect(await shop.leaks()).to.deep.equal({});
    expect(await shop.cart(ann)).to.deep.include({ checkout: null, items: [{ productId: tea, quantity: 1 }] });
    await order(shop, buyer(), tea);
  });

  it('refuse units of one product beyond the bound, and name the line', async () => {
    const shop = bounded();
    const [ann, tea] = [buyer(), await shop.list(100)];
    await order(shop, ann, tea, { quantity: 7 });
    const refused = await rejection(order(shop, ann, tea, { quantity: 4 }));
    expect(refused).to.include({ rule: 'TooManyUnpaidUnits' });
    const [error] = (refused as unknown as { errors: { field: string; message: string }[] }).errors;
    expect(error).to.include({ field: 'items.0' });
    expect(error!.message).to.contain('4 wanted, at most 3 can be ordered now. 7 are in your unpaid orders.');
    await order(shop, ann, tea, { quantity: 3 });
    expect(await shop.leaks()).to.deep.equal({});
  });

  it('make room for an order that was paid or cancelled, though no handler has said so yet', async () => {
    const shop = bounded();
    const [ann, tea] = [buyer(), await shop.list(100)];
    const [first, second] = [dataOf(await order(shop, ann, tea)), dataOf(await order(shop, ann, tea))];
    await pay(shop, String(first['id']));
    await shop.ask('CancelOrder', ann, { params: { id: second['id'] }, body: {} });
    for (let turn = 0; turn < 2; turn += 1) await order(shop, ann, tea);
    expect(await places(shop, ann)).to.equal(2);
    expect(String(await rejection(order(shop, ann, tea)))).to.contain('at most 2');
  });

  it('hold for checkouts of several processes at once', async () => {
    const shop = bounded();
    const [ann, tea] = [buyer(), await shop.list(100)];
    const processes = Array.from({ length: 3 }, () => shop.another());
    const items = [{ product_id: tea, quantity: 1 }];
    const outcomes = await Promise.allSettled(
      Array.from({ length: 9 }, (_, index) =>
        shop.ask(
          'PlaceOrder',
          ann,
          { body: { shipping_address: 'a', items } },
          { services: processes[index % 3]!, id: randomUUID() },
        ),
      ),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).to.have.lengthOf(2);
    expect(await shop.orders()).to.have.lengthOf(2);
    expect(await shop.leaks()).to.deep.equal({});
    expect(await places(shop, ann)).to.equal(2);
  });

  it('are not used up by a checkout that broke off: its place is free after its deadline, and it places no order then', async () => {
    const store = createMemoryEventStore();
    const shop = openMemoryShop(store, { unpaidBounds: { ordersMax: 1, unitsMax: 10 } });
    const [ann, tea] = [buyer(), await shop.list(100)];
    const { store: over, halted, goOn } = haltedBefore(2, store);
    const items = [{ product_id: tea, quantity: 1 }];
    const services = shop.another(over);
    const slow = shop.ask('PlaceOrder', ann, { body: { shipping_address: 'a', items } }, { services });
    const ended = rejection(slow);
    await halted;
    expect(await places(shop, ann)).to.equal(1);
    expect(String(await rejection(order(shop, ann, tea)))).to.contain('at most 1');
    await order(shop, ann, tea, { now: LATER });
    goOn();
    expect(await ended).to.include({ rule: 'CheckoutExpired' });
    expect(await shop.orders()).to.have.lengthOf(1);
    expect(await shop.leaks()).to.deep.equal({});
    expect(await places(shop, ann)).to.equal(1);
  });
});
