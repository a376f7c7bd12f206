import { expect } from 'chai';
import { Redis } from 'ioredis';
import { eventually } from '../support/eventually.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { REDIS, startServer, type RunningServer } from '../support/services.ts';
import { must, request, serveShop, type Caller, type Json, type Served } from '../support/shop.ts';

const PASSWORD = 'a password for Redis';
const BOTH_LIMITS = { RATE_LIMIT_PUBLIC: '100000', RATE_LIMIT_AUTH: '100000' };

describe('the mission: the cache in Redis', function () {
  this.timeout(60_000);
  let redis: RunningServer;
  let client: Redis;
  let database: TestDatabase;
  let shop: Served;
  let buyer: Caller;
  let productId: string;
  before(async () => {
    redis = await startServer(REDIS, { args: ['--requirepass', PASSWORD] });
    client = new Redis({ port: redis.port, password: PASSWORD });
    client.on('error', () => undefined);
    database = await freshDatabase();
    const { people, ...rest } = await serveShop(database.url, {
      ...{ REDIS_URL: '', REDIS_HOST: '127.0.0.1', REDIS_PORT: String(redis.port), REDIS_PASSWORD: PASSWORD },
      ...BOTH_LIMITS,
    });
    shop = { people, ...rest };
    productId = await people.product(await people.seller(), await people.category());
    buyer = await people.buyer();
  });
  after(async () => {
    await shop.stop();
    await database.drop();
    client.disconnect();
    await redis.stop();
  });
  const keys = (pattern: string): Promise<string[]> => client.keys(pattern);

  it('CACHE-08: gives Redis its password, and nobody else gets in', async () => {
    const stranger = new Redis({ port: redis.port, lazyConnect: true, retryStrategy: () => null });
    stranger.on('error', () => undefined);
    const refused: unknown = await stranger.call('GET', 'x').catch((error: unknown) => error);
    stranger.disconnect();
    expect(String(refused)).to.include('NOAUTH');
    const { data } = (await (await fetch(`${shop.url}/readyz`)).json()) as Json;
    const { status } = data.checks.find(({ name }: Json) => name === 'redis');
    expect(status).to.equal('ok');
  });

  it('CACHE-11: keeps answers in Redis for all processes', async () => {
    await eventually('the product is kept', async () => {
      must(await request(shop.url, 'GET', `/products/${productId}`), 200);
      return (await keys(`*GetProduct*${productId}*`)).length > 0;
    });
  });

  it('CACHE-10: counts requests for the rate limits in Redis, and leaves nothing there without an end', async () => {
    const count = async (): Promise<number> => {
      const windows = (await keys('*')).map(async (key) =>
        (await client.type(key)) === 'hash' ? client.hvals(key) : [],
      );
      return (await Promise.all(windows)).flat().reduce((sum, value) => sum + Number(value), 0);
    };
    const before = await count();
    for (let at = 0; at < 5; at += 1) must(await buyer.call('GET', '/users/me'), 200);
    expect(await count()).to.be.at.least(before + 5);
    const ends = await Promise.all((await keys('*')).map((key) => client.pttl(key)));
    expect(ends.filter((ms) => ms === -1)).to.deep.equal([]);
  });

  it('CACHE-09, CART-05: keeps the cart in the log, so that it is there with Redis and without', async () => {
    must(await buyer.call('POST', '/cart/items', { product_id: productId, quantity: 2 }), 200);
    expect(must(await buyer.call('GET', '/cart'), 200).data).to.include({ total: 20 });
    await client.flushall();
    expect(must(await buyer.call('GET', '/cart'), 200).data).to.include({ total: 20 });
    await redis.end('SIGKILL');
    must(await buyer.call('PUT', `/cart/items/${productId}`, { quantity: 3 }), 200);
    expect(must(await buyer.call('GET', '/cart'), 200).data).to.include({ total: 30 });
  });
});
