import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { orderDecider } from '../../src/aggregates/order.ts';
import { type Role, userDecider } from '../../src/aggregates/user.ts';
import { closeTrade } from '../../src/commands/erasure.ts';
import { CommandContext, SYSTEM, type Actor } from '../../src/engine/decide/context.ts';
import { NOW } from '../support/given.ts';
import { admin, dataOf, type MemoryShop, openMemoryShop } from '../support/memoryShop.ts';
import { rejection } from '../support/rejection.ts';

const PASSWORD = 'correct horse';
const NAME = 'Ada Lovelace';
const PHONE = '+442079460018';

describe('the erasure of a person', () => {
  let shop: MemoryShop;
  beforeEach(() => {
    shop = openMemoryShop();
  });

  async function person(role: Role = 'buyer', more: object = {}): Promise<Actor & { email: string }> {
    const email = `${randomUUID()}@example.com`;
    const body = { email, password: PASSWORD, name: NAME, ...more };
    const id = String(dataOf(await shop.ask('RegisterUser', { id: 'anonymous', role: 'anonymous' }, { body }))['id']);
    if (role === 'admin') await shop.does(userDecider, id, { type: 'ChangeRole', data: { role } });
    return { id, role, email };
  }
  const eraseMe = (actor: Actor, password = PASSWORD) => shop.ask('EraseMe', actor, { body: { password } });
  const erase = (id: string, reason?: string, by: Actor = admin) =>
    shop.ask('EraseUser', by, { params: { id }, body: reason === undefined ? {} : { reason } });
  const statusOf = async (id: string) => (await shop.fromLog(userDecider, id)).status;
  const orderOf = async (id: string) => {
    const order = await shop.fromLog(orderDecider, id);
    return order.status === 'placed' ? order : expect.fail(`order ${id} is ${order.status}`);
  };

  async function order(buyer: Actor, product?: string): Promise<string> {
    const items = [{ product_id: product ?? (await shop.list(5)), quantity: 1 }];
    return String(dataOf(await shop.ask('PlaceOrder', buyer, { body: { shipping_address: 'here', items } }))['id']);
  }
  async function pay(id: string): Promise<void> {
    const { money } = await orderOf(id);
    const [paymentId = ''] = Object.keys(money.payments);
    const data = { paymentId, amount: money.total, currency: money.currency, reference: 'r', refundId: randomUUID() };
    await shop.does(orderDecider, id, { type: 'RecordCapture', data });
  }
  const afterwards = (userId: string): Promise<void> => {
    const origin = { id: randomUUID(), repeatable: true, actor: SYSTEM('erasure'), now: NOW, correlationId: 'c' };
    return closeTrade(new CommandContext(origin, shop.services), userId);
  };

  it('needs the password of one’s own', async () => {
    const ada = await person();
    expect(await rejection(eraseMe(ada, 'wrong'))).to.include({ rule: 'WrongCredentials' });
    expect(await statusOf(ada.id)).to.equal('active');
    expect(dataOf(await eraseMe(ada))).to.deep.equal({ message: 'account erased' });
    expect(await statusOf(ada.id)).to.equal('erased');
    expect(await rejection(eraseMe(ada)), 'once more').to.include({ kind: 'unauthenticated' });
  });

  it('frees the e-mail address and the phone number for somebody new', async () => {
    const ada = await person('buyer', { phone: PHONE });
    const body = { email: ada.email, password: PASSWORD, name: 'Bea', phone: PHONE };
    const again = () => shop.ask('RegisterUser', { id: 'anonymous', role: 'anonymous' }, { body });
    expect(await rejection(again())).to.include({ rule: 'ValueTaken' });
    await eraseMe(ada);
    const { id, email, phone } = dataOf(await again());
    expect({ email, phone }).to.deep.equal({ email: ada.email, phone: PHONE });
    expect(id).to.not.equal(ada.id);
  });

  it('B5: waits for orders that are paid and not completed, and names them', async () => {
    const ada = await person();
    const [open, paid] = [await order(ada), await order(ada)];
    await pay(paid);
    for (const attempt of [eraseMe(ada), erase(ada.id)]) {
      const refusal = await rejection(attempt);
      expect(refusal).to.include({ kind: 'rejected', rule: 'OrdersOpen' });
      expect(refusal.message).to.contain(paid).and.not.to.contain(open);
    }
    const { fulfilments } = await orderOf(paid);
    const [storeId = ''] = Object.keys(fulfilments);
    for (const status of ['processing', 'shipping', 'shipped', 'completed'] as const) {
      expect(await rejection(eraseMe(ada)), `before it is ${status}`).to.include({ rule: 'OrdersOpen' });
      await shop.does(orderDecider, paid, { type: 'AdvanceFulfilment', data: { storeId, status } });
    }
    await eraseMe(ada);
    expect(await statusOf(ada.id)).to.equal('erased');
  });

  it('cancels what is unpaid, refunds what was paid while it happened, empties the cart and ends checkouts', async () => {
    const ada = await person();
    const product = await shop.list(9);
    const [unpaid, late] = [await order(ada, product), await order(ada, product)];
    await shop.fill(ada, [product, 2]);
    await eraseMe(ada);
    await pay(late);
    await afterwards(ada.id);
    expect((await orderOf(unpaid)).cancelled).to.equal(true);
    const refunded = await orderOf(late);
    expect(refunded.cancelled).to.equal(true);
    expect(refunded.money.refundRequested).to.equal(refunded.money.total);
    expect((await shop.cart(ada)).items).to.deep.equal([]);
    const events = (await shop.log()).length;
    await afterwards(ada.id);
    expect((await shop.log()).length, 'once more').to.equal(events);
  });

  it('of a seller waits until the store rests', async () => {
    const sid = await person();
    await shop.ask('OpenStore', sid, { body: { name: 'Quills' } });
    const seller = { ...sid, role: 'seller' };
    const category = dataOf(await shop.ask('CreateCategory', admin, { body: { name: 'Quills' } }))['id'];
    const body = { name: 'Quill', price: '3.00', stock: 5, category_id: category };
    const product = String(dataOf(await shop.ask('ListProduct', seller, { body }))['id']);
    expect(await rejection(eraseMe(seller))).to.include({ rule: 'StoreAtWork' });
    const ada = await person();
    const sold = await order(ada, product);
    await pay(sold);
    await shop.ask('DelistProduct', seller, { params: { id: product } });
    const [storeId = ''] = Object.keys((await orderOf(sold)).fulfilments);
    for (const status of ['processing', 'shipping', 'shipped', 'completed'] as const) {
      expect(await rejection(eraseMe(seller)), `before it is ${status}`).to.include({ rule: 'StoreAtWork' });
      await shop.does(orderDecider, sold, { type: 'AdvanceFulfilment', data: { storeId, status } });
    }
    await eraseMe(seller);
    expect(await statusOf(sid.id)).to.equal('erased');
  });

  it('leaves one admin', async () => {
    const [ada, bea] = [await person('admin'), await person('admin')];
    const outcomes = await Promise.allSettled([eraseMe(ada), eraseMe(bea)]);
    const refused = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason as { rule: string }] : []));
    expect(refused.map(({ rule }) => rule)).to.deep.equal(['LastAdmin']);
    const left = (await statusOf(ada.id)) === 'active' ? ada : bea;
    expect(await rejection(erase(left.id))).to.include({ rule: 'LastAdmin' });
  });

  it('by an admin has the reason, which opens for the admin and names nobody', async () => {
    const ada = await person('buyer', { phone: PHONE });
    const bea = await person('admin');
    await person('admin');
    for (const naming of ['for ADA', `mail of ${ada.email}`, 'called from +44 20 7946 0018', `${NAME} wrote`]) {
      expect(await rejection(erase(ada.id, naming, bea)), naming).to.include({ kind: 'invalid' });
    }
    await erase(ada.id, 'asked by letter of May 3', bea);
    await erase(ada.id, 'asked by letter of May 3', bea);
    const erased = (await shop.log()).filter(({ type }) => type === 'UserErased');
    expect(erased).to.have.length(1);
    const { data, metadata, stream } = erased[0]!;
    expect(metadata.actor).to.equal(bea.id);
    const properties = { reason: [{ name: 'UserErased.reason', pd1: false }] };
    const opened = await shop.personalData.reveal(data as { reason: string }, { subject: bea.id, stream, properties });
    expect(opened.reason).to.equal('asked by letter of May 3');
  });

  it('of nobody is refused as such', async () => {
    expect(await rejection(erase(randomUUID()))).to.include({ kind: 'notFound', rule: 'UserUnknown' });
  });
});
