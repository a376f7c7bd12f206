import { setTimeout as delay } from 'node:timers/promises';
import type { Queryable } from './pool.ts';

/**
 * Namespaces of the advisory locks of a shop as a whole. Postgres keeps advisory locks apart by database only; the second key is
 * made from the schema, so that two shops in one database never meet.
 */
const NAMESPACES = {
  /** Shared: this process works on the shop. Exclusive: no process may, because data are being taken back. */
  running: 0x72756e67,
  /** Exclusive: a migration changes tables. Shared: a rebuild of a read model relies on them. */
  tables: 0x6d696772,
  /** Exclusive: an import brings events. */
  import: 0x696d706f,
} as const;
/** Namespace of the locks that a rebuild holds, one per projection. */
export const REBUILD_LOCK = 0x72656264;

export type SchemaLock = keyof typeof NAMESPACES;

/** SQL of the second key of an advisory lock: it stands for the shop's schema and `name`, which is SQL too. */
export const lockKey = (name = `''`): string => `hashtext(current_schema() || '/' || ${name})`;

const POLL_MS = 100;

export interface Wanted {
  readonly lock: SchemaLock;
  readonly shared?: boolean;
  /** 0 means one attempt. */
  readonly waitMs: number;
}

/**
 * Takes a lock of the shop for the rest of this connection. Returns false when it was not free within `waitMs`. The connection
 * asks again and again instead of queuing: a statement that waits would hold back a `CREATE INDEX CONCURRENTLY` of the holder.
 */
export async function takeLock(connection: Queryable, { lock, shared = false, waitMs }: Wanted): Promise<boolean> {
  const until = performance.now() + waitMs;
  const call = shared ? 'pg_try_advisory_lock_shared' : 'pg_try_advisory_lock';
  for (;;) {
    const { rows } = await connection.query<{ taken: boolean }>(
      `SELECT ${call}(${NAMESPACES[lock]}, ${lockKey()}) AS taken`,
    );
    if (rows[0]?.taken === true) return true;
    const leftMs = until - performance.now();
    if (leftMs <= 0) return false;
    await delay(Math.min(POLL_MS, leftMs));
  }
}

/** Gives back an exclusive lock of the shop. */
export const giveLock = (connection: Queryable, lock: SchemaLock): Promise<unknown> =>
  connection.query(`SELECT pg_advisory_unlock(${NAMESPACES[lock]}, ${lockKey()})`);

/** The programs that hold a lock of the shop, as their connections call themselves. */
export async function holdersOf(db: Queryable, lock: SchemaLock): Promise<string[]> {
  const { rows } = await db.query<{ name: string }>(
    `SELECT DISTINCT a.application_name || ' (Postgres process ' || a.pid || ')' AS name
     FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
     WHERE l.locktype = 'advisory' AND l.classid = ${NAMESPACES[lock]} AND l.objid = ${lockKey()}::oid AND l.objsubid = 2
       AND l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
     ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}
