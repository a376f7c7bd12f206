import { pino } from 'pino';
import type { BenchOptions, BenchRow } from './row.ts';
import { createPostgresEventStore } from '../src/eventstore/postgres/postgresEventStore.ts';
import { copyLines } from '../src/eventstore/postgres/logScan.ts';
import { projections } from '../src/projections/index.ts';
import { rebuild } from '../src/engine/rebuild/rebuild.ts';
import { createPool, type Pool } from '../src/platform/postgres/pool.ts';
import { fromRounds, interleaved, medians, roundsOf } from './measure.ts';
import { fillWithOrders } from './orderLog.ts';

const EVENTS = 500_000;
const EVENTS_QUICK = 50_000;
/** Events in one turn of a comparison. A longer log would take most of the turn to fill. The edits of older commits use the same number. */
const EVENTS_TURN = 200_000;
const ROUNDS = 5;

const orders = projections.find(({ name }) => name === 'orders')!;
const TYPES = Object.keys(orders.on)
  .map((type) => `'${type}'`)
  .join(', ');

const [TAB, NEWLINE] = [0x09, 0x0a];
/** The number of fields before the JSON of data and metadata: position, stream, revision, id, type. */
const FIELDS_BEFORE = 5;

const unescaped = (field: string): string => (field.includes('\\') ? field.replaceAll('\\\\', '\\') : field);

/** Parses the events of these lines, and counts them. */
function parse(lines: Buffer): number {
  let count = 0;
  for (let at = 0; at < lines.length; count += 1) {
    for (let field = 0; field < FIELDS_BEFORE; field += 1) at = lines.indexOf(TAB, at) + 1;
    const between = lines.indexOf(TAB, at);
    const end = lines.indexOf(NEWLINE, between);
    JSON.parse(unescaped(lines.toString('utf8', at, between)));
    JSON.parse(unescaped(lines.toString('utf8', between + 1, end)));
    at = end + 1;
  }
  return count;
}

/** The yardstick: reads the same events from Postgres as fast as possible, and parses their data and metadata. */
async function copyAndParse(pool: Pool, count: number): Promise<void> {
  const connection = await pool.connect();
  let parsed = 0;
  const sql = `COPY (
    SELECT position, stream, revision, id, type, data, metadata FROM events WHERE type IN (${TYPES}) ORDER BY position
  ) TO STDOUT`;
  for await (const lines of copyLines(connection, sql)) parsed += parse(lines);
  connection.release();
  if (parsed !== count) throw new Error(`${parsed} events copied, not ${count}`);
}

export async function run(options: BenchOptions): Promise<BenchRow[]> {
  const { url, quick, rounds: turn } = options;
  const full = turn === undefined ? EVENTS : EVENTS_TURN;
  const count = quick ? EVENTS_QUICK : full;
  await fillWithOrders(url, count);
  const pool = createPool({ url, name: 'bench', max: 1, int8: 'number', statementTimeoutMs: 0 });
  const log = pino({ level: 'warn' });
  const store = await createPostgresEventStore({ url, unsafeWithoutFsync: true });
  const rebuildOnce = async (): Promise<number> => {
    const { events, rows, differences, parked } = await rebuild({ url, store, projection: orders, log });
    if (events !== count || parked > 0) throw new Error(`${events} events rebuilt, ${parked} parked`);
    if (differences > 0) throw new Error(`a rebuild of a rebuilt table found ${differences} differences`);
    return rows;
  };
  // From now on there is a full live table, which the rebuild compares and replaces.
  const rows = await rebuildOnce();
  const copyOnce = (): Promise<void> => copyAndParse(pool, count);
  const rounds = await interleaved(roundsOf(options, ROUNDS), count, () => [rebuildOnce, copyOnce]);
  await Promise.all([pool.end(), store.close()]);

  const { ours, theirs } = medians(rounds);
  return [
    {
      id: 'rebuild',
      better: 'more',
      what: `rebuild of \`orders\` from ${count.toLocaleString('en')} events, events/s`,
      against: '`COPY` out of the same events, parsed',
      ...fromRounds(rounds),
      atLeast: 0.4,
      details: `${Math.round(ours).toLocaleString('en')}/s against ${Math.round(theirs).toLocaleString('en')}/s; ${rows.toLocaleString('en')} rows with indexes, compared with the live ones and swapped`,
    },
  ];
}
