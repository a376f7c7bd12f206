import http from 'node:http';
import { expect } from 'chai';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { spawnServer, type ServerProcess } from '../support/process.ts';
import { REDIS, startServer, type RunningServer } from '../support/services.ts';
import { JWT_SECRET, MASTER_KEY, must, peopleOf, type Caller, type Json } from '../support/shop.ts';

const TRIES = 40;

/** Reads as a stranger, on a connection of its own, so that workers at one port take turns. */
const read = (url: string, path: string): Promise<{ status: number; data: Json }> =>
  new Promise((resolve, reject) => {
    const get = http.get(`${url}/api/v1${path}`, { agent: false, timeout: 10_000 }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.once('end', () => {
        resolve({ status: response.statusCode ?? 0, data: (JSON.parse(text) as { data?: Json }).data });
      });
    });
    get.once('error', reject);
    get.once('timeout', () => get.destroy(new Error('no answer')));
  });

describe('a stranger who reads at another process right after an acknowledged change, with Redis', function () {
  this.timeout(180_000);
  let database: TestDatabase;
  let redis: RunningServer;
  let servers: ServerProcess[] = [];
  beforeEach(async () => {
    database = await freshDatabase();
    redis = await startServer(REDIS);
  });
  afterEach(async () => {
    for (const server of servers) server.kill('SIGKILL');
    await Promise.all(servers.map((server) => server.exited));
    servers = [];
    await redis.stop();
    await database.drop();
  });

  async function serve(more: Record<string, string> = {}): Promise<string> {
    const secrets = { DATABASE_URL: database.url, JWT_SECRET, MASTER_KEY };
    const server = await spawnServer({ env: { ...secrets, REDIS_URL: redis.url, LOG_LEVEL: 'warn', ...more } });
    servers.push(server);
    return server.url;
  }

  /** The answers that showed the past. Changes are made at `writer`, and read at `reader`. */
  async function staleAt(writer: string, reader: string): Promise<string[]> {
    const people = peopleOf({ url: writer, databaseUrl: database.url });
    const seller: Caller & { storeId: string } = await people.seller();
    const category = await people.category();
    const product = await people.product(seller, category, { name: 'Astrolabe' });
    await eventually(
      'the product is readable',
      async () => (await read(reader, `/products/${product}`)).status === 200,
    );
    const paths = [
      `/products/${product}`,
      '/products?search=astrolabe',
      `/products?category_id=${category}`,
      `/stores/${seller.storeId}/products`,
    ];
    const stale: string[] = [];
    for (let tried = 1; tried <= TRIES; tried += 1) {
      const path = paths[tried % paths.length]!;
      // The first answer is kept, so a later one must not come from there.
      await read(reader, path);
      must(await seller.call('PUT', `/products/${product}`, { price: `${tried}.00` }), 200);
      const { data } = await read(reader, path);
      // A search finds the products of the calls before too, in the order of their ids.
      const found = Array.isArray(data) ? data.find(({ id }: Json) => id === product) : data;
      if (Number(found?.price) !== tried) stale.push(`${path} at try ${tried}: ${String(found?.price)}, not ${tried}`);
    }
    for (let tried = 1; tried <= TRIES / 4; tried += 1) {
      must(await seller.call('PUT', `/stores/${seller.storeId}`, { name: `Renamed ${tried}` }), 200);
      const { name } = (await read(reader, `/stores/${seller.storeId}`)).data;
      if (name !== `Renamed ${tried}`) stale.push(`store at try ${tried}: ${name}`);
      const gone = await people.product(seller, category, { name: `Gone ${tried}` });
      const { status: made } = await read(reader, `/products/${gone}`);
      if (made !== 200) stale.push(`new product at try ${tried}: ${made}`);
      must(await seller.call('DELETE', `/products/${gone}`), 200, 204);
      const { status } = await read(reader, `/products/${gone}`);
      if (status !== 404) stale.push(`deleted product at try ${tried}: ${status}`);
    }
    return stale;
  }

  it('finds it, whichever of two processes it was made at, and finds no product that was deleted', async () => {
    const whole = await serve();
    const edge = await serve({ ROLES: 'http' });
    expect(await staleAt(whole, edge), 'written where read models are kept').to.deep.equal([]);
    expect(await staleAt(edge, whole), 'read where read models are kept').to.deep.equal([]);
  });

  it('finds it at every worker of one port', async () => {
    const url = await serve({ WORKERS: '2' });
    expect(await staleAt(url, url)).to.deep.equal([]);
  });

  it('gets an answer all the same while Redis is silent', async () => {
    const whole = await serve();
    const edge = await serve({ ROLES: 'http' });
    const people = peopleOf({ url: whole, databaseUrl: database.url });
    const seller = await people.seller();
    const product = await people.product(seller, await people.category());
    redis.kill('SIGSTOP');
    must(await seller.call('PUT', `/products/${product}`, { price: '77.00' }), 200);
    expect((await read(whole, `/products/${product}`)).data.price, 'in the process that made it').to.equal(77);
    await eventually('the other process shows it too', async () => {
      const { status, data } = await read(edge, `/products/${product}`);
      expect(status).to.equal(200);
      return data.price === 77;
    });
    redis.kill('SIGCONT');
  });
});
