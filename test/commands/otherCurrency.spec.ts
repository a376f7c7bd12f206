import { expect } from 'chai';
import { cartDecider } from '../../src/aggregates/cart.ts';
import { productDecider } from '../../src/aggregates/product.ts';
import { buyer, dataOf, openMemoryShop, type MemoryShop } from '../support/memoryShop.ts';
import { rejection } from '../support/rejection.ts';

const PRICE = 1_990;
const WHY = /it is priced in USD, and this shop sells in EUR\. It can be bought once its seller sets its price anew\./;

/** A product that an earlier version listed under another `CURRENCY`, and its seller. */
async function dollarProduct(shop: MemoryShop) {
  const id = await shop.list(10, PRICE, undefined, 'USD');
  const product = await shop.fromLog(productDecider, id);
  if (product.status !== 'listed') throw new Error('it is not listed');
  return { id, owner: { id: product.sellerId, role: 'seller' } };
}

const checkOut = (id: string) => ({ body: { shipping_address: 'a', items: [{ product_id: id, quantity: 2 }] } });

describe('a product priced in another currency than the shop’s', () => {
  it('cannot be put into a cart, nor bought, and holds no stock', async () => {
    const shop = openMemoryShop();
    const { id } = await dollarProduct(shop);
    const ann = buyer();
    const put = await rejection(shop.ask('AddCartItem', ann, { body: { product_id: id, quantity: 2 } }));
    expect(put).to.include({ rule: 'OtherCurrency' });
    expect(String(put)).to.match(WHY);
    const bought = await rejection(shop.ask('PlaceOrder', ann, checkOut(id)));
    expect(bought).to.include({ rule: 'ProductUnavailable' });
    expect(JSON.stringify((bought as { errors?: unknown }).errors)).to.match(WHY);
    expect(await shop.orders()).to.deep.equal([]);
    expect(await shop.leaks()).to.deep.equal({});
  });

  it('is bought at the price that its seller sets anew, in the currency of the shop', async () => {
    const shop = openMemoryShop();
    const { id, owner } = await dollarProduct(shop);
    // The same number is another price in another currency.
    await shop.ask('UpdateProduct', owner, { params: { id }, body: { price: '19.90' } });
    const ann = buyer();
    await shop.fill(ann, [id, 1]);
    const cart = dataOf(await shop.ask('ChangeCartItem', ann, { params: { product_id: id }, body: { quantity: 2 } }));
    expect(cart).to.include({ total: 39.8, currency: 'EUR' });
    await shop.ask('PlaceOrder', ann, checkOut(id));
    const [placed] = await shop.orders();
    expect(placed!.order).to.include({ currency: 'EUR', total: 2 * PRICE });
    expect(placed!.order.lines[0]).to.include({ price: PRICE, currency: 'EUR' });
  });

  it('is not counted into a cart that it was put into before', async () => {
    const shop = openMemoryShop();
    const { id } = await dollarProduct(shop);
    const euros = await shop.list(10, 500);
    const ann = buyer();
    await shop.does(cartDecider, ann.id, { type: 'AddCartItem', data: { productId: id, quantity: 1 } });
    await shop.fill(ann, [euros, 3]);
    const cart = dataOf(
      await shop.ask('ChangeCartItem', ann, { params: { product_id: euros }, body: { quantity: 1 } }),
    );
    expect(cart).to.include({ total: 5, currency: 'EUR' });
  });
});
