import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { expect } from 'chai';
import pg from 'pg';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { trade, type Trade } from '../support/foreign.ts';
import { runCartulary, temporaryFolder } from '../support/process.ts';
import { mustBeRebuilt } from '../support/rebuilt.ts';
import { JWT_SECRET, MASTER_KEY, must, request, serveShop } from '../support/shop.ts';
import { equip, strip } from '../support/topology.ts';

/** Tables in which a shop writes although nothing happens in it: leases are renewed, old answers are deleted. */
const RESTLESS = new Set(['checkpoints', 'idempotency_keys']);
const ODD_SCHEMA = 'Odd "name" of a shop';

interface Place {
  readonly url: string;
  readonly schema: string;
  /** Settings by which shops in one database keep apart elsewhere. */
  readonly env: Record<string, string>;
}

describe('shops beside each other in one database', function () {
  this.timeout(240_000);
  let database: TestDatabase;
  let admin: pg.Client;
  const places: Place[] = [];
  const shops: Awaited<ReturnType<typeof serveShop>>[] = [];
  const trades: Trade[] = [];
  const role = `role_${randomUUID().slice(0, 8)}`;

  async function place(schema: string, change: (url: URL) => void): Promise<Place> {
    const url = new URL(database.url);
    change(url);
    if (url.href !== database.url) await equip(url.href);
    const made = { url: url.href, schema, env: { NATS_PREFIX: `p${randomUUID().replaceAll('-', '')}` } };
    places.push(made);
    return made;
  }

  before(async () => {
    database = await freshDatabase({ migrated: false });
    admin = new pg.Client({ connectionString: database.url });
    await admin.connect();
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`);
    await admin.query(`CREATE SCHEMA ${role} AUTHORIZATION ${role}`);
    await admin.query(`CREATE SCHEMA ${pg.escapeIdentifier(ODD_SCHEMA)}`);
    await place('public', () => undefined);
    await place(role, (url) => {
      url.username = role;
      url.password = 'secret';
    });
    await place(ODD_SCHEMA, (url) => url.searchParams.set('schema', ODD_SCHEMA));
    for (const { url, env } of places) shops.push(await serveShop(url, env));
  });
  after(async () => {
    for (const shop of shops) await shop.stop();
    for (const { url } of places) if (url !== database.url) await strip(url);
    await admin.query(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`);
    await admin.end();
    await database.drop();
  });

  const run = ({ url, env }: Place, ...args: string[]) =>
    runCartulary(args, { env: { DATABASE_URL: url, JWT_SECRET, MASTER_KEY, LOG_LEVEL: 'warn', ...env } });

  /** A mark of all rows of the quiet tables in a schema. */
  async function marks(schema: string): Promise<Record<string, string>> {
    const { rows } = await admin.query<{ name: string }>(
      'SELECT tablename AS name FROM pg_tables WHERE schemaname = $1 ORDER BY 1',
      [schema],
    );
    const found: Record<string, string> = {};
    for (const { name } of rows.filter((row) => !RESTLESS.has(row.name))) {
      const table = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`;
      const sql = `SELECT md5(coalesce(string_agg(t::text, ',' ORDER BY t::text), '')) AS mark FROM ${table} t`;
      found[name] = (await admin.query<{ mark: string }>(sql)).rows[0]!.mark;
    }
    return found;
  }

  it('have their tables in their own schemas, with the same names', async () => {
    const all = await Promise.all(places.map(({ schema }) => marks(schema)));
    expect(Object.keys(all[0]!)).to.include.members(['events', 'orders', 'products', 'migrations']);
    for (const one of all) expect(Object.keys(one)).to.deep.equal(Object.keys(all[0]!));
  });

  it('fill their read models, say truthfully that they are ready, and write in no table of another', async () => {
    for (const [index, shop] of shops.entries()) {
      const others = places.filter((_, other) => other !== index);
      const before = await Promise.all(others.map(({ schema }) => marks(schema)));
      trades.push(await trade(shop.people, `Good ${index}`));
      expect((await fetch(`${shop.url}/readyz`)).status).to.equal(200);
      expect(await Promise.all(others.map(({ schema }) => marks(schema)))).to.deep.equal(before);
    }
    for (const [index, shop] of shops.entries()) {
      const { body } = must(await request(shop.url, 'GET', '/products'), 200);
      const names = (body.data as { name: string }[]).map(({ name }) => name);
      expect(names).to.deep.equal([`Good ${index}`]);
      for (const { product } of trades.filter((_, other) => other !== index)) {
        must(await request(shop.url, 'GET', `/products/${product}`), 404);
      }
    }
  });

  it('are rebuilt each for itself, at once', async () => {
    for (const rebuilt of await Promise.all(places.map((one) => run(one, 'rebuild', '--all', '--json')))) {
      mustBeRebuilt(rebuilt);
    }
    for (const [index, { buyer, order }] of trades.entries()) {
      const { data } = must(await buyer.call('GET', `/orders/${order}`), 200);
      expect(data.status, places[index]!.schema).to.equal('paid');
    }
  });

  it('are looked after each for itself, by the command line', async () => {
    for (const one of places) {
      const status = await run(one, 'migrate', 'status', '--json');
      expect((JSON.parse(status.answer) as { pending: string[] }).pending).to.deep.equal([]);
      const audit = await run(one, 'projections', '--json');
      expect(audit.code, audit.output).to.equal(0);
      const down = await run(one, 'migrate', 'down');
      expect(down.output).to.contain('Stop it first');
    }
  });

  it('are backed up each for itself, and a backup goes into a further schema', async () => {
    const file = path.join(temporaryFolder('schemas'), 'export.ndjson');
    const exported = await run(places[1]!, 'export', file);
    expect(exported.code, exported.output).to.equal(0);
    const before = await Promise.all(places.map(({ schema }) => marks(schema)));
    await admin.query('CREATE SCHEMA further');
    const further = await place('further', (url) => url.searchParams.set('schema', 'further'));
    const imported = await run(further, 'import', 'events', file, '--json');
    expect(imported.code, imported.output).to.equal(0);
    const rebuilt = await run(further, 'rebuild', '--all');
    expect(rebuilt.code, rebuilt.output).to.equal(0);
    const { rows } = await admin.query<{ name: string }>('SELECT name FROM further.products');
    expect(rows).to.deep.equal([{ name: 'Good 1' }]);
    expect(await Promise.all(places.slice(0, 3).map(({ schema }) => marks(schema)))).to.deep.equal(before);
  });

  it('are stopped and taken back each for itself', async () => {
    await shops[2]!.stop();
    const odd = places[2]!;
    const before = await Promise.all(places.slice(0, 2).map(({ schema }) => marks(schema)));
    const down = await run(odd, 'migrate', 'down');
    expect(down.code, down.output).to.equal(0);
    const up = await run(odd, 'migrate', 'up');
    expect(up.code, up.output).to.equal(0);
    expect(await Promise.all(places.slice(0, 2).map(({ schema }) => marks(schema)))).to.deep.equal(before);
  });
});
