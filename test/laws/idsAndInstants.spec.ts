import net from 'node:net';
import { expect } from 'chai';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { must, type Caller, serveShop } from '../support/shop.ts';

describe('ids and instants', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let shop: Awaited<ReturnType<typeof serveShop>>;
  let seller: Caller & { storeId: string };
  let buyer: Caller;
  let category: string;
  let product: string;
  let order: string;

  before(async () => {
    database = await freshDatabase();
    shop = await serveShop(database.url);
    seller = await shop.people.seller();
    buyer = await shop.people.buyer();
    category = await shop.people.category();
    product = await shop.people.product(seller, category.toUpperCase());
    const items = [
      { product_id: product, quantity: 1 },
      { product_id: product.toUpperCase(), quantity: 2 },
    ];
    const placed = await buyer.call('POST', '/orders', { shipping_address: '1 Abbey Road', items });
    order = must(placed, 201).data.id;
    expect(placed.data.items).to.have.length(1);
    expect(placed.data.items[0]).to.include({ product_id: product, quantity: 3 });
  });
  after(async () => {
    await shop.stop();
    await database.drop();
  });

  it('in upper case are the same ids: in paths, queries and bodies', async () => {
    const [upper, inPath] = [product.toUpperCase(), (id: string) => id.toUpperCase()];
    const made = must(await buyer.call('GET', `/products/${upper}`), 200).data;
    expect([made.id, made.category_id]).to.deep.equal([product, category]);
    must(await buyer.call('POST', '/cart/items', { product_id: product, quantity: 1 }), 200);
    const added = must(await buyer.call('POST', '/cart/items', { product_id: upper, quantity: 1 }), 200).data;
    expect(added.items).to.have.length(1);
    expect(added.items[0]).to.include({ product_id: product, quantity: 2 });
    must(await buyer.call('PUT', `/cart/items/${upper}`, { quantity: 3 }), 200);
    expect(must(await buyer.call('DELETE', `/cart/items/${upper}`), 200).data.items).to.deep.equal([]);
    for (const search of [`category_id=${inPath(category)}`, `store_id=${inPath(seller.storeId)}`]) {
      expect(must(await buyer.call('GET', `/products?${search}`), 200).data, search).to.have.length(1);
    }
    must(await seller.call('PUT', `/products/${upper}`, { category_id: inPath(category) }), 200);
    const repeated = await buyer.call('POST', '/payments', { order_id: inPath(order), method: 'sandbox' });
    expect(repeated.status, repeated.text).to.not.equal(404);
  });

  it('that are true name one moment in any zone, also at a leap second', async () => {
    const { created_at: createdAt } = must(await buyer.call('GET', `/orders/${order}`), 200).data;
    const later = new Date(Date.parse(createdAt) + 3_600_000).toISOString().slice(0, 19);
    for (const text of [`${later}Z`, `${later}z`, `${later}%2B00:00`, `${later}-00:30`, '2099-12-31T23:59:60Z']) {
      expect(must(await buyer.call('GET', `/orders/${order}?as_of=${text}`), 200).data.id, text).to.equal(order);
    }
    const before = '2016-12-31T23:59:60Z';
    expect((await buyer.call('GET', `/orders/${order}?as_of=${before}`)).status).to.equal(404);
  });

  it('that are none are refused before anything is looked up', async () => {
    for (const text of ['2026-12-31T23:59:59%2B02', '2026-12-31T12:00:60Z', '2026-02-30T00:00:00Z', '2026-12-31']) {
      const { status, body } = await buyer.call('GET', `/orders/${order}?as_of=${text}`);
      expect([status, body.errors[0].field], text).to.deep.equal([400, 'as_of']);
    }
  });

  it('are found by a request target in absolute form too', async () => {
    const { host, hostname, port } = new URL(shop.url);
    const statusOf = (target: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = net.connect(Number(port), hostname, () =>
          socket.write(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
        );
        let answer = '';
        socket.setTimeout(5_000, () => socket.destroy(new Error('no answer')));
        socket
          .on('data', (chunk) => (answer += chunk.toString()))
          .once('error', reject)
          .once('close', () => resolve(answer.split(' ')[1] ?? ''));
      });
    for (const path of [
      `/api/v1/products/${product}`,
      '/api/v1/products?page=1',
      '/health',
      '/docs',
      '/openapi.json',
    ]) {
      expect([path, await statusOf(path)]).to.deep.equal([path, '200']);
      for (const origin of [`http://${host}`, 'HTTP://shop.example', 'https://shop.example:8443']) {
        expect([origin, path, await statusOf(`${origin}${path}`)]).to.deep.equal([origin, path, '200']);
      }
    }
    expect(await statusOf(`http://${host}/api/v1/nothing`)).to.equal('404');
  });
});
