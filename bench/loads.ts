import { randomUUID } from 'node:crypto';
import type { Command, Decider } from '../src/engine/decide/decider.ts';
import { type DomainEvent, type EventStore, type NewEvent, streamOf } from '../src/eventstore/eventStore.ts';
import { createAggregates } from '../src/engine/decide/handle.ts';
import { createPostgresEventStore } from '../src/eventstore/postgres/postgresEventStore.ts';
import { median, parts, timed } from './measure.ts';
import type { BenchOptions, BenchRow } from './row.ts';

const LONG = 10_000;
const SHORT = 10;
/** The run is split into this many parts. The ratios of the parts are the spread. */
const PARTS = 10;

interface Stock {
  readonly onHand: number;
  readonly changes: number;
}

const stock: Decider<Stock, Command, DomainEvent> = {
  category: 'stock',
  snapshotVersion: 1,
  initial: { onHand: 0, changes: 0 },
  evolve: (state, { data }) => ({
    onHand: state.onHand + (data as { quantity: number }).quantity,
    changes: state.changes + 1,
  }),
  decide: () => [],
};

const received = (): NewEvent => ({
  id: randomUUID(),
  type: 'StockReceived',
  data: { quantity: 1, note: 'delivery', by: randomUUID() },
  metadata: {
    commandId: randomUUID(),
    command: 'ReceiveStock',
    correlationId: randomUUID(),
    actor: 'bench',
    occurredAt: '2026-01-01T00:00:00.000Z',
    schema: 1,
  },
});

async function fill(store: EventStore, id: string, count: number): Promise<void> {
  for (let at = 0; at < count; at += SHORT) {
    await store.append(streamOf(stock.category, id), BigInt(at) - 1n, Array.from({ length: SHORT }, received));
  }
}

export async function run({ url, quick }: BenchOptions): Promise<BenchRow[]> {
  const rounds = quick ? 20 : 500;
  const long = quick ? LONG / 10 : LONG;
  const [store, elsewhere] = await Promise.all([createPostgresEventStore({ url }), createPostgresEventStore({ url })]);
  const [longId, shortId] = [randomUUID(), randomUUID()];
  await fill(elsewhere, longId, long);
  await fill(elsewhere, shortId, SHORT);

  const warm = createAggregates({ store });
  const loadLong = async (changes: number): Promise<void> => {
    const { state } = await warm.load(stock, longId);
    if (state.changes !== changes) throw new Error(`${state.changes} changes, not ${changes}`);
  };
  const loadShort = async (): Promise<void> => {
    const { state } = await createAggregates({ store, cacheEntries: 1 }).load(stock, shortId);
    if (state.changes !== SHORT) throw new Error(`${state.changes} changes, not ${SHORT}`);
  };

  const cold = await timed(() => loadLong(long));
  const times: { long: number[]; short: number[] } = { long: [], short: [] };
  for (let round = 1; round <= rounds; round += 1) {
    await elsewhere.append(streamOf(stock.category, longId), BigInt(long + round - 2), [received()]);
    if (round % 2 === 0) times.short.push(await timed(loadShort));
    times.long.push(await timed(() => loadLong(long + round)));
    if (round % 2 === 1) times.short.push(await timed(loadShort));
  }
  await Promise.all([store.close(), elsewhere.close()]);

  const shorts = parts(times.short, PARTS);
  const ratios = parts(times.long, PARTS).map((part, index) => median(part) / median(shorts[index]!));
  const [longMs, shortMs] = [median(times.long), median(times.short)];
  return [
    {
      id: 'warm-load',
      better: 'less',
      what: `loading a ${long.toLocaleString('en')}-event stream, warm, one event newer`,
      against: 'loading a 10-event stream, cold (time)',
      ratio: longMs / shortMs,
      ratios,
      figures: [longMs],
      atMost: 2,
      details: `p50 ${longMs.toFixed(2)} ms against ${shortMs.toFixed(2)} ms; the long one cold: ${cold.toFixed(0)} ms`,
    },
  ];
}
