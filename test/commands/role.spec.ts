import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { type Role, userDecider } from '../../src/aggregates/user.ts';
import { admin, dataOf, type MemoryShop, openMemoryShop } from '../support/memoryShop.ts';
import { rejection } from '../support/rejection.ts';

describe('a change of role', () => {
  let shop: MemoryShop;
  beforeEach(() => {
    shop = openMemoryShop();
  });

  const user = (role: Role): Promise<string> => shop.register(role);
  const roleOf = async (id: string): Promise<string | undefined> => {
    const state = await shop.fromLog(userDecider, id);
    return state.status === 'active' ? state.role : undefined;
  };
  const change = (id: string, role: string, services = shop.services) =>
    shop.ask('ChangeRole', admin, { params: { id }, body: { role } }, { services });

  /** A user who has opened a store, and a product of it. */
  async function selling() {
    const id = await user('buyer');
    const seller = { id, role: 'seller' };
    await shop.ask('OpenStore', seller, { body: { name: 'Quills' } });
    const category = dataOf(await shop.ask('CreateCategory', admin, { body: { name: 'Quills' } }))['id'];
    const body = { name: 'Quill', price: '3.00', stock: 5, category_id: category };
    const product = String(dataOf(await shop.ask('ListProduct', seller, { body }))['id']);
    return { id, seller, product };
  }

  it('of somebody unknown is refused as such', async () => {
    expect(await rejection(change(randomUUID(), 'admin'))).to.include({ kind: 'notFound', rule: 'UserUnknown' });
  });

  it('leaves one admin, whom nobody can take the role from', async () => {
    const [ada, bea] = [await user('admin'), await user('admin')];
    await change(ada, 'buyer');
    expect(await rejection(change(bea, 'buyer'))).to.include({ rule: 'LastAdmin' });
    await change(ada, 'admin');
    await change(bea, 'buyer');
    expect([await roleOf(ada), await roleOf(bea)]).to.deep.equal(['admin', 'buyer']);
  });

  it('leaves one admin also when two processes take the role from two at once, again and again', async () => {
    const ids = [await user('admin'), await user('admin'), await user('admin')];
    const processes = [shop.services, shop.another(), shop.another()];
    for (let round = 0; round < 10; round += 1) {
      const outcomes = await Promise.allSettled(ids.map((id, at) => change(id, 'buyer', processes[at])));
      const refused = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason as { rule: string }] : []));
      expect(refused.map(({ rule }) => rule)).to.deep.equal(['LastAdmin']);
      const roles = await Promise.all(ids.map(roleOf));
      expect(roles.filter((role) => role === 'admin')).to.have.length(1);
      for (const id of ids) await change(id, 'admin');
    }
  });

  it('that is refused in the end leaves the admin an admin who counts', async () => {
    const [ada, bea] = [await user('admin'), await user('admin')];
    expect(await rejection(change(ada, 'seller'))).to.include({ rule: 'NoStore' });
    await change(bea, 'buyer');
    expect(await rejection(change(ada, 'buyer'))).to.include({ rule: 'LastAdmin' });
    const ahead = shop.ask('ChangeRole', admin, { params: { id: bea }, body: { role: 'admin' } }, { ifMatch: 99n });
    expect(await rejection(ahead)).to.include({ kind: 'stale' });
    expect([await roleOf(ada), await roleOf(bea)]).to.deep.equal(['admin', 'buyer']);
  });

  it('that was broken off once an admin no longer counted goes through when it is asked for again', async () => {
    const [ada, bea] = [await user('admin'), await user('admin')];
    const broken = shop.another({
      ...shop.store,
      append: (stream, ...rest) =>
        stream === `user-${ada}` ? Promise.reject(new Error('cut off')) : shop.store.append(stream, ...rest),
    });
    expect(String(await rejection(change(ada, 'buyer', broken)))).to.contain('cut off');
    expect(await rejection(change(bea, 'buyer'))).to.include({ rule: 'LastAdmin' });
    await change(ada, 'buyer');
    expect([await roleOf(ada), await roleOf(bea)]).to.deep.equal(['buyer', 'admin']);
  });

  it('of a seller waits until the store has nothing to sell and nothing to ship', async () => {
    const { id, seller, product } = await selling();
    await user('admin');
    for (const role of ['buyer', 'admin']) {
      const refusal = await rejection(change(id, role));
      expect(refusal).to.include({ rule: 'StoreAtWork' });
      expect(String(refusal)).to.contain('1 product on sale and 0 orders to ship');
    }
    const buyer = { id: await user('buyer'), role: 'buyer' };
    const items = [{ product_id: product, quantity: 1 }];
    const order = dataOf(await shop.ask('PlaceOrder', buyer, { body: { shipping_address: '1 High St', items } }))['id'];
    await shop.ask('DelistProduct', admin, { params: { id: product } });
    expect(String(await rejection(change(id, 'buyer')))).to.contain('0 products on sale and 1 order to ship');
    await shop.ask('CancelOrder', admin, { params: { id: order } });
    await change(id, 'buyer');
    expect(await roleOf(id)).to.equal('buyer');
    expect(
      await rejection(shop.ask('OpenStore', { ...seller, role: 'buyer' }, { body: { name: 'Again' } })),
    ).to.include({
      rule: 'StoreExists',
    });
    expect(await roleOf(id), 'a store opens once').to.equal('buyer');
    await change(id, 'seller');
    expect(await roleOf(id)).to.equal('seller');
  });
});
