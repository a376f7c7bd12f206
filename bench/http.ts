import { randomUUID } from 'node:crypto';
import http from 'node:http';
import path from 'node:path';
import { commands } from '../src/commands/index.ts';
import { eventually } from '../test/support/eventually.ts';
import { HEAP_BOUNDS, TEST_SETTINGS } from '../test/support/process.ts';
import { JWT_SECRET, MASTER_KEY, must, peopleOf, request, type People } from '../test/support/shop.ts';
import { compare, load, wire } from './load.ts';
import { fromRounds, medians, type Round } from './measure.ts';
import type { BenchOptions, BenchRow } from './row.ts';
import { DIST, ROOT, serve, type Serving } from './serving.ts';
import type { BytesYardstick, ExpressYardstick, RedisYardstick } from './yardstick.ts';

const CONNECTIONS = 64;
/** A cart holds at most 999 of a product, so each connection buys for several buyers in turn. */
const BUYERS = 4 * CONNECTIONS;
const STOCK = 1_000_000;
const ROUND_MS = 3_000;
const ROUND_QUICK_MS = 300;
const YARDSTICK = path.join(ROOT, 'dist/bench/bench/yardstick.js');
/** Headers that every server sets itself. */
const TRANSIENT_HEADERS = new Set(['date', 'connection', 'keep-alive']);

interface Bench {
  readonly server: Serving;
  readonly people: People;
  readonly options: BenchOptions;
  readonly durationMs: number;
}

export const startYardstick = (
  kind: string,
  given: BytesYardstick | ExpressYardstick | RedisYardstick,
): Promise<Serving> => serve({ args: [YARDSTICK, kind], env: {}, stdin: JSON.stringify(given) });

const whole = (value: number): string => Math.round(value).toLocaleString('en');
const details = (rounds: readonly Round[], { server }: Bench): string => {
  const { ours, theirs } = medians(rounds);
  return `${whole(ours)}/s to ${whole(theirs)}/s; server ${whole(server.rssMb())} MB`;
};

/** An answer with its headers as they were sent. */
export function rawGet(url: string): Promise<BytesYardstick> {
  return new Promise((resolve, reject) => {
    http
      .get(url, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => (body += text));
        response.once('end', () => {
          const headers: string[] = [];
          for (let index = 0; index < response.rawHeaders.length; index += 2) {
            const [name = '', value = ''] = response.rawHeaders.slice(index, index + 2);
            if (!TRANSIENT_HEADERS.has(name.toLowerCase())) headers.push(name, value);
          }
          resolve({ headers, body });
        });
      })
      .once('error', reject);
  });
}

/** Access tokens of this many new buyers. */
async function buyersOf(url: string, count: number): Promise<string[]> {
  const signedIn = async (): Promise<string> => {
    const body = { email: `buyer-${randomUUID()}@example.com`, password: 'correct horse battery' };
    must(await request(url, 'POST', '/auth/register', { body: { ...body, name: 'Buyer' } }), 201);
    return must(await request(url, 'POST', '/auth/login', { body }), 200).data.access_token as string;
  };
  const tokens: string[] = [];
  while (tokens.length < count) tokens.push(...(await Promise.all(Array.from({ length: 16 }, signedIn))));
  return tokens;
}

async function productsOf(people: People, count: number): Promise<string[]> {
  const seller = await people.seller();
  const category = await people.category();
  const products: string[] = [];
  for (let index = 0; index < count; index += 1) {
    products.push(await people.product(seller, category, { name: `Quill ${index}`, stock: STOCK }));
  }
  return products;
}

async function cachedGet(bench: Bench, product: string): Promise<BenchRow> {
  const { server, options, durationMs } = bench;
  const path = `/api/v1/products/${product}`;
  await eventually('the product is readable', async () => (await fetch(server.url + path)).status === 200);
  const yardstick = await startYardstick('bytes', await rawGet(server.url + path));
  const bytes = wire('GET', path);
  const against = (url: string) => load({ url, connections: CONNECTIONS, durationMs, next: () => bytes });
  const rounds = await compare(
    options,
    () => against(server.url),
    () => against(yardstick.url),
  );
  await yardstick.stop();
  return {
    id: 'cached-get',
    better: 'more',
    what: '`GET /products/:id`, cached',
    against: 'bare `node:http` answering the same bytes',
    ...fromRounds(rounds),
    atLeast: 0.5,
    details: details(rounds, bench),
  };
}

async function addToCart(bench: Bench, tokens: readonly string[], product: string): Promise<BenchRow> {
  const { server, options, durationMs } = bench;
  const path = '/api/v1/cart/items';
  const body = { product_id: product, quantity: 1 };
  const schema = commands.find(({ route }) => route === 'POST /cart/items')?.body;
  if (schema === undefined) throw new Error('there is no POST /cart/items');
  const { data } = must(await request(server.url, 'POST', '/cart/items', { body, token: tokens[0]! }), 200);
  const given: ExpressYardstick = { path, jwtSecret: JWT_SECRET, schema, data };
  const yardstick = await startYardstick('express', given);
  const requests = tokens.map((token) => wire('POST', path, { token, body }));
  let turn = 0;
  const next = (connection: number): Buffer => requests[((turn++ >> 6) * CONNECTIONS + connection) % requests.length]!;
  const against = (url: string) => load({ url, connections: CONNECTIONS, durationMs, next });
  const rounds = await compare(
    options,
    () => against(server.url),
    () => against(yardstick.url),
  );
  await yardstick.stop();
  return {
    id: 'cart-post',
    better: 'more',
    what: '`POST /cart/items` by signed-in buyers, 64 connections, durable',
    against: 'bare Express (same server set-up) with the same JWT check and ajv validation, no store',
    ...fromRounds(rounds),
    atLeast: 0.3,
    details: details(rounds, bench),
  };
}

async function checkouts(bench: Bench, tokens: readonly string[], products: readonly string[]): Promise<BenchRow> {
  const { server, options, durationMs } = bench;
  const order = (token: string, product: string): Buffer =>
    wire('POST', '/api/v1/orders', {
      token,
      body: { shipping_address: 'Quill Lane 1', items: [{ product_id: product, quantity: 1 }] },
    });
  const hot = tokens.map((token) => order(token, products[0]!));
  const spread = tokens.map((token, index) => order(token, products[index % products.length]!));
  const of = (requests: readonly Buffer[]) =>
    load({ url: server.url, connections: CONNECTIONS, durationMs, next: (connection) => requests[connection]! });
  const rounds = await compare(
    options,
    () => of(hot),
    () => of(spread),
  );
  return {
    id: 'hot-checkout',
    better: 'more',
    what: 'checkouts of one hot product, 64 connections',
    against: 'the same over 64 products',
    ...fromRounds(rounds),
    atLeast: 0.4,
    details: details(rounds, bench),
  };
}

export async function run(options: BenchOptions): Promise<BenchRow[]> {
  const { url, quick } = options;
  const env = { ...TEST_SETTINGS, NODE_ENV: 'production', DATABASE_URL: url, JWT_SECRET, MASTER_KEY };
  const server = await serve({ args: [...HEAP_BOUNDS, path.join(DIST, 'cli/cartulary.js'), 'serve'], env });
  try {
    const people = peopleOf({ url: server.url, databaseUrl: url });
    const bench = {
      server,
      people,
      options,
      durationMs: quick ? ROUND_QUICK_MS : ROUND_MS,
    };
    const products = await productsOf(people, CONNECTIONS);
    const tokens = await buyersOf(server.url, BUYERS);
    return [
      await cachedGet(bench, products[0]!),
      await addToCart(bench, tokens, products[0]!),
      await checkouts(bench, tokens, products),
    ];
  } finally {
    await server.stop();
  }
}
