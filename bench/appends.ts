import pg from 'pg';
import { NO_STREAM, type NewEvent } from '../src/eventstore/eventStore.ts';
import { createPostgresEventStore } from '../src/eventstore/postgres/postgresEventStore.ts';
import { fromRounds, interleaved, medians, roundsOf } from './measure.ts';
import type { BenchOptions, BenchRow } from './row.ts';

const IN_FLIGHT = 64;
const ROUNDS = 9;
const ROUND_APPENDS = 10_000;
const ROUND_APPENDS_QUICK = 500;

interface Append {
  readonly stream: string;
  readonly event: NewEvent;
}

/** A number scattered over 32 bits, as hexadecimal text. */
function scattered(n: number, salt: number): string {
  let bits = Math.imul(n + salt, 0x9e3779b1);
  bits = Math.imul(bits ^ (bits >>> 15), 0x85ebca6b);
  return ((bits ^ (bits >>> 13)) >>> 0).toString(16).padStart(8, '0');
}

/** The n-th uuid. Scatters over an index like a random one, and is the same for both candidates. */
function uuidOf(n: number, salt: number): string {
  const [a, b, c, d] = [1, 2, 3, 4].map((part) => scattered(n, salt * 7919 + part * 104_729));
  return `${a}-${b!.slice(0, 4)}-4${b!.slice(5)}-8${c!.slice(1, 4)}-${c!.slice(4)}${d}`;
}

/** The n-th event, with the data of the shop's events: ids, numbers, actor and time. */
function appendOf(n: number): Append {
  const order = uuidOf(n, 1);
  const event: NewEvent = {
    id: uuidOf(n, 2),
    type: 'StockReserved',
    data: { orderId: order, quantity: 3, availableAfter: 39, expiresAt: '2026-01-01T00:15:00.000Z' },
    metadata: {
      commandId: uuidOf(n, 3),
      command: 'ReserveStock',
      correlationId: order,
      actor: uuidOf(n, 4),
      occurredAt: '2026-01-01T00:00:00.000Z',
      schema: 1,
    },
  };
  return { stream: `stock-${uuidOf(n, 5)}`, event };
}

/** Does `work` for the appends from number `from` up to, not including, `end`, with `IN_FLIGHT` of them at the same time. */
async function inFlight(
  { from, end }: { from: number; end: number },
  work: (append: Append, worker: number) => Promise<unknown>,
): Promise<void> {
  let next = from;
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async (_, worker) => {
      while (next < end) await work(appendOf(next++), worker);
    }),
  );
}

/** The yardstick: plain inserts without an event store. Same columns, types and indexes, one statement per append. */
async function connectNaive(url: string): Promise<pg.Client[]> {
  const clients = Array.from({ length: IN_FLIGHT }, () => new pg.Client({ connectionString: url }));
  await Promise.all(clients.map((client) => client.connect()));
  await clients[0]!.query(`
    CREATE TABLE naive_events (LIKE events INCLUDING ALL);
    CREATE SEQUENCE naive_position;
    ALTER TABLE naive_events ALTER COLUMN position SET DEFAULT nextval('naive_position')`);
  return clients;
}

const insertNaively = (client: pg.Client, { stream, event }: Append): Promise<unknown> =>
  client.query({
    name: 'insert',
    text: 'INSERT INTO naive_events (stream, revision, id, type, data, metadata) VALUES ($1, $2, $3, $4, $5, $6)',
    values: [stream, 0, event.id, event.type, JSON.stringify(event.data), JSON.stringify(event.metadata)],
  });

/** Checks that both tables hold the same events; otherwise the comparison means nothing. */
async function checkEqual(client: pg.Client, count: number): Promise<void> {
  const digest = (table: string): string =>
    `SELECT count(*)::int AS count, md5(string_agg(concat_ws('|', id, stream, revision, type, data, metadata), ',' ORDER BY id)) AS digest FROM ${table}`;
  const { rows } = await client.query<{ count: number; digest: string }>(
    `${digest('events')} UNION ALL ${digest('naive_events')}`,
  );
  const [ours, theirs] = rows;
  if (ours?.count !== count || ours.digest !== theirs?.digest) throw new Error(`unequal: ${JSON.stringify(rows)}`);
}

export async function run(options: BenchOptions): Promise<BenchRow[]> {
  const { url, quick } = options;
  const size = quick ? ROUND_APPENDS_QUICK : ROUND_APPENDS;
  const store = await createPostgresEventStore({ url });
  const clients = await connectNaive(url);
  type Range = Parameters<typeof inFlight>[0];
  const appendOurs = (range: Range): Promise<void> =>
    inFlight(range, async ({ stream, event }) => {
      const result = await store.append(stream, NO_STREAM, [event]);
      if (result.outcome !== 'appended' || result.repeated) throw new Error('the events are not new');
    });
  const appendNaively = (range: Range): Promise<void> =>
    inFlight(range, (append, worker) => insertNaively(clients[worker]!, append));

  const warming = { from: 0, end: size / 5 };
  await appendOurs(warming);
  await appendNaively(warming);
  const rounds = await interleaved(roundsOf(options, ROUNDS), size, (round) => {
    const range = { from: warming.end + round * size, end: warming.end + (round + 1) * size };
    return [() => appendOurs(range), () => appendNaively(range)];
  });
  await checkEqual(clients[0]!, warming.end + rounds.length * size);
  await Promise.all([store.close(), ...clients.map((client) => client.end())]);

  const { ours, theirs } = medians(rounds);
  return [
    {
      id: 'appends',
      better: 'more',
      what: 'durable appends/s, 64 in flight, through the port',
      against: 'one INSERT, one COMMIT per append with `pg`, same table, 64 connections',
      ...fromRounds(rounds),
      atLeast: 2,
      details: `${ours.toFixed(0)}/s against ${theirs.toFixed(0)}/s`,
    },
  ];
}
