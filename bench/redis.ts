import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { Redis } from 'ioredis';
import { eventually } from '../test/support/eventually.ts';
import { HEAP_BOUNDS, TEST_SETTINGS } from '../test/support/process.ts';
import { JWT_SECRET, MASTER_KEY, peopleOf } from '../test/support/shop.ts';
import { rawGet, startYardstick } from './http.ts';
import { compare, load, wire } from './load.ts';
import { fromRounds, medians, type Round } from './measure.ts';
import type { BenchOptions, BenchRow } from './row.ts';
import { DIST, serve, type Serving } from './serving.ts';

const METRICS_TOKEN = 'a-token-of-the-bench';
const CONNECTIONS = 64;
const ROUND_MS = 3_000;
const ROUND_QUICK_MS = 300;

const whole = (value: number): string => Math.round(value).toLocaleString('en');

/** Checks that every answer came through Redis, and that Redis was never down. */
async function throughRedis({ url }: Serving): Promise<void> {
  const headers = { authorization: `Bearer ${METRICS_TOKEN}` };
  const metrics = await (await fetch(`${url}/metrics`, { headers })).text();
  if (!/redis_up 1\n/.test(metrics) || !/redis_failed_commands 0\n/.test(metrics)) {
    throw new Error('some answers did not come through Redis');
  }
}

interface Answer {
  readonly redisUrl: string;
  readonly path: string;
}

async function cachedGet(server: Serving, answered: Answer, options: BenchOptions): Promise<Round[]> {
  const { redisUrl, path } = answered;
  const answer = await rawGet(server.url + path);
  const redis = new Redis(redisUrl);
  const key = `bench:${randomUUID()}`;
  await redis.set(key, answer.body);
  const yardstick = await startYardstick('redis', { path, redisUrl, key, headers: answer.headers });
  const bytes = wire('GET', path);
  const against = (url: string) =>
    load({
      ...{ url, connections: CONNECTIONS, next: () => bytes },
      durationMs: options.quick ? ROUND_QUICK_MS : ROUND_MS,
    });
  const rounds = await compare(
    options,
    () => against(server.url),
    () => against(yardstick.url),
  );
  await throughRedis(server);
  await yardstick.stop();
  await redis.del(key);
  redis.disconnect();
  return rounds;
}

export async function run(options: BenchOptions): Promise<BenchRow[]> {
  const { url } = options;
  const redisUrl = process.env['TEST_REDIS_URL'];
  if (redisUrl === undefined) throw new Error('there is no Redis: install redis-server, or set TEST_REDIS_URL');
  const env = { ...TEST_SETTINGS, NODE_ENV: 'production', DATABASE_URL: url, REDIS_URL: redisUrl };
  const server = await serve({
    args: [...HEAP_BOUNDS, path.join(DIST, 'cli/cartulary.js'), 'serve'],
    env: { ...env, JWT_SECRET, MASTER_KEY, METRICS_TOKEN },
  });
  try {
    const people = peopleOf({ url: server.url, databaseUrl: url });
    const product = await people.product(await people.seller(), await people.category());
    const route = `/api/v1/products/${product}`;
    await eventually('the product is readable', async () => (await fetch(server.url + route)).status === 200);
    const rounds = await cachedGet(server, { redisUrl, path: route }, options);
    const { ours, theirs } = medians(rounds);
    return [
      {
        id: 'redis-get',
        better: 'more',
        what: '`GET /products/:id`, cached in Redis, 64 connections',
        against: 'bare Express (same server set-up) answering with one `GET` of ioredis',
        ...fromRounds(rounds),
        atLeast: 0.7,
        details: `${whole(ours)}/s to ${whole(theirs)}/s; server ${whole(server.rssMb())} MB`,
      },
    ];
  } finally {
    await server.stop();
  }
}
