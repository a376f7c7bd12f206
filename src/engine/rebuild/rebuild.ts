import { setTimeout as delay } from 'node:timers/promises';
import { skippedEvents } from '../follow/deadLetters.ts';
import { reasonOf } from '../follow/retry.ts';
import { eventsBetween } from '../../eventstore/scan.ts';
import { failpoint } from '../../platform/failpoint.ts';
import { type Connection, createPool, type Pool } from '../../platform/postgres/pool.ts';
import { isPassing } from '../../platform/postgres/sqlstate.ts';
import { holdersOf, lockKey, REBUILD_LOCK, takeLock } from '../../platform/postgres/schemaLocks.ts';
import { build, catchUp, type Rebuild, type RebuildOptions } from './build.ts';
import { compare, type Comparison } from './compare.ts';
import { prepare, type Prepared } from '../project/validate.ts';
import { dropShadow } from './shadow.ts';
import { TableChanged } from './shape.ts';
import { REMAINDER_EVENTS_MAX, swap, TooFarBehind } from './swap.ts';

/** Attempts to swap, at most. Each one first catches up with the log. */
const SWAP_ATTEMPTS_MAX = 20;
const SWAP_RETRY_MS = 200;
const CONNECTIONS = 4;
/** Settings of the rebuild's connection. A low statistics target makes `ANALYZE` fast; autovacuum refines the statistics. */
const SETTINGS = `SET synchronous_commit = off; SET maintenance_work_mem = '128MB'; SET work_mem = '32MB'; SET default_statistics_target = 10`;

/** How often a rebuild begins, at most, because the live table was changed meanwhile. */
const STARTS_MAX = 3;
/** How long a rebuild waits for a migration to end. */
const TABLES_WAIT_MS = 10_000;

/** Another process is rebuilding this projection. */
export class RebuildRunning extends Error {
  constructor(name: string) {
    super(`projection ${name} is being rebuilt already`);
    this.name = 'RebuildRunning';
  }
}

export interface RebuildResult {
  readonly rows: number;
  readonly events: number;
  readonly seconds: number;
  /** Rows of the live table that differed from the rebuilt ones. */
  readonly differences: number;
  /** Events that could not be applied, and those that wait behind them. */
  readonly parked: number;
}

/**
 * Builds a projection's table again from the log, then swaps it with the live one in one transaction. Meanwhile the live
 * table serves queries and follows the log. A rebuild that is killed leaves the live table unchanged; the next one starts
 * from the beginning.
 */
export async function rebuild(options: RebuildOptions): Promise<RebuildResult> {
  const beganAt = performance.now();
  const prepared = prepare(options.projection);
  const pool = createPool({
    url: options.url,
    name: 'rebuild',
    max: CONNECTIONS,
    int8: 'number',
    statementTimeoutMs: 0,
  });
  try {
    const connection = await pool.connect();
    try {
      await keepTables(connection, prepared, options.tablesWaitMs);
      await lockOut(connection, prepared);
      return { ...(await rebuildOnSameTable(options, prepared, pool, connection)), seconds: since(beganAt) };
    } finally {
      await connection.query('SELECT pg_advisory_unlock_all()').catch(() => undefined);
      connection.release(true);
    }
  } finally {
    await pool.end();
  }
}

const since = (beganAt: number): number => (performance.now() - beganAt) / 1_000;

/** Makes sure that a projection has one rebuild at a time. The lock ends with the connection. */
async function lockOut(connection: Connection, { follower, name }: Prepared): Promise<void> {
  await connection.query(SETTINGS);
  const { rows } = await connection.query<{ locked: boolean }>(
    `SELECT pg_try_advisory_lock(${REBUILD_LOCK}, ${lockKey('$1')}) AS locked`,
    [follower],
  );
  if (rows[0]?.locked !== true) throw new RebuildRunning(name);
}

/** Keeps migrations from changing tables until the connection ends. Other rebuilds may go on beside this one. */
async function keepTables(connection: Connection, { name }: Prepared, waitMs = TABLES_WAIT_MS): Promise<void> {
  if (await takeLock(connection, { lock: 'tables', shared: true, waitMs })) return;
  const holders = (await holdersOf(connection, 'tables')).join(', ');
  throw new Error(
    `projection ${name} was not rebuilt: a migration changes the tables of the shop (${holders}). Try again when it has ended.`,
  );
}

/** Begins again when the live table was changed meanwhile, by hand or by a version that does not wait for rebuilds. */
async function rebuildOnSameTable(
  options: RebuildOptions,
  prepared: Prepared,
  pool: Pool,
  connection: Connection,
): Promise<Omit<RebuildResult, 'seconds'>> {
  for (let start = 1; ; start += 1) {
    try {
      return await rebuildAlone(options, prepared, pool, connection);
    } catch (error) {
      if (!(error instanceof TableChanged) || start >= STARTS_MAX) throw error;
      options.log.warn({ projection: prepared.name, err: error }, 'the table was changed; beginning again');
    }
  }
}

async function rebuildAlone(
  options: RebuildOptions,
  prepared: Prepared,
  pool: Pool,
  connection: Connection,
): Promise<Omit<RebuildResult, 'seconds'>> {
  const { epoch } = await options.store.head();
  const skipped = await skippedEvents(connection, prepared.follower);
  const parked = { skipped, blocked: new Set<string>(), parkings: [] };
  const work: Rebuild = { ...options, ...parked, prepared, pool, epoch, position: 0n, events: 0, torn: false };
  try {
    await build(work, connection);
    failpoint('rebuild:loaded');
    const differences = await catchUpAndSwap(work, connection);
    const { rows } = await connection.query<{ count: number }>(`SELECT count(*) FROM "${prepared.projection.table}"`);
    return { rows: rows[0]!.count, events: work.events, differences, parked: work.parkings.length };
  } catch (error) {
    await dropShadow(connection, prepared).catch(() => undefined);
    throw error;
  }
}

async function catchUpAndSwap(work: Rebuild, connection: Connection): Promise<number> {
  let comparison: Comparison | undefined;
  for (let attempt = 1; ; attempt += 1) {
    work.signal?.throwIfAborted();
    await catchUpWithLog(work);
    comparison ??= await compare(connection, work.prepared, work);
    await catchUpWithLog(work);
    try {
      return await swapNow(work, connection, comparison);
    } catch (error) {
      const again = !work.torn && (error instanceof TooFarBehind || isPassing(error));
      if (!again || attempt >= SWAP_ATTEMPTS_MAX) throw error;
      work.log.info({ projection: work.prepared.name, attempt, reason: reasonOf(error) }, 'not swapped; trying again');
      await delay(SWAP_RETRY_MS, undefined, work.signal === undefined ? {} : { signal: work.signal });
    }
  }
}

async function catchUpWithLog(work: Rebuild): Promise<void> {
  for (let round = 1; round <= SWAP_ATTEMPTS_MAX; round += 1) {
    const { position } = await work.store.head();
    const behind = await eventsBetween(work.store, work.position, position);
    await catchUp(work, position);
    if (behind <= REMAINDER_EVENTS_MAX) return;
  }
}

const swapNow = (work: Rebuild, connection: Connection, comparison: Comparison): Promise<number> =>
  swap(connection, {
    ...work,
    comparison,
    get position() {
      return work.position;
    },
    behind: (upTo) => eventsBetween(work.store, work.position, upTo),
    catchUp: (upTo) => catchUp(work, upTo),
  });
