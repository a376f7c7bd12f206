import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { createPool } from '../../src/platform/postgres/pool.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { must, request, serveShop, type Served } from '../support/shop.ts';

const HELD_MS = 1_000;
const PASSWORD = 'correct horse battery';

describe('a server that starts on a shop whose read models are behind', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let shop: Served | undefined;
  before(async () => {
    database = await freshDatabase();
  });
  after(async () => {
    await shop?.stop();
    await database.drop();
  });

  it('serves once they show what was acknowledged before', async () => {
    const behind = await serveShop(database.url, { ROLES: 'http' });
    const email = `ada-${randomUUID()}@example.com`;
    let token: string;
    try {
      const body = { email, password: PASSWORD, name: 'Ada' };
      must(await request(behind.url, 'POST', '/auth/register', { body }), 201);
      token = must(await request(behind.url, 'POST', '/auth/login', { body: { email, password: PASSWORD } }), 200).data
        .access_token;
    } finally {
      await behind.stop();
    }
    const pool = createPool({ url: database.url, name: 'test', max: 1, int8: 'number' });
    const connection = await pool.connect();
    try {
      // The read model cannot follow while this is held, for less than the start may wait.
      await connection.query('BEGIN; LOCK TABLE users IN EXCLUSIVE MODE');
      const starting = serveShop(database.url).then((served) => (shop = served));
      await Promise.race([starting, delay(HELD_MS)]);
      if (shop !== undefined) must(await request(shop.url, 'GET', '/users/me', { token }), 200);
      await connection.query('COMMIT');
      shop = await starting;
    } finally {
      connection.release(true);
      await pool.end();
    }
    must(await request(shop.url, 'GET', '/users/me', { token }), 200);
  });
});
