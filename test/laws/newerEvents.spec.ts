import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { Shop } from '../../src/compose/shop.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { must, openWriteSide, serveShopApart, type Caller, type Json } from '../support/shop.ts';

const TYPE = 'ProductBlessed';

describe('a process that meets an event which only a newer version knows', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  let server: Awaited<ReturnType<typeof serveShopApart>>;
  let write: Shop;
  let seller: Caller;
  let blessed: string;
  let other: string;
  /** Of the event. */
  let position: bigint;

  before(async () => {
    database = await freshDatabase();
    server = await serveShopApart(database.url);
    write = await openWriteSide(database.url);
    seller = await server.people.seller();
    const category = await server.people.category();
    blessed = await server.people.product(seller, category);
    other = await server.people.product(seller, category);
    await eventually(
      'the products are readable',
      async () => (await seller.call('GET', `/products/${other}`)).status === 200,
    );
    const last = (await write.store.read(`product-${blessed}`)).at(-1)!;
    const event = { id: randomUUID(), type: TYPE, data: {}, metadata: { ...last.metadata, commandId: randomUUID() } };
    const appended = await write.store.append(`product-${blessed}`, last.revision, [event]);
    if (appended.outcome !== 'appended') throw new Error('another event came first');
    ({ position } = appended);
  });
  after(async () => {
    server.process().kill('SIGKILL');
    await server.process().exited;
    await write.close();
    await database.drop();
  });

  const readiness = async (): Promise<Json> => ((await (await fetch(`${server.shop.url}/readyz`)).json()) as Json).data;

  it('says so, by the name of the type, and is ready all the same', async () => {
    await eventually('it says so', async () => {
      const { status, checks } = await readiness();
      return status === 'degraded' && checks.some(({ name }: Json) => name === `event type ${TYPE}`);
    });
    expect((await fetch(`${server.shop.url}/readyz`)).status).to.equal(200);
    await eventually('its log says so', () => Promise.resolve(server.process().output().includes(TYPE)));
  });

  it('decides nothing on that stream, and goes on deciding on others', async () => {
    const refused = await seller.call('PUT', `/products/${blessed}`, { price: '3.00' });
    expect([refused.status, refused.body.type]).to.deep.equal([503, '/problems/NewerVersion']);
    expect(await write.store.read(`product-${blessed}`).then((events) => events.at(-1)!.type)).to.equal(TYPE);
    must(await seller.call('PUT', `/products/${other}`, { price: '3.00' }), 200);
  });

  it('takes no read model and no handler past it', async () => {
    const rows = await write.db.rows<{ name: string; position: string }>(
      'SELECT name, position::text FROM checkpoints',
    );
    expect(rows.map(({ name }) => name)).to.include.members(['projection:products', 'consumer:payment']);
    const passed = rows.filter((row) => BigInt(row.position) >= position);
    expect(passed.map(({ name }) => name)).to.deep.equal([]);
  });

  it('goes past it after a restart that says so', async () => {
    await server.process().end('SIGTERM');
    await server.restart({ NEWER_EVENTS: 'pass' });
    await eventually('the later change is there', async () => {
      const { status, data } = await seller.call('GET', `/products/${other}`);
      return status === 200 && data.price === 3;
    });
    expect((await readiness()).status).to.equal('ok');
    const refused = await seller.call('PUT', `/products/${blessed}`, { price: '3.00' });
    expect(refused.status, 'on the stream of the event').to.equal(503);
  });
});
