import { expect } from 'chai';
import { must, type Caller } from '../support/shop.ts';
import { onMission, type Mission, type Offer } from './mission.ts';

describe('the mission: cart', () => {
  let mission: Mission;
  let offer: Offer;
  let buyer: Caller;
  onMission((shared) => (mission = shared));
  before(async () => {
    offer = await mission.offer({ name: 'Inkwell', price: '12.50' });
  });
  beforeEach(async () => {
    buyer = await mission.people.buyer();
  });
  const cart = async () => must(await buyer.call('GET', '/cart'), 200).data;
  const add = async (quantity: number) =>
    must(await buyer.call('POST', '/cart/items', { product_id: offer.productId, quantity }), 200).data;

  it('CART-01, EP-34: shows the cart with names, prices, subtotals and the total', async () => {
    expect(await cart()).to.deep.include({ items: [], total: 0 });
    await add(2);
    const { items, total, currency } = await cart();
    expect(items).to.have.length(1);
    expect(items[0]).to.include({
      product_id: offer.productId,
      name: 'Inkwell',
      price: 12.5,
      quantity: 2,
      subtotal: 25,
    });
    expect({ total, currency }).to.deep.equal({ total: 25, currency: 'USD' });
  });

  it('CART-02, EP-35: adds an item, and the same product again adds up', async () => {
    await add(1);
    await add(2);
    const { items } = await cart();
    expect(items.map(({ quantity }: { quantity: number }) => quantity)).to.deep.equal([3]);
  });

  it('CART-03, EP-36: changes the quantity of an item', async () => {
    await add(1);
    must(await buyer.call('PUT', `/cart/items/${offer.productId}`, { quantity: 5 }), 200);
    expect((await cart()).total).to.equal(62.5);
  });

  it('CART-04, EP-37: removes an item', async () => {
    await add(1);
    must(await buyer.call('DELETE', `/cart/items/${offer.productId}`), 200);
    expect((await cart()).items).to.deep.equal([]);
  });

  it('CART-05: answers each change with the cart as the log has it, also right after the change', async () => {
    for (const quantity of [1, 2, 3, 4]) {
      must(await buyer.call('POST', '/cart/items', { product_id: offer.productId, quantity: 1 }), 200);
      expect((await cart()).items[0]?.quantity).to.equal(quantity);
    }
  });

  it('CART-06: keeps the cart for the next session', async () => {
    await add(4);
    const again = await mission.people.logIn(buyer.email);
    expect(must(await again.call('GET', '/cart'), 200).data.items[0]).to.include({ quantity: 4 });
  });

  it('CART-07: checks the cart out as an order and empties it', async () => {
    await add(2);
    const order = must(await buyer.call('POST', '/orders', { shipping_address: '1 Abbey Road' }), 201).data;
    expect(order).to.deep.include({ total: 25, status: 'pending' });
    expect((await cart()).items).to.deep.equal([]);
  });
});
