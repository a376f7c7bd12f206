import { PRESENCE_LOCK } from '../../engine/follow/liveness.ts';
import type { Pool } from '../../platform/postgres/pool.ts';

/** How long a claim is valid before another process may take it over, unless it is extended, ms. */
const LEASE_MS = 10_000;
/** How long an answer is kept, ms. */
const ANSWERS_KEPT_MS = 24 * 3_600_000;
const PURGE_BATCH_ROWS = 1_000;
/** How long one turn of deleting old rows may take, ms. The next turn deletes what this one leaves. */
const PURGE_TURN_MS = 45_000;

export interface ClaimedRequest {
  readonly account: string;
  readonly key: string;
  readonly hash: Buffer;
}

export interface KeptRequest {
  readonly hash: Buffer;
  /** Encrypted; null while the request is still being carried out. */
  readonly answer: Buffer | null;
}

/** An encrypted answer, and the persons whose data may be in it. */
export interface KeptAnswer {
  readonly answer: Buffer;
  readonly persons: readonly string[];
}

export interface PurgeOptions {
  readonly turnMs?: number;
  readonly signal?: AbortSignal;
}

/** A claim is taken over when its lease has expired, or at once when its owner's connection is gone. */
const CLAIM = `
  INSERT INTO idempotency_keys AS kept (account, key, request_hash, owner, lease_until)
  VALUES ($1, $2, $3, $4, now() + $5 * interval '1 millisecond')
  ON CONFLICT (account, key) DO UPDATE SET
    request_hash = excluded.request_hash, owner = excluded.owner,
    lease_until = excluded.lease_until, answer = NULL, created_at = now()
  WHERE kept.created_at < now() - $6 * interval '1 millisecond'
     OR (kept.answer IS NULL AND kept.request_hash = excluded.request_hash
         AND (kept.lease_until < now()
              OR (kept.owner <> excluded.owner
                  AND pg_try_advisory_xact_lock(${PRESENCE_LOCK}, hashtext(kept.owner)))))`;
/** The persons' keys are locked, so that none of them is erased, and their answers purged, while this is under way. */
const KEEP = `
  WITH alive AS (SELECT subject FROM subject_keys WHERE subject = ANY ($5::text[]) ORDER BY subject FOR KEY SHARE)
  UPDATE idempotency_keys SET answer = $4, owner = NULL, lease_until = NULL, persons = $5::text[]
  WHERE account = $1 AND key = $2 AND owner = $3 AND answer IS NULL
    AND (SELECT count(*) FROM alive) = cardinality($5::text[])`;
const LOOK = 'SELECT request_hash AS hash, answer FROM idempotency_keys WHERE account = $1 AND key = $2';
const RELEASE = 'DELETE FROM idempotency_keys WHERE account = $1 AND key = $2 AND owner = $3 AND answer IS NULL';
const EXTEND = `
  UPDATE idempotency_keys kept SET lease_until = now() + $4 * interval '1 millisecond'
  FROM unnest($1::text[], $2::text[]) AS running (account, key)
  WHERE kept.account = running.account AND kept.key = running.key AND kept.owner = $3 AND kept.answer IS NULL`;
const PURGE = `
  DELETE FROM idempotency_keys WHERE (account, key) IN (
    SELECT account, key FROM idempotency_keys
    WHERE created_at < now() - $1 * interval '1 millisecond' ORDER BY created_at LIMIT $2
    FOR UPDATE SKIP LOCKED)`;

/** Access to the rows of `idempotency_keys` for one owner. */
export function createClaims(pool: Pool, owner: string) {
  return {
    /** Returns true when this owner must carry out the request. */
    async claim({ account, key, hash }: ClaimedRequest): Promise<boolean> {
      const values = [account, key, hash, owner, LEASE_MS, ANSWERS_KEPT_MS];
      return (await pool.query({ name: 'idempotency_claim', text: CLAIM, values })).rowCount === 1;
    },
    async look({ account, key }: ClaimedRequest): Promise<KeptRequest | undefined> {
      return (await pool.query<KeptRequest>({ name: 'idempotency_look', text: LOOK, values: [account, key] })).rows[0];
    },
    /**
     * Returns false when a person was erased whose data are in the answer, or another process took the claim over; that process may
     * have stored an answer.
     */
    async keep({ account, key }: ClaimedRequest, { answer, persons }: KeptAnswer): Promise<boolean> {
      const values = [account, key, owner, answer, persons];
      return (await pool.query({ name: 'idempotency_keep', text: KEEP, values })).rowCount === 1;
    },
    /** Returns whether the claim was this owner's. */
    async release({ account, key }: ClaimedRequest): Promise<boolean> {
      return (await pool.query(RELEASE, [account, key, owner])).rowCount === 1;
    },
    async extend(requests: readonly ClaimedRequest[]): Promise<void> {
      const accounts = requests.map(({ account }) => account);
      const keys = requests.map(({ key }) => key);
      await pool.query(EXTEND, [accounts, keys, owner, LEASE_MS]);
    },
    /**
     * Deletes old rows, batch by batch, until none is left, the turn has had its time, or `signal` ends it. Rows that another
     * process deletes meanwhile are left to it.
     */
    async purge({ turnMs = PURGE_TURN_MS, signal }: PurgeOptions = {}): Promise<number> {
      const until = performance.now() + turnMs;
      let purged = 0;
      while (signal?.aborted !== true) {
        const rowCount = (await pool.query(PURGE, [ANSWERS_KEPT_MS, PURGE_BATCH_ROWS])).rowCount ?? 0;
        purged += rowCount;
        if (rowCount < PURGE_BATCH_ROWS || performance.now() >= until) break;
      }
      return purged;
    },
  };
}
