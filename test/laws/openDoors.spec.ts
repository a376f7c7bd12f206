import { expect } from 'chai';
import { readStream } from '../../src/engine/decide/answer.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/ports.ts';
import { runCartulary, spawnServer, type ServerProcess } from '../support/process.ts';
import {
  type Caller,
  JWT_SECRET,
  MASTER_KEY,
  must,
  openWriteSide,
  request,
  serveShop,
  type Served,
  serving,
} from '../support/shop.ts';

const TOKEN = 'a-token-for-scrapers';
const STOP_MS = 30_000;

describe('the inside of a process in production', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  const settings = (more: Record<string, string>): Record<string, string> => ({
    ...{ DATABASE_URL: database.url, JWT_SECRET, MASTER_KEY, LOG_LEVEL: 'warn', NODE_ENV: 'production' },
    ...more,
  });

  before(async () => {
    database = await freshDatabase();
  });
  after(() => database.drop());

  const during = async (env: Record<string, string>, work: (server: ServerProcess) => Promise<void>): Promise<void> => {
    const server = await spawnServer({ env: settings(env) });
    try {
      await work(server);
    } finally {
      await server.end('SIGTERM', STOP_MS);
    }
  };
  const get = async (url: string, token?: string) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const answer = await fetch(url, { headers });
    return { status: answer.status, text: await answer.text() };
  };
  /** Shows nothing but that all is well. Parts of a process may still be starting when it serves. */
  const untilReady = (url: string): Promise<unknown> =>
    eventually('nothing but `ok` is shown', async () => {
      const { data } = JSON.parse((await get(`${url}/readyz`)).text);
      expect(data).to.have.all.keys('status');
      return data.status === 'ok' || undefined;
    });
  const SOLD = 'cartulary_projection_lag_events';

  it('is closed at the port of the shop, however it is asked for', async () => {
    await during({}, async ({ url }) => {
      for (const path of ['/metrics', '/metrics/', '/METRICS', '/%6detrics']) {
        const { status, text } = await get(url + path, TOKEN);
        expect(status, path).to.equal(404);
        expect(text).not.to.contain(SOLD);
      }
      expect((await fetch(`${url}/metrics`, { method: 'POST' })).status).to.equal(404);
      const ready = await get(`${url}/readyz`);
      expect(ready.status).to.equal(200);
      await untilReady(url);
    });
  });

  it('is open at a port of its own, where the shop is not', async () => {
    const port = await freePort();
    await during({ METRICS_PORT: String(port) }, async ({ url }) => {
      const own = `http://127.0.0.1:${port}`;
      const metrics = await get(`${own}/metrics`);
      expect(metrics.status).to.equal(200);
      expect(metrics.text).to.contain(SOLD);
      const ready = await get(`${own}/readyz`);
      expect(JSON.parse(ready.text).data.checks).to.not.deep.equal([]);
      for (const path of ['/api/v1/products', '/docs', '/openapi.json']) {
        expect((await get(own + path)).status, path).to.equal(404);
      }
      expect((await get(`${url}/metrics`)).status).to.equal(404);
      expect((await get(`${url}/api/v1/products`)).status).to.equal(200);
    });
  });

  it('is open to callers with the token alone, at either port', async () => {
    const port = await freePort();
    for (const roles of ['http,projector,handlers,deadlines', 'projector,handlers,deadlines']) {
      await during({ METRICS_TOKEN: TOKEN, ROLES: roles }, async ({ url }) => {
        for (const wrong of [undefined, 'another-token-altogether', `${TOKEN}x`]) {
          expect((await get(`${url}/metrics`, wrong)).status, wrong).to.equal(401);
        }
        expect((await get(`${url}/metrics`, TOKEN)).text).to.contain(SOLD);
        await untilReady(url);
        expect(JSON.parse((await get(`${url}/readyz`, TOKEN)).text).data).to.have.property('checks');
      });
    }
    await during({ METRICS_TOKEN: TOKEN, METRICS_PORT: String(port) }, async ({ url }) => {
      expect((await get(`http://127.0.0.1:${port}/metrics`)).status).to.equal(401);
      expect((await get(`http://127.0.0.1:${port}/metrics`, TOKEN)).text).to.contain(SOLD);
      expect((await get(`${url}/metrics`, TOKEN)).status).to.equal(404);
    });
  });

  it('is shown by any of several workers at the port of its own', async () => {
    const port = await freePort();
    await during({ METRICS_PORT: String(port), WORKERS: '2' }, async ({ url }) => {
      expect((await get(`http://127.0.0.1:${port}/metrics`)).text).to.contain('cartulary_workers 3');
      expect((await get(`${url}/metrics`)).status).to.equal(404);
    });
  });

  it('is not served when its port is that of the shop, or is taken', async () => {
    const port = String(await freePort());
    const same = await runCartulary(['serve'], { env: settings({ PORT: port, METRICS_PORT: port }) });
    expect([same.code, same.output]).to.satisfy(
      ([code, output]: [number, string]) => code === 78 && output.includes('METRICS_PORT must not be PORT'),
    );
    await during({}, async ({ url }) => {
      const taken = await runCartulary(['serve'], { env: settings({ METRICS_PORT: new URL(url).port }) });
      expect(taken.code).to.equal(1);
      expect(taken.output).to.contain('set METRICS_PORT to another');
    });
  });
});

describe('the idempotency key of a stranger', function () {
  this.timeout(60_000);
  let shop: Served;
  serving((served) => (shop = served));

  const post = (path: string, body: object, key = 'one-key-for-all') =>
    request(shop.url, 'POST', path, { body, headers: { 'idempotency-key': key } });
  const password = 'correct horse battery';

  it('hinders no other stranger with the same key, and still gives one account for one registration', async () => {
    const register = (name: string) => post('/auth/register', { email: `${name}@example.com`, password, name });
    const ada = must(await register('ada'), 201);
    must(await register('bob'), 201);
    const again = must(await register('ada'), 201);
    expect(again.headers.get('idempotency-replayed')).to.equal('true');
    expect(again.data.id).to.equal(ada.data.id);
  });

  it('is not taken by login, refresh and logout: each gives what it gives', async () => {
    const logIn = (name: string) => post('/auth/login', { email: `${name}@example.com`, password });
    const [ada, bob, again] = [await logIn('ada'), await logIn('bob'), await logIn('ada')].map((answer) =>
      must(answer, 200),
    );
    expect(new Set([ada, bob, again].map((answer) => answer!.data.refresh_token)).size).to.equal(3);
    const refresh = (refresh_token: string) => post('/auth/refresh', { refresh_token });
    const renewed = must(await refresh(ada!.data.refresh_token), 200);
    must(await refresh(bob!.data.refresh_token), 200);
    expect(renewed.data.refresh_token).to.not.equal(ada!.data.refresh_token);
    must(await post('/auth/logout', { refresh_token: renewed.data.refresh_token }), 200);
    must(await post('/auth/logout', { refresh_token: again!.data.refresh_token }), 200);
  });
});

describe('a shop whose BCRYPT_COST was raised', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  before(async () => {
    database = await freshDatabase();
  });
  after(() => database.drop());

  const during = async (cost: string, work: (shop: Served) => Promise<void>) => {
    const shop = await serveShop(database.url, { BCRYPT_COST: cost });
    try {
      await work(shop);
    } finally {
      await shop.stop();
    }
  };

  it('hashes a password again at the next login, once, and ends no session by it', async () => {
    let ada: Caller;
    await during('4', async ({ people }) => {
      ada = await people.buyer('ada');
    });
    await during('6', async ({ people, url }) => {
      for (let login = 0; login < 2; login += 1) {
        const person = await people.logIn(ada.email);
        must(await person.call('GET', '/users/me'), 200);
      }
      must(await request(url, 'GET', '/users/me', { headers: { ...ada.headers } }), 200);
    });
    const write = await openWriteSide(database.url);
    const types = (await readStream(write.store, `user-${ada!.id}`)).map(({ type }) => type);
    await write.close();
    expect(types).to.deep.equal(['UserRegistered', 'PasswordRehashed']);
  });
});
