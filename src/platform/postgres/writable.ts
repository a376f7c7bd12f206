import type { Pool } from './pool.ts';

/** How long a successful test write counts, ms, so that frequent questions write next to nothing. */
const WRITTEN_KEPT_MS = 3_000;
/** How long a refused append counts, ms. A server without space may refuse large writes only. */
const REFUSED_KEPT_MS = 15_000;

/** The server answers, but does not take writes. */
class NotWritable extends Error {
  constructor(reason: string) {
    super(`Postgres takes no writes: ${reason}`);
    this.name = 'NotWritable';
  }
}

export interface Writable {
  /** Rejects when Postgres does not take writes, or refused one of this process a short while ago. */
  check(): Promise<void>;
  /** Tells that Postgres has refused a write for a reason that does not lie in the write. */
  refused(error: unknown): void;
}

/** The message goes to the write-ahead log and is committed like any change, but belongs to no table. */
const WRITE = `SELECT pg_logical_emit_message(true, 'cartulary', 'ready')`;
const READ_ONLY = `SELECT current_setting('transaction_read_only') = 'on' AS read_only, pg_is_in_recovery() AS standby`;

/** Whether this process can write to Postgres: a server that answers reads may be read-only, a standby, or without space. */
export function createWritable(pool: Pool): Writable {
  let writtenAt = -Infinity;
  let refusal: { readonly at: number; readonly reason: string } | undefined;

  async function write(): Promise<void> {
    const { rows } = await pool.query<{ read_only: boolean; standby: boolean }>(READ_ONLY);
    if (rows[0]?.standby === true) throw new NotWritable('the server is a standby');
    if (rows[0]?.read_only === true) throw new NotWritable('the database is read-only');
    await pool.query(WRITE);
    writtenAt = performance.now();
  }

  return {
    async check() {
      const now = performance.now();
      if (refusal !== undefined && now - refusal.at < REFUSED_KEPT_MS) throw new NotWritable(refusal.reason);
      if (now - writtenAt > WRITTEN_KEPT_MS) await write();
    },
    refused(error) {
      refusal = { at: performance.now(), reason: error instanceof Error ? error.message : String(error) };
    },
  };
}
