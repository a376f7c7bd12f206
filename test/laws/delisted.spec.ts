import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { openStockedShop, type StockedShop } from '../support/stockedShop.ts';
import { type Json, must } from '../support/shop.ts';

const ORDER = { shipping_address: '1 Abbey Road, London' };

describe('a product that was delisted while it was in a cart', function () {
  this.timeout(60_000);
  let shop: StockedShop;
  before(async () => {
    shop = await openStockedShop();
  });
  after(() => shop.close());

  it('is shown there as unavailable, is named by the checkout that it blocks, and can be taken out', async () => {
    const { people, seller, product } = shop;
    const other = await people.product(seller, await people.category(), { name: 'Ink', price: '2.50' });
    const buyer = await people.buyer();
    for (const product_id of [product, other]) {
      must(await buyer.call('POST', '/cart/items', { product_id, quantity: 2 }), 200);
    }
    must(await seller.call('DELETE', `/products/${other}`), 200);
    const lines = ({ items }: Json): unknown[] =>
      (items as Json[]).map(({ product_id, available, price, subtotal }) => [product_id, available, price, subtotal]);
    const wanted = [
      [product, true, 10, 20],
      [other, false, 2.5, 0],
    ];
    const cart = await eventually('the cart shows that it is gone', async () => {
      const { data } = must(await buyer.call('GET', '/cart'), 200);
      return data.items[1]?.available === false ? data : undefined;
    });
    expect(lines(cart)).to.deep.equal(wanted);
    expect(cart.total).to.equal(20);
    const changed = must(await buyer.call('PUT', `/cart/items/${product}`, { quantity: 2 }), 200).data;
    expect(lines(changed), 'in the answer of a command').to.deep.equal(wanted);

    const refused = await buyer.call('POST', '/orders', ORDER);
    expect(refused.status).to.equal(409);
    expect(refused.body.type).to.equal('/problems/ProductUnavailable');
    expect(refused.body.errors).to.deep.equal([
      {
        code: 'CONFLICT',
        field: 'items.1',
        message: `Ink (${other}) can no longer be bought: take it out to check out.`,
      },
    ]);
    must(await buyer.call('DELETE', `/cart/items/${other}`), 200);
    must(await buyer.call('POST', '/orders', ORDER), 201);
  });
});
