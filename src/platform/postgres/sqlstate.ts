/**
 * The meaning of a failure of Postgres for its caller.
 * - `retry`: the statement was rolled back and can be carried out again at once.
 * - `unavailable`: the server is gone, or cannot serve or write now. A later try can succeed.
 * - `conflict`: the rows that are there forbid it.
 * - `defect`: the statement itself is wrong. It fails every time.
 */
export type FailureClass = 'retry' | 'unavailable' | 'conflict' | 'defect';

/** Single SQLSTATEs. They have priority over the classes of SQLSTATEs below. */
const CODES: Readonly<Record<string, FailureClass>> = {
  '08P01': 'defect', // protocol violation: we sent nonsense. A pooler's refusals have it too; see MESSAGES
  '23001': 'conflict', // restrict violation
  '23503': 'conflict', // foreign key violation
  '23505': 'conflict', // unique violation
  '23P01': 'conflict', // exclusion violation
  '25006': 'unavailable', // read-only transaction: a standby, or a server that was turned read-only
  '25P03': 'retry', // idle in transaction for too long
  '25P04': 'retry', // transaction timeout
  '28000': 'unavailable', // the role may not connect (any more)
  '28P01': 'unavailable', // the password was changed
  '3D000': 'unavailable', // the database is not there: renamed, or being restored
  '40001': 'retry', // serialization failure
  '40002': 'conflict', // integrity constraint, found at the commit
  '40003': 'unavailable', // the outcome of the statement is unknown
  '40P01': 'retry', // deadlock
  '55006': 'retry', // object in use
  '55P03': 'retry', // lock timeout
  '57014': 'retry', // statement timeout
  '57P04': 'unavailable', // the database was dropped
  F0001: 'unavailable', // a lock file of the server
  XX001: 'defect', // data are corrupt
  XX002: 'defect', // an index is corrupt
};

/** Classes of SQLSTATEs: their first two characters. */
const CLASSES: Readonly<Record<string, FailureClass>> = {
  '08': 'unavailable', // connection
  '40': 'retry', // rolled back
  '53': 'unavailable', // disk full, out of memory, too many connections
  '57': 'unavailable', // shutting down, crashed, starting up
  '58': 'unavailable', // the server's own files and devices
};

/** Codes of the operating system, as Node names them. */
const SYSTEM_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
]);

/** Errors of `pg` have no code; PgBouncer gives its refusals the code of a protocol violation. */
const MESSAGES =
  /Connection terminated|connection timeout|timeout expired|timeout exceeded|Query read timeout|Client has encountered a connection error|not queryable|Cannot use a pool|query_wait_timeout|no more connections allowed|server login (?:failed|has been failing)|pooler (?:error|is shut)|client_(?:login|idle)_timeout|database .* is (?:paused|disabled)|server conn crashed/i;

const SQLSTATE = /^[0-9A-Z]{5}$/;

export const sqlstateOf = (error: unknown): string | undefined => {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' && SQLSTATE.test(code) ? code : undefined;
};

/** The meaning of this failure. An error that is no failure of Postgres or of its connection is a defect. */
export function failureClass(error: unknown): FailureClass {
  if (!(error instanceof Error)) return 'defect';
  if (MESSAGES.test(error.message)) return 'unavailable';
  const code = sqlstateOf(error);
  if (code !== undefined) return CODES[code] ?? CLASSES[code.slice(0, 2)] ?? 'defect';
  return 'code' in error && SYSTEM_CODES.has(String(error.code)) ? 'unavailable' : 'defect';
}

/** Whether a later retry can help, as opposed to a failure of the statement itself. */
export function isPassing(error: unknown): boolean {
  const found = failureClass(error);
  return found === 'retry' || found === 'unavailable';
}

/** SQLSTATEs after which a server serves reads, but no writes: read-only, no space, no memory, no file. */
const CANNOT_WRITE = /^(25006|53[1-2]00|58030)$/;

/** Whether the server refused to write, and would refuse the next write too. */
export const isWriteRefused = (error: unknown): boolean => CANNOT_WRITE.test(sqlstateOf(error) ?? '');
