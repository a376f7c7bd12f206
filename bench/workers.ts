import path from 'node:path';
import { eventually } from '../test/support/eventually.ts';
import { HEAP_BOUNDS, TEST_SETTINGS } from '../test/support/process.ts';
import { JWT_SECRET, MASTER_KEY, peopleOf } from '../test/support/shop.ts';
import { compare, load, wire } from './load.ts';
import { fromRounds, medians } from './measure.ts';
import type { BenchOptions, BenchRow } from './row.ts';
import { DIST, serve } from './serving.ts';

const CONNECTIONS = 64;
const WORKERS = 2;
const ROUND_MS = 3_000;
const ROUND_QUICK_MS = 300;

const whole = (value: number): string => Math.round(value).toLocaleString('en');

/** A cached answer from two processes at one port, compared with one process. The load generator takes a part of the same cores. */
export async function run(options: BenchOptions): Promise<BenchRow[]> {
  const { url, quick } = options;
  const env = { ...TEST_SETTINGS, NODE_ENV: 'production', DATABASE_URL: url, JWT_SECRET, MASTER_KEY };
  const entry = path.join(DIST, 'cli/cartulary.js');
  const serving = (workers: number) =>
    serve({ args: [...HEAP_BOUNDS, entry, 'serve', '--workers', String(workers)], env });
  const one = await serving(1);
  const two = await serving(WORKERS);
  try {
    const people = peopleOf({ url: one.url, databaseUrl: url });
    const product = await people.product(await people.seller(), await people.category());
    const page = `/api/v1/products/${product}`;
    for (const server of [one, two]) {
      await eventually('the product is readable', async () => (await fetch(server.url + page)).status === 200);
    }
    const bytes = wire('GET', page);
    const durationMs = quick ? ROUND_QUICK_MS : ROUND_MS;
    const of = (server: { url: string }) => () =>
      load({ url: server.url, connections: CONNECTIONS, durationMs, next: () => bytes });
    const rounds = await compare(options, of(two), of(one));
    const { ours, theirs } = medians(rounds);
    return [
      {
        id: 'workers-get',
        better: 'more',
        what: `\`GET /products/:id\`, cached, \`WORKERS=${WORKERS}\``,
        against: 'the same from one process',
        ...fromRounds(rounds),
        details: `${whole(ours)}/s to ${whole(theirs)}/s; the load has a core's worth of the two`,
      },
    ];
  } finally {
    await two.stop();
    await one.stop();
  }
}
