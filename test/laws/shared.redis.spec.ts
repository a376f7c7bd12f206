import { expect } from 'chai';
import { Redis } from 'ioredis';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { REDIS, startServer, type RunningServer } from '../support/services.ts';
import { must, request, serveShop, type Caller, type Json } from '../support/shop.ts';

const WRITES = 15;
/** A process sends a frozen Redis a few commands, each with a timeout of 150 ms, before it treats Redis as down. */
const FROZEN_ANSWER_MAX_MS = 2_000;

/** Two whole shops over one database and one Redis. Only the first one projects. */
describe('shops that share a Redis', function () {
  this.timeout(90_000);
  let database: TestDatabase;
  let server: RunningServer;
  let admin: Redis;
  let shops: Awaited<ReturnType<typeof serveShop>>[];
  let seller: Caller & { storeId: string };
  let product: string;

  before(async () => {
    database = await freshDatabase();
    server = await startServer(REDIS);
    admin = new Redis(server.url);
    admin.on('error', () => undefined);
    const env = { REDIS_URL: server.url };
    shops = [await serveShop(database.url, env), await serveShop(database.url, { ...env, ROLES: 'http' })];
    const { people } = shops[0]!;
    seller = await people.seller();
    product = await people.product(seller, await people.category(), { name: 'Quill 0' });
  });
  after(async () => {
    server.kill('SIGCONT');
    for (const shop of shops) await shop.stop();
    admin.disconnect();
    await server.stop();
    await database.drop();
  });

  const signedInAt = (shop: number): Promise<Caller> => shops[shop]!.people.logIn(seller.email);
  const nameAt = async (shop: number): Promise<string> =>
    must(await request(shops[shop]!.url, 'GET', `/products/${product}`), 200).data.name as string;
  const renamed = async (caller: Caller, name: string): Promise<void> => {
    must(await caller.call('PUT', `/products/${product}`, { name }), 200);
  };
  /** The public answers of a shop, without the parts that are new in each answer. */
  const seenAt = async (shop: number): Promise<Json[]> => {
    const paths = [`/products/${product}`, '/products', `/products/${product}/related`, '/categories'];
    paths.push(`/stores/${seller.storeId}`, '/products?search=quill&sort_by=price');
    const answers = await Promise.all(paths.map((path) => request(shops[shop]!.url, 'GET', path)));
    return answers.map((answer) => {
      const { data, pagination } = must(answer, 200).body;
      return { data, pagination, etag: answer.headers.get('etag') };
    });
  };

  it('show everybody their own writes, whichever they wrote to and whichever they ask', async () => {
    const callers = [await signedInAt(0), await signedInAt(1)];
    for (let turn = 1; turn <= WRITES; turn += 1) {
      const name = `Quill ${turn}`;
      await renamed(callers[turn % 2]!, name);
      const seen = must(await callers[(turn + 1) % 2]!.call('GET', `/products/${product}`), 200);
      expect(seen.data.name, 'asked elsewhere').to.equal(name);
      expect(must(await callers[turn % 2]!.call('GET', `/products/${product}`), 200).data.name).to.equal(name);
    }
  });

  it('show those who have just registered at one who they are at the other', async () => {
    for (let turn = 0; turn < 3; turn += 1) {
      const email = `buyer-${turn}-${product}@example.com`;
      const body = { email, password: 'correct horse battery' };
      must(await request(shops[0]!.url, 'POST', '/auth/register', { body: { ...body, name: 'Ada' } }), 201);
      const { data } = must(await request(shops[0]!.url, 'POST', '/auth/login', { body }), 200);
      const me = await request(shops[1]!.url, 'GET', '/users/me', { token: data.access_token });
      expect(must(me, 200).data.email).to.equal(email);
    }
  });

  it('show everybody in both what was changed through one, though it was cached by both', async () => {
    const writer = await signedInAt(0);
    await Promise.all([nameAt(0), nameAt(1)]);
    await renamed(writer, 'Goose quill');
    await eventually('the new name is everywhere', async () => {
      const names = await Promise.all([nameAt(0), nameAt(1)]);
      return names.every((name) => name === 'Goose quill');
    });
  });

  it('answer the same after a flush, from the cache or not', async () => {
    for (const shop of [0, 1]) {
      const made = await seenAt(shop);
      const cached = await seenAt(shop);
      await admin.flushall();
      const anew = await seenAt(shop);
      expect(cached).to.deep.equal(made);
      expect(anew).to.deep.equal(made);
    }
  });

  it('stay right and quick while Redis is frozen, and after', async () => {
    const [first, second] = [await signedInAt(0), await signedInAt(1)];
    await nameAt(1);
    server.kill('SIGSTOP');
    for (let turn = 1; turn <= 5; turn += 1) {
      const began = performance.now();
      await renamed(first, `Frozen ${turn}`);
      expect(must(await first.call('GET', `/products/${product}`), 200).data.name).to.equal(`Frozen ${turn}`);
      expect(performance.now() - began).to.be.below(FROZEN_ANSWER_MAX_MS);
    }
    await eventually('the other one knows too', async () => (await nameAt(1)) === 'Frozen 5');
    server.kill('SIGCONT');
    await renamed(second, 'Thawed');
    await eventually('both know', async () => (await nameAt(0)) === 'Thawed' && (await nameAt(1)) === 'Thawed');
  });

  it('stay right without Redis, and use it again when it is back', async () => {
    const writer = await signedInAt(0);
    await server.end('SIGKILL');
    await renamed(writer, 'Without');
    expect(must(await writer.call('GET', `/products/${product}`), 200).data.name).to.equal('Without');
    await eventually('the other one knows too', async () => (await nameAt(1)) === 'Without');
    const ready = await (await fetch(`${shops[0]!.url}/readyz`)).text();
    expect(ready).to.match(/degraded/);
    server = await startServer(REDIS, { port: server.port, dir: server.dir });
    await eventually('answers are kept in Redis again', async () => {
      await Promise.all([nameAt(0), nameAt(1)]);
      return (await admin.keys('*:e:*').catch(() => [])).length > 0;
    });
    expect(await nameAt(0)).to.equal('Without');
    await renamed(writer, 'With');
    await eventually('both know', async () => (await nameAt(0)) === 'With' && (await nameAt(1)) === 'With');
    expect((await fetch(`${shops[0]!.url}/metrics`).then((answer) => answer.text())).includes('redis_up 1')).to.equal(
      true,
    );
  });
});
