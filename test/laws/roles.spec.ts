import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { runCartulary, spawnServer, type ServerProcess } from '../support/process.ts';
import { JWT_SECRET, MASTER_KEY, must, peopleOf, request } from '../support/shop.ts';

const ORDER = { shipping_address: '1 Abbey Road, London' };
const STOP_MS = 30_000;

describe('a shop of many processes', function () {
  this.timeout(180_000);
  let database: TestDatabase;
  let env: Record<string, string>;
  let parts: Record<'http' | 'other' | 'projector' | 'handlers' | 'deadlines', ServerProcess>;

  const launch = (roles: string, more: Record<string, string> = {}): Promise<ServerProcess> =>
    spawnServer({ env: { ...env, ROLES: roles, ...more } });

  before(async () => {
    // Not migrated: all processes start at the same time and compete for the migration.
    database = await freshDatabase({ migrated: false });
    env = { DATABASE_URL: database.url, JWT_SECRET, MASTER_KEY, LOG_LEVEL: 'warn', CHECKOUT_DEADLINE: '2s' };
    const [http, other, projector, handlers, deadlines] = await Promise.all([
      launch('http'),
      launch('http'),
      launch('projector'),
      launch('relay,handlers'),
      launch('deadlines'),
    ]);
    parts = { http, other, projector, handlers, deadlines };
  });
  after(async () => {
    for (const server of Object.values(parts)) server.kill('SIGKILL');
    await Promise.all(Object.values(parts).map(({ exited }) => exited));
    await database.drop();
  });

  it('sells like one of a single process', async () => {
    const shop = { url: parts.http.url, databaseUrl: database.url };
    const people = peopleOf(shop);
    const seller = await people.seller();
    const product = await people.product(seller, await people.category());
    const buyer = await people.buyer();
    must(await buyer.call('POST', '/cart/items', { product_id: product, quantity: 2 }), 200);
    const { id } = must(await buyer.call('POST', '/orders', ORDER), 201).data;
    await people.untilOrder(buyer, id, 'paid');
    must(await seller.call('PUT', `/orders/${id}/status`, { status: 'processing' }), 200);
    await people.untilOrder(buyer, id, 'processing');
  });

  it('shows in one what was written through another, though no process waits there and it was cached there', async () => {
    const people = peopleOf({ url: parts.http.url, databaseUrl: database.url });
    const seller = await people.seller();
    const product = await people.product(seller, await people.category(), { name: 'Quill' });
    const seen = async (): Promise<string | undefined> =>
      (await request(parts.other.url, 'GET', `/products/${product}`)).data?.name;
    await eventually('the other process knows the product', async () => (await seen()) === 'Quill');
    const { headers } = must(await seller.call('PUT', `/products/${product}`, { name: 'Goose quill' }), 200);
    await eventually('the other process knows its new name', async () => (await seen()) === 'Goose quill', 3_000);
    const position = headers.get('event-position') ?? '';
    const waited = await request(parts.other.url, 'GET', `/products/${product}`, {
      headers: { 'min-position': position },
    });
    expect(must(waited, 200).data.name).to.equal('Goose quill');
  });

  it('tells of itself in each process, and answers the API in none but those that are there for it', async () => {
    for (const { url } of [parts.projector, parts.handlers, parts.deadlines]) {
      for (const page of ['/livez', '/readyz', '/health']) {
        expect((await fetch(url + page)).status, page).to.equal(200);
      }
      expect((await request(url, 'GET', '/products')).status).to.equal(404);
      expect((await fetch(`${url}/docs`)).status).to.equal(404);
    }
    const metrics = async (server: ServerProcess): Promise<string> => (await fetch(`${server.url}/metrics`)).text();
    expect(await metrics(parts.projector)).to.contain('cartulary_projection_lag_events{name="orders"}');
    expect(await metrics(parts.projector)).to.not.contain('cartulary_consumer_lag_events{');
    expect(await metrics(parts.handlers)).to.contain('cartulary_consumer_lag_events{name="payment"}');
    expect(await metrics(parts.http)).to.contain('route="/api/v1/orders"');
  });

  it('gives back what a checkout that broke off held, in the process that is there for it', async () => {
    const breaking = await launch('http', { FAILPOINT: 'checkout:reserved' });
    const shop = { url: breaking.url, databaseUrl: database.url };
    const people = peopleOf(shop);
    const seller = await people.seller();
    const product = await people.product(seller, await people.category());
    const buyer = await people.buyer();
    must(await buyer.call('POST', '/cart/items', { product_id: product, quantity: 2 }), 200);
    await buyer.call('POST', '/orders', ORDER).catch(() => undefined);
    expect(await breaking.exited).to.deep.equal({ code: null, signal: 'SIGKILL' });
    shop.url = parts.http.url;
    await eventually(
      'the stock is whole again',
      async () => {
        const { data } = await seller.call('GET', `/products/${product}/stock`);
        return data?.reserved === 0 && data.available === 10;
      },
      20_000,
    );
  });

  it('refuses roles that there are not, and those that cannot be apart', async () => {
    const unknown = await runCartulary(['serve', '--roles', 'http,cook'], { env });
    expect(unknown.code).to.equal(78);
    expect(unknown.output).to.contain(
      'ROLES must name some of http, projector, relay, handlers, deadlines (not: cook)',
    );
    const alone = await runCartulary(['serve', '--roles', 'http'], { env: { DATA_DIR: `/nowhere/${randomUUID()}` } });
    expect(alone.code).to.equal(78);
    expect(alone.output).to.contain('set DATABASE_URL');
  });

  it('stops each of them in time, with 0', async () => {
    for (const server of Object.values(parts)) {
      expect(await server.end('SIGTERM', STOP_MS)).to.deep.equal({ code: 0, signal: null });
    }
  });
});
