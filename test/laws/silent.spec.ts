import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { Shop } from '../../src/compose/shop.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { muteProxy } from '../support/muteProxy.ts';
import { spawnServer, type ServerProcess } from '../support/process.ts';
import { JWT_SECRET, MASTER_KEY, must, openWriteSide, peopleOf, request, type Caller } from '../support/shop.ts';

/** Silent connections are given up after some 3 s each. On a crowded machine all of it takes several times as long. */
const RECOVERED_MS = 45_000;
const TO = { shipping_address: '1 Abbey Road, London' };
const BEHIND_THE_EDGE = 'projector,relay,handlers,deadlines';

describe('a shop whose connections to Postgres go silent, while new ones work', function () {
  this.timeout(240_000);
  let database: TestDatabase;
  let write: Shop;
  const proxies: Awaited<ReturnType<typeof muteProxy>>[] = [];
  const servers: ServerProcess[] = [];
  let seller: Caller;
  let buyer: Caller;
  let product: string;

  /** A server behind a proxy of its own. */
  async function launch(ROLES?: string): Promise<ServerProcess> {
    const proxy = await muteProxy(database.url);
    proxies.push(proxy);
    const env = { DATABASE_URL: proxy.url, JWT_SECRET, MASTER_KEY, LOG_LEVEL: 'warn', ROLES };
    const server = await spawnServer({ env });
    servers.push(server);
    return server;
  }
  const shop = (): { url: string; databaseUrl: string } => ({ url: servers[0]!.url, databaseUrl: database.url });

  beforeEach(async () => {
    database = await freshDatabase();
    write = await openWriteSide(database.url);
  });
  afterEach(async () => {
    for (const server of servers) server.kill('SIGKILL');
    await Promise.all(servers.splice(0).map(({ exited }) => exited));
    for (const proxy of proxies.splice(0)) proxy.close();
    await write.close();
    await database.drop();
  });

  async function stock(): Promise<void> {
    const people = peopleOf(shop());
    seller = await people.seller();
    product = await people.product(seller, await people.category(), { stock: 1_000 });
    buyer = await people.buyer();
    await people.untilOrder(buyer, await order(), 'paid', RECOVERED_MS);
  }
  const muteAll = (): void => proxies.forEach((proxy) => proxy.mute());
  /** Repeats a request until it succeeds: what waits on a silent connection may be refused. */
  const succeeds = (what: string, caller: Caller, ask: readonly [string, string, unknown?]): Promise<string> =>
    eventually(
      what,
      async () => {
        const answer = await caller.call(...ask).catch(() => undefined);
        return answer !== undefined && answer.status < 300
          ? ((answer.data as { id?: string } | undefined)?.id ?? 'done')
          : undefined;
      },
      RECOVERED_MS,
    );
  const order = async (): Promise<string> =>
    must(await buyer.call('POST', '/orders', { ...TO, items: [{ product_id: product, quantity: 1 }] }), 201).data.id;
  const orders = (): Promise<string> =>
    succeeds('an order is placed', buyer, [
      'POST',
      '/orders',
      { ...TO, items: [{ product_id: product, quantity: 1 }] },
    ]);

  it('projects and handles payments again, without a restart', async () => {
    await launch();
    await stock();
    muteAll();
    const id = await orders();
    await peopleOf(shop()).untilOrder(buyer, id, 'paid', RECOVERED_MS);
  });

  it('places an order once and charges it once, when only the answers of Postgres get lost', async () => {
    await launch();
    await stock();
    const counted = async (): Promise<number> =>
      must(await buyer.call('GET', '/orders'), 200).body.meta.pagination.total_items;
    const before = await counted();
    const key = { 'idempotency-key': randomUUID() };
    const body = { ...TO, items: [{ product_id: product, quantity: 1 }] };
    for (const proxy of proxies) proxy.mute('answers');
    const id = await eventually(
      'an order is placed',
      async () => {
        const answer = await buyer.call('POST', '/orders', body, key).catch(() => undefined);
        return answer !== undefined && answer.status < 300 ? (answer.data.id as string) : undefined;
      },
      RECOVERED_MS,
    );
    await peopleOf(shop()).untilOrder(buyer, id, 'paid', RECOVERED_MS);
    expect(await counted()).to.equal(before + 1);
    const charged = (await write.store.readAll(0n)).filter(({ type }) => type === 'PaymentCaptured');
    expect(new Set(charged.map(({ stream }) => stream)).size).to.equal(charged.length);
  });

  it('answers again from a process that does nothing else, and is served by the others meanwhile', async () => {
    await launch('http');
    await launch(BEHIND_THE_EDGE);
    await stock();
    proxies[0]!.mute();
    await succeeds('a price is changed', seller, ['PUT', `/products/${product}`, { price: '12.50' }]);
    await eventually(
      'the new price is shown',
      async () => {
        const answer = await seller.call('GET', `/products/${product}`).catch(() => undefined);
        return answer?.status === 200 && Number(answer.data.price) === 12.5;
      },
      RECOVERED_MS,
    );
  });

  it('never serves an older price from the process that owned the read models, with another process beside it', async () => {
    await launch();
    await stock();
    await launch();
    proxies[0]!.mute();
    const other = peopleOf({ url: servers[1]!.url, databaseUrl: database.url });
    const elsewhere = await other.logIn(seller.email);
    const changed = must(await elsewhere.call('PUT', `/products/${product}`, { price: '13.50' }), 200);
    const headers = { 'min-position': changed.headers.get('event-position')! };
    for (const { url } of servers) {
      const answer = await eventually(
        'it answers',
        async () => {
          const found = await request(url, 'GET', `/products/${product}`, { headers }).catch(() => undefined);
          return found?.status === 200 ? found : undefined;
        },
        RECOVERED_MS,
      );
      expect(Number(answer.data.price)).to.equal(13.5);
    }
    await succeeds('a price is changed', seller, ['PUT', `/products/${product}`, { price: '14.50' }]);
  });
});
