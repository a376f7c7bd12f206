import http from 'node:http';
import path from 'node:path';
import { Client } from 'pg';
import { eventually } from '../test/support/eventually.ts';
import { HEAP_BOUNDS, TEST_SETTINGS } from '../test/support/process.ts';
import { JWT_SECRET, MASTER_KEY, must, peopleOf, type Caller } from '../test/support/shop.ts';
import { fromRounds, median, roundsOf, type Round } from './measure.ts';
import type { BenchOptions, BenchRow } from './row.ts';
import { DIST, serve, type Serving } from './serving.ts';

const ROUNDS = 5;
const CHANGES = 100;
const CHANGES_QUICK = 5;
const TIMEOUT_MS = 10_000;

/** One keep-alive connection of a reader without a token. */
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

const read = (url: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const request = http.get(url, { agent, timeout: TIMEOUT_MS }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.once('end', () => resolve(text));
    });
    request.once('error', reject);
    request.once('timeout', () => request.destroy(new Error('no answer')));
  });

interface Reading {
  readonly writer: Caller;
  readonly product: string;
  /** The product at the process that is asked. */
  readonly url: string;
  readonly rows: Client;
}

/** How long something takes until it shows a price, ms. */
async function until(show: () => Promise<number>, price: number): Promise<number> {
  const began = performance.now();
  while ((await show()) !== price) if (performance.now() - began > TIMEOUT_MS) throw new Error('no change is seen');
  return performance.now() - began;
}

async function round({ writer, product, url, rows }: Reading, changes: number, alone: boolean) {
  const times = { fresh: [] as number[], cached: [] as number[], visible: [] as number[] };
  let price = 1;
  const change = async (): Promise<void> => {
    price += 1;
    must(await writer.call('PUT', `/products/${product}`, { price: `${price}.00` }), 200);
  };
  const shown = async (): Promise<number> => {
    const { data } = JSON.parse(await read(url)) as { data: { price: number } };
    return data.price;
  };
  for (let changed = 0; changed < changes; changed += 1) {
    await change();
    const began = performance.now();
    if ((await shown()) !== price) throw new Error('a reader got the past');
    times.fresh.push(performance.now() - began);
    times.cached.push(await until(shown, price));
    if (alone) continue;
    await change();
    const sql = 'SELECT price::int AS price FROM products WHERE id = $1';
    const row = async () => (await rows.query<{ price: number }>(sql, [product])).rows[0]!.price / 100;
    times.visible.push(await until(row, price));
  }
  return times;
}

async function measure(reading: Reading, options: BenchOptions, told: Pick<BenchRow, 'id' | 'what'>) {
  const alone = options.rounds !== undefined;
  const changes = options.quick ? CHANGES_QUICK : CHANGES;
  await round(reading, CHANGES_QUICK, alone);
  const rounds: Round[] = [];
  const cached: number[] = [];
  for (let turn = 0; turn < roundsOf(options, ROUNDS); turn += 1) {
    const times = await round(reading, changes, alone);
    rounds.push({ ours: median(times.fresh), theirs: alone ? NaN : median(times.visible) });
    cached.push(median(times.cached));
  }
  const [fresh, visible] = [median(rounds.map(({ ours }) => ours)), median(rounds.map(({ theirs }) => theirs))];
  const row: BenchRow = {
    ...told,
    better: 'less',
    against: 'the lag until the row of its read model is there (time)',
    ...fromRounds(rounds),
    details: `p50 ${fresh.toFixed(1)} ms, lag ${visible.toFixed(1)} ms; the same cached: ${median(cached).toFixed(1)} ms`,
  };
  return row;
}

/** A read of what another caller has changed a moment ago: in the process of the change, and in another one by way of Redis. */
export async function run(options: BenchOptions): Promise<BenchRow[]> {
  const redisUrl = process.env['TEST_REDIS_URL'];
  if (redisUrl === undefined) throw new Error('there is no Redis: install redis-server, or set TEST_REDIS_URL');
  const env = { ...TEST_SETTINGS, NODE_ENV: 'production', DATABASE_URL: options.url, JWT_SECRET, MASTER_KEY };
  const serving = (more: Record<string, string>): Promise<Serving> =>
    serve({ args: [...HEAP_BOUNDS, path.join(DIST, 'cli/cartulary.js'), 'serve'], env: { ...env, ...more } });
  const rows = new Client({ connectionString: options.url });
  const servers: Serving[] = [];
  try {
    await rows.connect();
    const readingOf = async (written: Serving, asked: Serving): Promise<Reading> => {
      const people = peopleOf({ url: written.url, databaseUrl: options.url });
      const writer = await people.seller();
      const product = await people.product(writer, await people.category());
      const url = `${asked.url}/api/v1/products/${product}`;
      await eventually('the product is readable', async () => (await fetch(url)).status === 200);
      return { writer, product, url, rows };
    };
    servers.push(await serving({}));
    const here = await measure(await readingOf(servers[0]!, servers[0]!), options, {
      id: 'fresh-get',
      what: '`GET /products/:id` right after a change by another caller',
    });
    await servers.pop()!.stop();
    servers.push(await serving({ REDIS_URL: redisUrl }));
    servers.push(await serving({ REDIS_URL: redisUrl, ROLES: 'http' }));
    const there = await measure(await readingOf(servers[0]!, servers[1]!), options, {
      id: 'fresh-get-redis',
      what: 'the same at another process without the projector, with Redis',
    });
    return [here, there];
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    await rows.end();
    agent.destroy();
  }
}
