import { expect } from 'chai';
import { type OrderRow, orders } from '../../src/projections/orders.ts';
import { cartView } from '../../src/queries/cart.ts';
import { orderView } from '../../src/queries/order.ts';
import { sellerOrderView } from '../../src/queries/sellerOrder.ts';
import { stockView } from '../../src/queries/product.ts';
import { userView } from '../../src/queries/user.ts';
import { advanced, paid } from '../aggregates/orderExamples.ts';
import { type Fact, NOW, recordedEvents, rowsOf } from '../support/given.ts';

const rowOf = (...facts: Fact[]): OrderRow => rowsOf(orders, recordedEvents(...facts))[0]!;
const ofOrder = (events: readonly Fact[1][]): Fact[] => events.map((event) => ['order-one', event]);

describe('a view of a cart', () => {
  const products = new Map([
    ['tea', { name: 'Tea', price: 1_990, currency: 'EUR', listed: true, image: null }],
    ['cup', { name: 'Cup', price: 333, currency: 'EUR', listed: true, image: null }],
    ['pot', { name: 'Pot', price: 5_000, currency: 'EUR', listed: false, image: null }],
    ['mug', { name: 'Mug', price: 700, currency: 'JPY', listed: true, image: null }],
  ]);
  const items = [
    { productId: 'tea', quantity: 2 },
    { productId: 'cup', quantity: 3 },
  ];

  it('has the price of each product as it is now, and their sum', () => {
    const view = cartView(items, products, 'EUR', NOW);
    expect(view.items.map(({ name, price, subtotal }) => [name, price, subtotal])).to.deep.equal([
      ['Tea', 19.9, 39.8],
      ['Cup', 3.33, 9.99],
    ]);
    expect(view).to.include({ total: 49.79, currency: 'EUR', updated_at: NOW });
  });

  it('marks what can no longer be bought, or is priced in another currency, which costs nothing', () => {
    const more = ['pot', 'mug'].map((productId) => ({ productId, quantity: 2 }));
    const view = cartView([...items, ...more], products, 'EUR', NOW);
    expect(view.items.map(({ name, available, subtotal }) => [name, available, subtotal])).to.deep.equal([
      ['Tea', true, 39.8],
      ['Cup', true, 9.99],
      ['Pot', false, 0],
      ['Mug', false, 0],
    ]);
    expect(view.items[2]).to.include({ price: 50, currency: 'EUR', quantity: 2 });
    expect(view.items[3]).to.include({ price: 700, currency: 'JPY', quantity: 2 });
    expect(view.total).to.equal(49.79);
  });

  it('is empty before anything was put in', () => {
    expect(cartView([], products, 'JPY', null)).to.deep.equal({
      items: [],
      total: 0,
      currency: 'JPY',
      updated_at: null,
    });
  });
});

describe('a view of an order', () => {
  it('shows amounts in major units and each store’s part of the way', () => {
    const view = orderView(rowOf(...ofOrder([...paid, ...advanced('north', 'processing')])));
    expect(view).to.include({ id: 'one', status: 'paid', total: 100, currency: 'EUR' });
    expect(view.items.map(({ price, quantity, subtotal }) => [price, quantity, subtotal])).to.deep.equal([
      [30, 2, 60],
      [40, 1, 40],
    ]);
    expect(view.fulfilments).to.deep.equal([
      { store_id: 'north', status: 'processing' },
      { store_id: 'south', status: 'paid' },
    ]);
    expect(view.payment).to.include({ id: 'p1', method: 'sandbox', status: 'captured', captured: 100, refunded: 0 });
  });

  it('shows an address as it was given, and one that is forgotten as such', () => {
    const row = rowOf(...ofOrder(paid));
    const address = { line1: '1 High Street', city: 'York' };
    expect(orderView({ ...row, shipping_address: JSON.stringify(address) }).shipping_address).to.deep.equal(address);
    expect(orderView({ ...row, shipping_address: '"1 High Street, York"' }).shipping_address).to.equal(
      '1 High Street, York',
    );
    expect(orderView({ ...row, shipping_address: '[erased]' }).shipping_address).to.equal('[erased]');
    expect(orderView(row).billing_address).to.equal(null);
  });

  it('for a seller has their lines alone, their part of the total and of the way', () => {
    const row = rowOf(...ofOrder([...paid, ...advanced('north', 'processing')]));
    const view = sellerOrderView(row, 'north');
    expect(view.items.map(({ store_id }) => store_id)).to.deep.equal(['north']);
    expect(view).to.include({ id: 'one', store_id: 'north', total: 60, status: 'processing' });
    expect(sellerOrderView(row, 'south')).to.include({ total: 40, status: 'paid' });
    expect(Object.keys(view)).to.not.include.members(['payment', 'billing_address', 'buyer_id', 'notes']);
  });
});

describe('other views', () => {
  it('of stock say what is free, held and there', () => {
    expect(stockView({ on_hand: 10, reserved: 3 })).to.deep.equal({ available: 7, reserved: 3, total: 10 });
  });

  it('of a person have neither password nor claims', () => {
    const row = {
      ...{ id: 'ann', email: 'e', name: 'n', phone: null, address: null, role: 'buyer' as const, store_id: null },
      ...{ email_verified: false, second_factor: false, recovery_codes_left: 0 },
      ...{ is_active: true, created_at: NOW, updated_at: NOW, password_hash: 'secret', phone_claim: 'claim' },
    };
    expect(JSON.stringify(userView(row))).to.not.match(/secret|claim/);
  });
});
