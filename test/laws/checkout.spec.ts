import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { must, serveShop, type Answer, type Caller, type People } from '../support/shop.ts';
import { eventually } from '../support/eventually.ts';

const ADDRESS = { shipping_address: '1 Abbey Road, London' };

describe('checkout', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let shop: Awaited<ReturnType<typeof serveShop>>;
  let people: People;
  let seller: Caller;
  let category: string;

  before(async () => {
    database = await freshDatabase();
    shop = await serveShop(database.url);
    people = shop.people;
    seller = await people.seller();
    category = await people.category();
  });
  after(async () => {
    await shop.stop();
    await database.drop();
  });

  const stockOf = async (productId: string) => must(await seller.call('GET', `/products/${productId}`), 200).data.stock;

  for (const keys of ['the same key', 'keys of their own', 'no key'] as const) {
    it(`makes one order of one cart, asked for 50 times at once with ${keys}`, async () => {
      const buyer = await people.buyer();
      const product = await people.product(seller, category, { stock: 100 });
      must(await buyer.call('POST', '/cart/items', { product_id: product, quantity: 2 }), 200);
      const shared = randomUUID();
      const keyOf = (): Record<string, string> =>
        keys === 'no key' ? {} : { 'idempotency-key': keys === 'the same key' ? shared : randomUUID() };
      const answers = await Promise.all(
        Array.from({ length: 50 }, () => buyer.call('POST', '/orders', ADDRESS, keyOf())),
      );
      const placed = answers.filter(({ status }) => status === 201);
      const others = answers.filter(({ status }) => status !== 201);
      expect(new Set(placed.map(({ data }) => data.id)).size).to.equal(1);
      if (keys !== 'the same key') expect(placed).to.have.length(1);
      for (const { status, body } of others) {
        expect([409, 400], JSON.stringify(body)).to.include(status);
        expect(['CONFLICT', 'EMPTY_CART']).to.include(body.errors[0].code);
      }
      const { body } = must(await buyer.call('GET', '/orders'), 200);
      expect(body.meta.pagination.total_items).to.equal(1);
      expect(must(await buyer.call('GET', '/cart'), 200).data.items).to.deep.equal([]);
      expect(await stockOf(product)).to.deep.equal({ available: 98, reserved: 2, total: 100 });
    });
  }

  it('sells a stock of 10 to exactly 10 of 200 buyers at once', async () => {
    const product = await people.product(seller, category, { stock: 10 });
    const buyers: Caller[] = [];
    for (let batch = 0; batch < 10; batch += 1) {
      buyers.push(...(await Promise.all(Array.from({ length: 20 }, () => people.buyer()))));
    }
    await Promise.all(
      buyers.map(async (buyer) =>
        must(await buyer.call('POST', '/cart/items', { product_id: product, quantity: 1 }), 200),
      ),
    );
    const answers: Answer[] = await Promise.all(
      buyers.map((buyer) => buyer.call('POST', '/orders', ADDRESS, { 'idempotency-key': randomUUID() })),
    );
    expect(answers.filter(({ status }) => status === 201)).to.have.length(10);
    for (const { body } of answers.filter(({ status }) => status !== 201)) {
      expect(body.status).to.equal(409);
      expect(body.errors.map(({ code }: { code: string }) => code)).to.deep.equal(['INSUFFICIENT_STOCK']);
    }
    expect(await stockOf(product)).to.deep.equal({ available: 0, reserved: 10, total: 10 });
  });

  it('gives everything back when one line cannot be had, and names that line', async () => {
    const buyer = await people.buyer();
    const plenty = await people.product(seller, category, { stock: 5 });
    const scarce = await people.product(seller, category, { name: 'Vellum', stock: 1 });
    must(await buyer.call('POST', '/cart/items', { product_id: plenty, quantity: 2 }), 200);
    must(await buyer.call('POST', '/cart/items', { product_id: scarce, quantity: 2 }), 200);
    const { body } = must(await buyer.call('POST', '/orders', ADDRESS), 409);
    expect(body.errors).to.have.length(1);
    expect(body.errors[0]).to.include({ code: 'INSUFFICIENT_STOCK', field: 'items.1' });
    expect(body.errors[0].message).to.contain('Vellum');
    await eventually('nothing is reserved', async () => (await stockOf(plenty)).reserved === 0);
    expect(await stockOf(scarce)).to.deep.equal({ available: 1, reserved: 0, total: 1 });
    must(await buyer.call('PUT', `/cart/items/${scarce}`, { quantity: 1 }), 200);
    must(await buyer.call('POST', '/orders', ADDRESS), 201);
  });

  it('freezes the price; the cart shows today’s', async () => {
    const buyer = await people.buyer();
    const product = await people.product(seller, category, { price: '10.00' });
    must(await buyer.call('POST', '/cart/items', { product_id: product, quantity: 2 }), 200);
    must(await seller.call('PUT', `/products/${product}`, { price: 12.5 }), 200);
    await eventually('the cart shows the new price', async () => (await buyer.call('GET', '/cart')).data.total === 25);
    const order = must(await buyer.call('POST', '/orders', ADDRESS), 201).data;
    must(await seller.call('PUT', `/products/${product}`, { price: '99.00' }), 200);
    expect((await buyer.call('GET', `/orders/${order.id}`)).data.total).to.equal(25);
  });
});
