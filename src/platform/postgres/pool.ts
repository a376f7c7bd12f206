import type { EventEmitter } from 'node:events';
import pg from 'pg';
import { unavailable } from '../../errors.ts';
import { isPassing } from './sqlstate.ts';
import { CONNECT_TIMEOUT_MS, Session, type SessionConfig, type SessionLimits } from './session.ts';

export { isPassing };

const STATEMENT_TIMEOUT_MS = 30_000;
const LOCK_TIMEOUT_MS = 10_000;
/** Shorter than a lease, so a process that hangs in a transaction does not keep another process from taking over. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 5_000;
const BULK_IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000;

export interface PoolOptions {
  readonly url: string;
  /** Shown in `pg_stat_activity`. */
  readonly name: string;
  /** Connections, at most. */
  readonly max: number;
  /**
   * JavaScript type for `int8`: `bigint` for positions and revisions; `number` (safe integers only) on the read side; `text` leaves
   * every column as Postgres' text.
   */
  readonly int8: 'bigint' | 'number' | 'text';
  /** 0 means no limit. Only for bulk work such as a rebuild. */
  readonly statementTimeoutMs?: number;
  readonly lockTimeoutMs?: number;
  readonly connectTimeoutMs?: number;
  /** How long a statement may go without a byte from or to the server; by default a little longer than it may take. */
  readonly silenceMs?: number;
  /** Settings of the planner, such as `enable_seqscan`. */
  readonly planner?: Readonly<Record<string, string>>;
}

export type SessionOptions = Omit<PoolOptions, 'max' | 'int8'> & Partial<Pick<PoolOptions, 'int8'>>;

export type Pool = pg.Pool;
export type Connection = pg.PoolClient;
/** Runs SQL: a pool, or a connection inside a transaction. */
export type Queryable = Pick<pg.ClientBase, 'query'>;

/** Type oids, as in `pg_type`. */
const OID = { int8: 20, date: 1082, timestamptz: 1184 } as const;

const safeInteger = (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`not a safe integer: ${text}`);
  return value;
};
/** Postgres' `2026-11-21 08:40:00.5+00` as ISO 8601 UTC with milliseconds. */
const isoInstant = (text: string): string =>
  new Date(text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00')).toISOString();

type Parser = (text: string) => unknown;

const asText = { getTypeParser: () => (text: string) => text } as pg.CustomTypesConfig;

const typesOf = (int8: PoolOptions['int8']): pg.CustomTypesConfig => {
  if (int8 === 'text') return asText;
  const parsers = new Map<number, Parser>([
    [OID.int8, int8 === 'bigint' ? BigInt : safeInteger],
    [OID.timestamptz, isoInstant],
    [OID.date, (text) => text],
  ]);
  const getTypeParser = (oid: number, format?: 'text' | 'binary'): unknown =>
    (format === 'binary' ? undefined : parsers.get(oid)) ??
    (pg.types.getTypeParser as (oid: number, format?: string) => unknown)(oid, format);
  return { getTypeParser: getTypeParser as pg.CustomTypesConfig['getTypeParser'] };
};

const limitsOf = ({ statementTimeoutMs = STATEMENT_TIMEOUT_MS, lockTimeoutMs }: SessionOptions): SessionLimits => ({
  statementTimeoutMs,
  lockTimeoutMs: lockTimeoutMs ?? LOCK_TIMEOUT_MS,
  idleInTransactionTimeoutMs:
    statementTimeoutMs === 0 ? BULK_IDLE_IN_TRANSACTION_TIMEOUT_MS : IDLE_IN_TRANSACTION_TIMEOUT_MS,
});

type Listeners = Pick<SessionConfig['session'], 'onLost' | 'onSilent'>;

const sessionConfig = (options: SessionOptions, listeners: Listeners = {}): SessionConfig => ({
  connectionString: options.url,
  application_name: `cartulary ${options.name}`,
  connectionTimeoutMillis: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
  keepAlive: true,
  types: typesOf(options.int8 ?? 'bigint'),
  session: {
    ...limitsOf(options),
    planner: options.planner ?? {},
    ...(options.silenceMs === undefined ? {} : { silenceMs: options.silenceMs }),
    ...listeners,
  },
});

/** A connection of its own, not yet connected. */
export const createSession = (options: SessionOptions): Session => new Session(sessionConfig(options));

/** Runs work on a new connection, and closes it afterwards. */
export async function onConnection<T>(options: SessionOptions, work: (session: Session) => Promise<T>): Promise<T> {
  const session = createSession(options);
  try {
    await session.connect();
    return await work(session);
  } finally {
    await session.end().catch(() => undefined);
  }
}

const LOST = 'lost';

/**
 * Calls the listener whenever a connection of the pool has broken. The server may have crashed then, and a crash takes what was
 * committed without waiting for the disk.
 */
export function onLost(pool: Pool, listener: () => void): void {
  (pool as EventEmitter).on(LOST, listener);
}

/** A pool with time limits for connecting, statements, locks and silence. Broken connections do not end the process. */
export function createPool(options: PoolOptions): Pool {
  const Client = Session as unknown as new () => pg.ClientBase;
  const idle = new Set<Session>();
  const config = sessionConfig(options, {
    onLost: () => (pool as EventEmitter).emit(LOST),
    // The fault that silenced one connection has probably silenced the idle ones too. New ones take their place.
    onSilent: () => [...idle].forEach((session) => session.drop()),
  });
  const pool: Pool = new pg.Pool({ ...config, Client, max: options.max, idleTimeoutMillis: 30_000 });
  // A connection that breaks while idle (or between two statements) is dropped; the next borrower gets a new one.
  pool.on('error', () => undefined);
  const lies = (_: Error, client: Connection): unknown => idle.add(client as unknown as Session);
  const isTaken = (client: Connection): unknown => idle.delete(client as unknown as Session);
  pool.on('release', lies).on('acquire', isTaken).on('remove', isTaken);
  return pool;
}

/**
 * Runs `work` in a transaction: commits when it resolves, rolls back when it throws. After any failure the connection is
 * closed and not reused.
 */
export async function withTx<T>(pool: Pool, work: (tx: Connection) => Promise<T>): Promise<T> {
  const connection = await pool.connect();
  let failure: Error | undefined;
  try {
    await connection.query('BEGIN');
    const result = await work(connection);
    const { command } = await connection.query('COMMIT');
    // Postgres answers COMMIT of a failed transaction with ROLLBACK, without an error.
    if (command !== 'COMMIT') throw new Error(`the transaction was rolled back (${command})`);
    return result;
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
    throw error;
  } finally {
    connection.release(failure);
  }
}

/** Runs `work`, turning a passing failure of Postgres into a refusal of kind `unavailable`. */
export async function translating<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isPassing(error)) throw unavailable('DatabaseUnavailable', 'The database does not answer; try again.', error);
    throw error;
  }
}
