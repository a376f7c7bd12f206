import { expect } from 'chai';
import pg from 'pg';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { must, request, serveShop, type Caller } from '../support/shop.ts';
import { topology } from '../support/topology.ts';

const PATIENCE_MS = 40_000;
/** A disk without space, as far as the log sees it. */
const FULL = `
  CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
  CREATE TRIGGER full_disk BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION full_disk()`;

describe('a shop whose database takes no writes', function () {
  this.timeout(180_000);
  let database: TestDatabase;
  let admin: pg.Client;
  let shop: Awaited<ReturnType<typeof serveShop>>;
  let person: Caller;
  beforeEach(async () => {
    database = await freshDatabase();
    admin = new pg.Client({ connectionString: database.url });
    await admin.connect();
    shop = await serveShop(database.url);
    person = await shop.people.buyer();
  });
  afterEach(async () => {
    await shop.stop();
    await admin.end();
    await database.drop();
  });

  const ready = async (): Promise<number> => (await fetch(`${shop.url}/readyz`)).status;
  const change = () => person.call('PUT', '/users/me', { name: 'Another name' });

  /** Ends the connections of the shop, whose next ones have the database's new defaults. */
  const cut = () =>
    admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'cartulary %'`);

  it('is not ready while the database is read-only, answers 503 to writes, and reads on', async () => {
    const name = `"${new URL(database.url).pathname.slice(1)}"`;
    await admin.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
    await cut();
    await eventually('it is not ready', async () => (await ready()) === 503, PATIENCE_MS);
    const refused = await person.call('POST', '/stores', { name: 'A store' }, { 'Idempotency-Key': 'one' });
    expect(refused.status, refused.text).to.equal(503);
    must(await request(shop.url, 'GET', '/products'), 200);
    expect((await fetch(`${shop.url}/livez`)).status).to.equal(200);
    await admin.query('SET default_transaction_read_only = off');
    await admin.query(`ALTER DATABASE ${name} RESET default_transaction_read_only`);
    await cut();
    await eventually('it is ready again', async () => (await ready()) === 200, PATIENCE_MS);
    await eventually('it takes changes again', async () => (await change()).status === 200, PATIENCE_MS);
  });

  if (topology() !== 'eventstore') {
    it('is not ready for a while after the log has refused an event for lack of space, and answers 503', async () => {
      await admin.query(FULL);
      const refused = await change();
      expect(refused.status, refused.text).to.equal(503);
      expect(await eventually('it is not ready', async () => (await ready()) === 503, PATIENCE_MS)).to.equal(true);
      must(await request(shop.url, 'GET', '/products'), 200);
      await admin.query('DROP TRIGGER full_disk ON events');
      must(await change(), 200);
      await eventually('it is ready again', async () => (await ready()) === 200, PATIENCE_MS);
    });
  }
});
