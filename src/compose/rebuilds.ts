import { rebuild } from '../engine/rebuild/rebuild.ts';
import type { RebuildProgress } from '../engine/rebuild/build.ts';
import { reasonOf } from '../engine/follow/retry.ts';
import { didYouMean, missing, reject } from '../errors.ts';
import type { EventStore } from '../eventstore/eventStore.ts';
import { freshId } from '../platform/ids.ts';
import type { Logger } from '../platform/log.ts';
import { createSession, type Pool, type Queryable } from '../platform/postgres/pool.ts';
import { lockKey, REBUILD_LOCK } from '../platform/postgres/schemaLocks.ts';
import type { RebuildTurn } from '../commands/contract.ts';
import { projectionNames, projections } from '../projections/index.ts';
import type { RebuildStatus } from '../queries/operations.ts';

/** The name under which the one rebuild of the administrators is locked; no read model can have it. */
const TURN = `'the turn of administrators'`;
/** Progress is written this often, at most. */
const TOLD_EVERY_MS = 500;
/** Longest wait of `close` for a rebuild to stop. */
const CLOSE_MS = 4_000;

interface Options {
  readonly pool: Pool;
  readonly store: EventStore;
  /** The Postgres of the read models. */
  readonly url: string;
  readonly log: Logger;
}

type Row = Omit<RebuildStatus, 'startedAt' | 'finishedAt'> & {
  readonly projection: string;
  readonly started_at: string;
  readonly finished_at: string | null;
};

const LAST = `
  SELECT projection, actor, done::text, total::text, events::float8, rows::float8, differences::float8, parked::float8, error,
    started_at, finished_at,
    CASE WHEN status = 'running' AND NOT EXISTS (
      SELECT FROM pg_locks l
      WHERE l.locktype = 'advisory' AND l.classid = ${REBUILD_LOCK} AND l.objid = ${lockKey(TURN)}::oid AND l.granted
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ) THEN 'interrupted' ELSE status END AS status
  FROM rebuilds`;

/** The last rebuild of each read model that administrators asked for. */
export async function lastRebuilds(db: Queryable): Promise<ReadonlyMap<string, RebuildStatus>> {
  const { rows } = await db.query<Row>(LAST);
  return new Map(
    rows.map(({ projection, started_at: startedAt, finished_at: finishedAt, ...row }) => [
      projection,
      { ...row, startedAt, finishedAt },
    ]),
  );
}

const running = (): never =>
  reject(
    'RebuildRunning',
    'A read model is being rebuilt already. One is rebuilt at a time; try again when it is done.',
  );

/** The lock of the turn, on a connection of its own: it ends with the process. */
async function lockTurn(url: string): Promise<{ free(): Promise<void> }> {
  const session = createSession({ url, name: 'rebuild turn' });
  await session.connect();
  const free = () => session.end().catch(() => undefined);
  try {
    const { rows } = await session.query<{ locked: boolean }>(
      `SELECT pg_try_advisory_lock(${REBUILD_LOCK}, ${lockKey(TURN)}) AS locked`,
    );
    if (rows[0]?.locked !== true) running();
    return { free };
  } catch (error) {
    await free();
    throw error;
  }
}

const BEGUN = `
  INSERT INTO rebuilds AS r (projection, id, status, actor) VALUES ($1, $2, 'running', $3)
  ON CONFLICT (projection) DO UPDATE SET id = EXCLUDED.id, status = EXCLUDED.status, actor = EXCLUDED.actor, done = 0, total = 0,
    events = 0, rows = NULL, differences = NULL, parked = NULL, error = NULL, started_at = now(), updated_at = now(),
    finished_at = NULL`;
const WENT_ON = 'UPDATE rebuilds SET done = $2, total = $3, events = $4, updated_at = now() WHERE id = $1';
const DONE = `
  UPDATE rebuilds SET status = 'done', done = total, events = $2, rows = $3, differences = $4, parked = $5, updated_at = now(),
    finished_at = now() WHERE id = $1`;
const FAILED = `UPDATE rebuilds SET status = 'failed', error = $2, updated_at = now(), finished_at = now() WHERE id = $1`;

/** Writes how far a rebuild is, now and then, one statement at a time. Progress that cannot be written is left out: it is only shown. */
function createTelling({ pool, log }: Options, id: string): (progress: RebuildProgress) => void {
  let told = performance.now();
  let telling = false;
  return ({ done, total, events }) => {
    if (telling || performance.now() - told < TOLD_EVERY_MS) return;
    telling = true;
    told = performance.now();
    pool
      .query(WENT_ON, [id, String(done), String(total), events])
      .catch((error: unknown) => log.warn({ err: error }, 'the progress of a rebuild could not be written'))
      .finally(() => (telling = false));
  };
}

/** Rebuilds read models in this process, one at a time among all processes. */
export function createRebuilds(options: Options) {
  const { pool, store, url, log } = options;
  const stopping = new AbortController();
  let current: Promise<void> | undefined;

  async function run(name: string, id: string): Promise<void> {
    const projection = projections.find((one) => one.name === name)!;
    try {
      const onProgress = createTelling(options, id);
      const { signal } = stopping;
      const { events, rows, differences, parked } = await rebuild({ url, store, projection, log, onProgress, signal });
      await pool.query(DONE, [id, events, rows, differences, parked]);
      log.info({ projection: name, events, rows, differences, parked }, 'a read model was rebuilt');
    } catch (error) {
      log.error({ err: error, projection: name }, 'a read model was not rebuilt');
      await pool.query(FAILED, [id, reasonOf(error)]);
    }
  }

  return {
    async takeTurn(name: string, actor: string): Promise<RebuildTurn> {
      if (!projectionNames.includes(name)) {
        return missing(
          'ProjectionUnknown',
          `There is no read model ${name}${didYouMean(name, projectionNames) || '.'}`,
        );
      }
      const lock = await lockTurn(url);
      return {
        giveBack: () => lock.free(),
        async start() {
          const id = freshId();
          try {
            await pool.query(BEGUN, [name, id, actor]);
          } catch (error) {
            await lock.free();
            throw error;
          }
          current = run(name, id)
            .catch((error: unknown) => log.error({ err: error }, 'the end of a rebuild could not be written'))
            .finally(() => lock.free());
        },
      };
    },
    /** Stops the rebuild that runs in this process; the read model stays as it is. */
    async close(): Promise<void> {
      stopping.abort();
      if (current === undefined) return;
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, CLOSE_MS)));
      await Promise.race([current, late]);
      clearTimeout(timer);
    },
  };
}
