import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { createMemoryCache } from '../src/cache/memoryCache.ts';
import type { EventStore } from '../src/eventstore/eventStore.ts';
import { createPostgresEventStore } from '../src/eventstore/postgres/postgresEventStore.ts';
import { createPool, type Pool } from '../src/platform/postgres/pool.ts';
import { createProjector } from '../src/engine/project/projector.ts';
import { projections } from '../src/projections/index.ts';
import { createProgress } from '../src/engine/project/progress.ts';
import type { Projection } from '../src/engine/project/projection.ts';
import { fromRounds, medians, perSecond, roundsOf, timed, type Round } from './measure.ts';
import { fillWithOrders } from './orderLog.ts';
import type { BenchOptions, BenchRow } from './row.ts';

const EVENTS = 200_000;
const EVENTS_QUICK = 20_000;
const SAMPLE = 4_000;
const SAMPLE_QUICK = 1_000;
const ROUNDS = 3;
const TIMEOUT_MS = 5 * 60_000;

const orders = projections.find(({ name }) => name === 'orders')!;

/** A read model like `orders`, in an empty table of its own. */
async function another(pool: Pool, table: string): Promise<Projection> {
  await pool.query(`CREATE TABLE ${table} (LIKE orders INCLUDING ALL)`);
  return { ...orders, name: table, table };
}

/** The same log, read in the same pages, but handed out one event at a time. */
const oneByOne = (store: EventStore): EventStore => ({
  ...store,
  async *follow(after, { signal }) {
    for await (const events of store.follow(after, { signal })) for (const event of events) yield [event];
  },
});

/** How long a projector takes to reach `upTo`, ms. */
async function project(
  pool: Pool,
  {
    store,
    projection,
    upTo,
    batchEvents,
  }: {
    store: EventStore;
    projection: Projection;
    upTo: bigint;
    batchEvents?: number;
  },
): Promise<number> {
  const progress = createProgress({ pool });
  const projector = createProjector({
    ...{ pool, store, progress, projections: [projection], owner: randomUUID(), log: pino({ level: 'warn' }) },
    cache: createMemoryCache({ entriesMax: 10, bytesMax: 1_000 }),
    ...(batchEvents === undefined ? {} : { batchEvents }),
  });
  const ms = await timed(async () => {
    await projector.start();
    if (!(await progress.waitFor([projection.name], upTo, TIMEOUT_MS))) throw new Error('it takes too long');
  });
  await projector.stop();
  return ms;
}

export async function run(options: BenchOptions): Promise<BenchRow[]> {
  const { url, quick } = options;
  const count = quick ? EVENTS_QUICK : EVENTS;
  const sample = quick ? SAMPLE_QUICK : SAMPLE;
  await fillWithOrders(url, count);
  const pool = createPool({ url, name: 'bench', max: 4, int8: 'number' });
  const store = await createPostgresEventStore({ url, unsafeWithoutFsync: true });
  const rounds: Round[] = [];
  for (let round = 0; round < roundsOf(options, ROUNDS); round += 1) {
    const batched = await another(pool, `batched_${round}`);
    const single = await another(pool, `single_${round}`);
    const batchedMs = await project(pool, { store, projection: batched, upTo: BigInt(count) });
    const singleMs = await project(pool, {
      store: oneByOne(store),
      projection: single,
      upTo: BigInt(sample),
      batchEvents: 1,
    });
    rounds.push({ ours: perSecond(count, batchedMs), theirs: perSecond(sample, singleMs) });
  }
  const { rows } = await pool.query<{ rows: number; expected: number }>(
    `SELECT (SELECT count(*)::int FROM batched_0) AS rows,
       (SELECT count(*)::int FROM events WHERE type = 'OrderPlaced') AS expected`,
  );
  if (rows[0]!.rows !== rows[0]!.expected) throw new Error(`${rows[0]!.rows} rows, not ${rows[0]!.expected}`);
  await store.close();
  await pool.end();

  const { ours, theirs } = medians(rounds);
  return [
    {
      id: 'projecting',
      better: 'more',
      what: `projecting ${count.toLocaleString('en')} events of orders in batches, events/s`,
      against: 'the same engine, one event per transaction',
      ...fromRounds(rounds),
      atLeast: 60,
      details: `${Math.round(ours).toLocaleString('en')}/s against ${Math.round(theirs).toLocaleString('en')}/s`,
    },
  ];
}
