import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { connect, type NatsConnection } from 'nats';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { muteProxy } from '../support/muteProxy.ts';
import { spawnServer, type ServerProcess } from '../support/process.ts';
import { NATS, REDIS } from '../support/services.ts';
import { JWT_SECRET, MASTER_KEY, must, peopleOf, request, type Caller } from '../support/shop.ts';
import { topology, topologySettings } from '../support/topology.ts';

/** A silent connection is replaced after some 3 to 6 s. On a crowded machine all of it takes several times as long. */
const RECOVERED_MS = 45_000;
/** A process asks a silent Redis a few times, each with a timeout of 150 ms. */
const ANSWER_MAX_MS = 5_000;
const TO = { shipping_address: '1 Abbey Road, London' };
const STREAM_BYTES_MAX = String(64 * 1024 * 1024);

type Proxy = Awaited<ReturnType<typeof muteProxy>>;
type Part = 'REDIS_URL' | 'NATS_URL' | 'EVENTSTORE_URL';

interface Process {
  readonly server: ServerProcess;
  /** A proxy before each part, by the setting that names it. */
  readonly before: Readonly<Partial<Record<Part, Proxy>>>;
}

/** Two processes of one shop, each behind proxies of its own: one that only answers, and one that does everything. */
describe('a shop whose connections to other servers go silent, while new ones work', function () {
  this.timeout(240_000);
  let database: TestDatabase;
  let front: Process;
  let back: Process;
  let seller: Caller;
  let buyer: Caller;
  let product: string;
  let nats: NatsConnection;
  let prefix: string;

  async function launch(parts: Readonly<Partial<Record<Part, string>>>, ROLES?: string): Promise<Process> {
    const before: Partial<Record<Part, Proxy>> = {};
    for (const [part, url] of Object.entries(parts)) before[part as Part] = await muteProxy(url);
    const urls = Object.fromEntries(Object.entries(before).map(([part, { url }]) => [part, url]));
    const limits = { NATS_PREFIX: prefix, NATS_MAX_BYTES: STREAM_BYTES_MAX };
    const shared = { DATABASE_URL: database.url, JWT_SECRET, MASTER_KEY, LOG_LEVEL: 'error', ROLES };
    return { server: await spawnServer({ env: { ...shared, ...limits, ...urls } }), before };
  }

  before(async () => {
    database = await freshDatabase();
    prefix = new URL(database.url).pathname.slice(1);
    const { EVENTSTORE_URL } = topologySettings(database.url);
    const parts = {
      REDIS_URL: process.env[REDIS.env]!,
      NATS_URL: process.env[NATS.env]!,
      ...(EVENTSTORE_URL === undefined ? {} : { EVENTSTORE_URL }),
    };
    back = await launch(parts);
    front = await launch(parts, 'http');
    nats = await connect({ servers: parts.NATS_URL });
    const people = peopleOf({ url: back.server.url, databaseUrl: database.url });
    seller = await people.seller();
    product = await people.product(seller, await people.category(), { stock: 1_000 });
    buyer = await people.buyer();
  });
  after(async () => {
    for (const { server, before: proxies } of [front, back]) {
      server.kill('SIGKILL');
      await server.exited;
      for (const proxy of Object.values(proxies)) proxy.close();
    }
    await nats.close();
    await database.drop();
  });

  const failing = async ({ server }: Process): Promise<string[]> => {
    const { data } = (await (await fetch(`${server.url}/readyz`)).json()) as {
      data: { checks: readonly { name: string; status: string }[] };
    };
    return data.checks.filter(({ status }) => status === 'failing').map(({ name }) => name);
  };
  /** Readiness names the part while it stands, and not for ever. */
  const toldOf = async (of: Process, part: string): Promise<void> => {
    await eventually(`${part} is told as failing`, async () => (await failing(of)).includes(part));
    await eventually(`${part} is told as well again`, async () => (await failing(of)).length === 0, RECOVERED_MS);
  };
  const priceAt = async ({ server }: Process): Promise<number> => {
    const began = performance.now();
    const answer = must(await request(server.url, 'GET', `/products/${product}`), 200);
    expect(performance.now() - began).to.be.below(ANSWER_MAX_MS);
    return Number(answer.data.price);
  };
  const changePrice = async (price: string): Promise<void> => {
    must(await seller.call('PUT', `/products/${product}`, { price }), 200);
  };
  const order = async (): Promise<string> => {
    const key = { 'idempotency-key': randomUUID() };
    const body = { ...TO, items: [{ product_id: product, quantity: 1 }] };
    const answer = await eventually(
      'an order is placed',
      async () => {
        const given = await buyer.call('POST', '/orders', body, key);
        return given.status < 300 ? given : undefined;
      },
      RECOVERED_MS,
    );
    return answer.data.id as string;
  };
  const untilPaid = (id: string): Promise<unknown> =>
    peopleOf({ url: back.server.url, databaseUrl: database.url }).untilOrder(buyer, id, 'paid', RECOVERED_MS);

  for (const [which, muted] of [
    ['only answers', () => front],
    ['changes the read models', () => back],
  ] as const) {
    it(`shows a new price everywhere, in time, when the process that ${which} has a silent Redis`, async () => {
      await Promise.all([priceAt(front), priceAt(back)]);
      const price = 20 + Math.floor(Math.random() * 1_000);
      muted().before.REDIS_URL!.mute();
      const shows = async (): Promise<void> => {
        await changePrice(`${price}.00`);
        for (const one of [front, back]) {
          await eventually('the new price is shown', async () => (await priceAt(one)) === price, RECOVERED_MS);
        }
      };
      await Promise.all([toldOf(muted(), 'redis'), shows()]);
    });
  }

  it('handles orders meanwhile, and publishes each, when NATS is silent', async () => {
    const manager = await nats.jetstreamManager();
    const subject = `${prefix}.order.OrderPlaced`;
    const lastPublished = async (): Promise<string> => {
      const stream = await manager.streams.find(subject);
      const message = await manager.streams.getMessage(stream, { last_by_subj: subject });
      return message.json<{ subject: string }>().subject;
    };
    await untilPaid(await order());
    back.before.NATS_URL!.mute();
    const publishes = async (): Promise<void> => {
      const id = await order();
      await untilPaid(id);
      await eventually(
        'the last order is published',
        async () => (await lastPublished()) === `order-${id}`,
        RECOVERED_MS,
      );
    };
    await Promise.all([toldOf(back, 'nats'), publishes()]);
  });

  if (topology() === 'eventstore') {
    it('places an order once, and handles it, when the log is silent', async () => {
      await untilPaid(await order());
      const counted = async (): Promise<number> =>
        must(await buyer.call('GET', '/orders'), 200).body.meta.pagination.total_items;
      const before = await counted();
      for (const one of [front, back]) one.before.EVENTSTORE_URL!.mute();
      const places = async (): Promise<unknown> => untilPaid(await order());
      await Promise.all([toldOf(back, 'eventstore'), places()]);
      expect(await counted()).to.equal(before + 1);
    });
  }
});
