import { setTimeout as delay } from 'node:timers/promises';
import { type Parking, skippedEvents } from '../follow/deadLetters.ts';
import { reasonOf } from '../follow/retry.ts';
import type { EventStore, RecordedEvent } from '../../eventstore/eventStore.ts';
import { eventsBetween, scan } from '../../eventstore/scan.ts';
import { failpoint } from '../../platform/failpoint.ts';
import type { Logger } from '../../platform/log.ts';
import { type Connection, createPool, isPassing, type Pool } from '../../platform/postgres/pool.ts';
import { compare, type Comparison } from './compare.ts';
import { copyRows } from './copyRows.ts';
import { isRefused, project } from '../project/bisect.ts';
import { prepare, type Prepared } from '../project/validate.ts';
import type { Projection } from '../project/projection.ts';
import { createRefold, type Shadow } from './refold.ts';
import { tableOf } from '../project/table.ts';
import { createIndexes, createShadow, dropShadow, SHADOW_SCHEMA, shadowTable } from './shadow.ts';
import { REBUILD_LOCK } from '../project/progress.ts';
import { REMAINDER_EVENTS_MAX, swap, TooFarBehind } from './swap.ts';

/** Attempts to swap, at most. Each one first catches up with the log. */
const SWAP_ATTEMPTS_MAX = 20;
const SWAP_RETRY_MS = 200;
/** A rebuild with more parked events than this fails: the projection is broken, not the events. */
const PARKINGS_MAX = 10_000;
/** A batch is applied once it has this many events. */
const BATCH_EVENTS = 1_000;
const CONNECTIONS = 4;
/** Settings of the rebuild's connection. A low statistics target makes `ANALYZE` fast; autovacuum refines the statistics. */
const SETTINGS = `SET synchronous_commit = off; SET maintenance_work_mem = '128MB'; SET work_mem = '32MB'; SET default_statistics_target = 10`;

/** Another process is rebuilding this projection. */
export class RebuildRunning extends Error {
  constructor(name: string) {
    super(`projection ${name} is being rebuilt already`);
    this.name = 'RebuildRunning';
  }
}

export interface RebuildProgress {
  /** Current position, and the position to reach. */
  readonly done: bigint;
  readonly total: bigint;
  /** Events applied so far. */
  readonly events: number;
}

export interface RebuildOptions {
  /** The Postgres of the read models. */
  readonly url: string;
  readonly store: EventStore;
  readonly projection: Projection;
  readonly log: Logger;
  readonly onProgress?: (progress: RebuildProgress) => void;
  readonly signal?: AbortSignal;
  readonly rowsMax?: number;
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

interface Rebuild extends RebuildOptions {
  readonly prepared: Prepared;
  readonly pool: Pool;
  readonly epoch: string;
  readonly skipped: ReadonlySet<string>;
  readonly blocked: Set<string>;
  readonly parkings: Parking[];
  /** Every event up to here is in the shadow table or parked. */
  position: bigint;
  events: number;
  /** The shadow table may contain events beyond `position`, because a catch-up failed half-way. */
  torn: boolean;
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
      await lockOut(connection, prepared);
      return { ...(await rebuildAlone(options, prepared, pool, connection)), seconds: since(beganAt) };
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
    'SELECT pg_try_advisory_lock($1, hashtext($2)) AS locked',
    [REBUILD_LOCK, follower],
  );
  if (rows[0]?.locked !== true) throw new RebuildRunning(name);
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

/** Fills the shadow table from the whole log. If Postgres refuses a value, starts again batch by batch, to park its event. */
async function build(work: Rebuild, connection: Connection): Promise<void> {
  const { prepared, log } = work;
  await createShadow(connection, prepared);
  const { position: head } = await work.store.head();
  try {
    await buildInMemory(work, connection, head);
    return;
  } catch (error) {
    if (!isRefused(error)) throw error;
    log.warn({ err: error, projection: prepared.name }, 'a row was refused; rebuilding batch by batch to find out why');
  }
  work.parkings.length = 0;
  work.blocked.clear();
  work.position = 0n;
  work.events = 0;
  await createShadow(connection, prepared);
  await createIndexes(connection, prepared);
  await catchUp(work, head);
}

async function buildInMemory(work: Rebuild, connection: Connection, head: bigint): Promise<void> {
  const { prepared, pool } = work;
  const table = tableOf(prepared, SHADOW_SCHEMA);
  const shadow: Shadow = {
    load: (keys) => table.load(pool, keys),
    write: (rows) => table.write(pool, rows),
    fill: async (rows) => {
      await copyRows(connection, prepared, { table: shadowTable(prepared), rows: rows.values() });
      await createIndexes(connection, prepared, 'primary');
    },
  };
  const refold = createRefold(prepared, shadow, work, work.rowsMax);
  await eachBatch(work, head, (events) => refold.take(events));
  await refold.finish();
  await createIndexes(connection, prepared, 'others');
  await connection.query(`ANALYZE ${shadowTable(prepared)}`);
  work.position = head;
}

/** Applies events to the shadow table batch by batch, like the live projector. */
async function catchUp(work: Rebuild, upTo: bigint): Promise<void> {
  const { prepared, pool } = work;
  if (upTo <= work.position) return;
  const table = tableOf(prepared, SHADOW_SCHEMA);
  const sink = {
    load: (keys: Iterable<string>) => table.load(pool, keys),
    commit: async (_position: bigint, { rows, parkings }: Parameters<Parameters<typeof project>[1]['commit']>[1]) => {
      await table.write(pool, rows);
      work.parkings.push(...parkings);
    },
  };
  work.torn = true;
  await eachBatch(work, upTo, (events) =>
    project(prepared, sink, work.blocked, { events, position: events.at(-1)!.position }),
  );
  work.position = upTo;
  work.torn = false;
}

/** Reads the events after the shadow table's position, up to `upTo`, without those that operators have skipped. */
async function eachBatch(
  work: Rebuild,
  upTo: bigint,
  take: (events: readonly RecordedEvent[]) => Promise<void>,
): Promise<void> {
  const { store, prepared, position: after, skipped } = work;
  let batch: RecordedEvent[] = [];
  const give = async (): Promise<void> => {
    const events = skipped.size === 0 ? batch : batch.filter(({ id }) => !skipped.has(id));
    if (events.length > 0) await take(events);
    work.events += batch.length;
    work.onProgress?.({ done: batch.at(-1)?.position ?? upTo, total: upTo, events: work.events });
    checkOn(work);
    batch = [];
  };
  for await (const events of scan(store, { types: [...prepared.changes.keys()], after, upTo })) {
    batch = batch.length === 0 ? [...events] : batch.concat(events);
    if (batch.length >= BATCH_EVENTS) await give();
  }
  await give();
}

function checkOn({ signal, parkings, prepared }: Rebuild): void {
  signal?.throwIfAborted();
  if (parkings.length <= PARKINGS_MAX) return;
  const first = parkings[0]!;
  throw new Error(
    `projection ${prepared.name} cannot apply ${parkings.length} events, the first (${first.event.id}) because: ${first.reason}`,
  );
}

async function catchUpAndSwap(work: Rebuild, connection: Connection): Promise<number> {
  let comparison: Comparison | undefined;
  for (let attempt = 1; ; attempt += 1) {
    work.signal?.throwIfAborted();
    await catchUpWithLog(work);
    comparison ??= await compare(connection, work.prepared, work.epoch);
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
