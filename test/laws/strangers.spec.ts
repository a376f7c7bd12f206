import { expect } from 'chai';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { spawnServer, type ServerProcess } from '../support/process.ts';
import { JWT_SECRET, MASTER_KEY, must, peopleOf, request, type Answer } from '../support/shop.ts';

const TRIES = 40;

describe('a stranger who reads right after an acknowledged change', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  let server: ServerProcess;
  before(async () => {
    database = await freshDatabase();
    server = await spawnServer({
      env: { DATABASE_URL: database.url, JWT_SECRET, MASTER_KEY, LOG_LEVEL: 'warn' },
    });
  });
  after(async () => {
    server.kill('SIGKILL');
    await server.exited;
    await database.drop();
  });

  const read = (path: string): Promise<Answer> => request(server.url, 'GET', path);

  it('finds it in the product, in lists and in searches, and finds no product that was deleted', async () => {
    const people = peopleOf({ url: server.url, databaseUrl: database.url });
    const seller = await people.seller();
    const category = await people.category();
    const product = await people.product(seller, category, { name: 'Astrolabe' });
    const stale: string[] = [];
    const expectPrice = async (path: string, price: number, tried: number): Promise<void> => {
      const { data } = must(await read(path), 200);
      const [found] = Array.isArray(data) ? data : [data];
      if (Number(found?.price) !== price) stale.push(`${path} at try ${tried}: ${String(found?.price)}, not ${price}`);
    };
    const paths = [
      `/products/${product}`,
      '/products?search=astrolabe',
      `/products?category_id=${category}`,
      `/stores/${seller.storeId}/products`,
    ];
    for (let tried = 1; tried <= TRIES; tried += 1) {
      // The first answer is kept, so a later one must not come from there.
      await read(paths[tried % paths.length]!);
      must(await seller.call('PUT', `/products/${product}`, { price: `${tried}.00` }), 200);
      await expectPrice(paths[tried % paths.length]!, tried, tried);
    }
    must(await seller.call('PUT', `/stores/${seller.storeId}`, { name: 'Renamed' }), 200);
    expect(must(await read(`/stores/${seller.storeId}`), 200).data.name).to.equal('Renamed');
    for (let tried = 1; tried <= TRIES / 4; tried += 1) {
      const gone = await people.product(seller, category, { name: `Gone ${tried}` });
      must(await read(`/products/${gone}`), 200);
      await seller.call('DELETE', `/products/${gone}`);
      const { status } = await read(`/products/${gone}`);
      if (status !== 404) stale.push(`deleted product at try ${tried}: ${status}`);
    }
    expect(stale).to.deep.equal([]);
  });
});
