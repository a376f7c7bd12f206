import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { freshDatabase } from '../support/database.ts';
import { must, PASSWORD, request, serveShop, type Json, type Served } from '../support/shop.ts';
import { onMission, type Mission } from './mission.ts';

/** Asks a shop that has these limits, and stops it afterwards. */
async function limited(env: Record<string, string>, use: (shop: Served) => Promise<void>): Promise<void> {
  const database = await freshDatabase();
  const shop = await serveShop(database.url, env);
  try {
    await use(shop);
  } finally {
    await shop.stop();
    await database.drop();
  }
}

const LIMITS = {
  ...{ RATE_LIMIT_PUBLIC: '4', RATE_LIMIT_AUTH: '6', RATE_LIMIT_LOGIN: '3' },
  ...{ RATE_LIMIT_REGISTER: '2', RATE_LIMIT_REFRESH: '2' },
};

describe('the mission: answers', () => {
  let mission: Mission;
  onMission((shared) => (mission = shared));

  it('RSP-01, RSP-02: wraps every success in data and meta, and a list with its pagination', async () => {
    const { productId, seller } = await mission.offer();
    const one = must(await mission.ask('GET', `/products/${productId}`), 200).body;
    expect(Object.keys(one)).to.deep.equal(['data', 'meta']);
    expect(one.meta.request_id).to.be.a('string');
    expect(Date.parse(one.meta.timestamp)).to.be.a('number').and.not.to.be.NaN;
    const list = must(await mission.ask('GET', `/products?store_id=${seller.storeId}`), 200).body;
    expect(list.meta.pagination).to.include({ current_page: 1, per_page: 20, total_items: 1, total_pages: 1 });
  });

  it('RSP-03, RSP-05: names every wrong field of a request at once, with code, field and message', async () => {
    const { status, body } = await mission.ask('POST', '/auth/register', { email: 'none', password: '', name: '' });
    expect(status).to.equal(400);
    const fields = body.errors.map((error: Json) => [error.code, error.field, typeof error.message]);
    for (const field of ['email', 'password']) expect(fields).to.deep.include(['VALIDATION_ERROR', field, 'string']);
    expect(body.meta).to.include.keys('request_id', 'timestamp');
  });

  it('RSP-06: answers a login with access_token, refresh_token, token_type and expires_in', async () => {
    const { email } = await mission.people.buyer();
    const { data } = must(await mission.ask('POST', '/auth/login', { email, password: PASSWORD }), 200);
    expect(data).to.include.keys('access_token', 'refresh_token', 'token_type', 'expires_in');
  });

  it('RSP-07: answers errors of the router as JSON of the same form', async () => {
    for (const [method, path, expected] of [
      ['GET', '/api/v1/nothing', 404],
      ['PATCH', '/api/v1/auth/login', 405],
      ['GET', '/nothing', 404],
    ] as const) {
      const response = await fetch(mission.url + path, { method });
      const body = (await response.json()) as Json;
      expect([response.status, body.errors.length]).to.deep.equal([expected, 1]);
    }
  });
});

describe('the mission: rate limits', () => {
  const email = `ada-${randomUUID()}@example.com`;
  const login = { email, password: PASSWORD };

  it('RL-01, RL-02, RL-03, RL-04, RL-05, RL-06, RL-07, RL-08, RL-09, RL-10, RL-11, RL-12, RSP-04, ENV-14: counts the requests of an address and of an account', async () => {
    await limited(LIMITS, async ({ url }) => {
      const statuses = async (count: number, method: string, path: string, options: object = {}) => {
        const all = [];
        for (let at = 0; at < count; at += 1) all.push(await request(url, method, path, options));
        return { codes: all.map(({ status }) => status), last: all.at(-1)! };
      };
      const registration = { body: { ...login, name: 'Ada' } };
      expect((await statuses(3, 'POST', '/auth/register', registration)).codes).to.deep.equal([201, 409, 429]);
      const logins = await statuses(4, 'POST', '/auth/login', { body: login });
      expect(logins.codes).to.deep.equal([200, 200, 200, 429]);
      const { headers, body } = logins.last;
      const wait = Number(headers.get('retry-after'));
      expect(wait).to.be.within(1, 61);
      expect(body).to.include({ status: 429, error: 'RATE_LIMITED', retry_after: `${wait} seconds` });
      expect(body.message).to.equal(body.detail);
      expect(headers.get('ratelimit')).to.be.a('string');
    });
    await limited(LIMITS, async ({ url, people }) => {
      const ada = await people.buyer();
      const refreshed = [];
      const { refresh_token } = (
        await request(url, 'POST', '/auth/login', { body: { email: ada.email, password: PASSWORD } })
      ).data;
      for (let at = 0; at < 3; at += 1) {
        refreshed.push((await request(url, 'POST', '/auth/refresh', { body: { refresh_token } })).status);
      }
      expect(refreshed).to.deep.equal([200, 401, 429]);
      const seen = [];
      for (let at = 0; at < 7; at += 1) seen.push((await ada.call('GET', '/cart')).status);
      expect(seen.at(-1)).to.equal(429);
      const open = [];
      for (let at = 0; at < 5; at += 1) open.push((await request(url, 'GET', '/products')).status);
      expect(open.at(-1)).to.equal(429);
    });
  });
});
