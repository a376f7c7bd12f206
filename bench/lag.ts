import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { createMemoryCache } from '../src/cache/memoryCache.ts';
import type { EventStore, NewEvent } from '../src/eventstore/eventStore.ts';
import { createPostgresEventStore } from '../src/eventstore/postgres/postgresEventStore.ts';
import { createPool } from '../src/platform/postgres/pool.ts';
import { createProjector } from '../src/engine/project/projector.ts';
import { projections } from '../src/projections/index.ts';
import { createProgress } from '../src/engine/project/progress.ts';
import { parts } from './measure.ts';
import { lifeOf, uuidOf } from './orderLog.ts';
import type { BenchOptions, BenchRow } from './row.ts';

const PER_SECOND = 500;
const SECONDS = 10;
const SECONDS_QUICK = 2;
const WARM_UP_SECONDS = 1;
const TICK_MS = 2;
const DRAIN_MS = 10_000;
/** The run is split into this many parts. The ratios of the parts are the spread. */
const PARTS = 5;

const newEvent = ({ type, data }: { type: string; data: object }): NewEvent => ({
  id: randomUUID(),
  type,
  data,
  metadata: {
    ...{ commandId: randomUUID(), command: 'Bench', correlationId: randomUUID(), actor: 'bench' },
    ...{ occurredAt: '2026-11-21T08:40:00.123Z', schema: 1 },
  },
});

/** Appends single events to several orders in turn, at an even rate. Calls back when an event is durable. */
async function appendEvenly(
  store: EventStore,
  seconds: number,
  onAppended: (position: bigint, at: number) => void,
): Promise<void> {
  const total = seconds * PER_SECOND;
  const pending: Promise<void>[] = [];
  const beganAt = performance.now();
  const revisions = new Map<number, number>();
  for (let sent = 0; sent < total; sent += 1) {
    while (performance.now() - beganAt < (sent * 1_000) / PER_SECOND) await pause(TICK_MS);
    // Each order gets one event a second, for eight seconds.
    const order = Math.floor(sent / (8 * PER_SECOND)) * PER_SECOND + (sent % PER_SECOND);
    const revision = revisions.get(order) ?? 0;
    revisions.set(order, revision + 1);
    const event = lifeOf(order)[revision]!;
    const stream = `order-${uuidOf(`lag ${order}`)}`;
    pending.push(
      store.append(stream, BigInt(revision) - 1n, [newEvent(event)]).then((result) => {
        if (result.outcome !== 'appended') throw new Error('a conflict');
        onAppended(result.position, performance.now());
      }),
    );
  }
  await Promise.all(pending);
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(Math.floor(sorted.length * q), sorted.length - 1)]!;
}

export async function run({ url, quick }: BenchOptions): Promise<BenchRow[]> {
  const pool = createPool({ url, name: 'bench', max: 10, int8: 'number' });
  const store = await createPostgresEventStore({ url, unsafeWithoutFsync: true });
  const progress = createProgress({ pool });
  const appended = new Map<bigint, number>();
  const lags: number[] = [];
  let measuring = false;
  // `orders` handles each event. The bench waits for the commit of its row, while all other read models work too.
  let seen = 0n;
  const visible = new Map<bigint, number>();
  const settle = (position: bigint): void => {
    const [at, rowAt] = [appended.get(position), visible.get(position)];
    if (at === undefined || rowAt === undefined) return;
    appended.delete(position);
    visible.delete(position);
    if (measuring) lags.push(Math.max(0, rowAt - at));
  };
  const projector = createProjector({
    ...{ pool, store, progress, projections, owner: randomUUID(), log: pino({ level: 'warn' }) },
    cache: createMemoryCache({ entriesMax: 1_000, bytesMax: 1_000_000 }),
    onCommitted: (name, position) => {
      if (name !== 'orders') return;
      const now = performance.now();
      for (seen += 1n; seen <= position; seen += 1n) {
        visible.set(seen, now);
        settle(seen);
      }
      seen = position;
    },
  });
  await projector.start();
  const onAppended = (position: bigint, at: number): void => {
    appended.set(position, at);
    settle(position);
  };
  await appendEvenly(store, WARM_UP_SECONDS, () => undefined);
  await progress.waitFor(['orders'], (await store.head()).position, DRAIN_MS);
  measuring = true;
  const seconds = quick ? SECONDS_QUICK : SECONDS;
  await appendEvenly(shifted(store), seconds, onAppended);
  await progress.waitFor(['orders'], (await store.head()).position, DRAIN_MS);
  await projector.stop();
  await store.close();
  await pool.end();

  if (lags.length !== seconds * PER_SECOND) throw new Error(`${lags.length} lags measured`);
  const [p50, p99, worst] = [quantile(lags, 0.5), quantile(lags, 0.99), quantile(lags, 1)];
  return [
    {
      id: 'lag',
      better: 'less',
      what: `lag from append to visible row at ${PER_SECOND} events/s, p99, ms`,
      against: '–',
      ratio: p99,
      ratios: parts(lags, PARTS).map((part) => quantile(part, 0.99)),
      figures: [p99],
      atMost: 10,
      details: `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, worst ${worst.toFixed(1)} ms of ${lags.length.toLocaleString('en')}; all ${projections.length} read models follow`,
    },
  ];
}

/** Sends the same appends to other streams. */
const shifted = (store: EventStore): EventStore => ({
  ...store,
  append: (stream, expected, events) => store.append(`order-${uuidOf(stream)}`, expected, events),
});
