import type { Queryable } from '../platform/postgres/pool.ts';

/** Keys that are taken at once. */
const BATCH = 100;
/** How long a key that was taken is left alone, ms: longer than the look at a batch takes. After a crash it is taken again. */
const TAKEN_MS = 120_000;
/** Stands among the keys for the search for files that no key here leads to. No picture has it. */
export const SWEEP = '00000000-0000-0000-0000-000000000000';

/**
 * The keys of pictures whose files may have to go, each with the time to look: of an upload before its event is recorded, and of a
 * picture that another one has replaced. So no crash leaves files that nothing leads to.
 */
export interface LoosePictures {
  /** Looks at the picture after this time, in place of any earlier plan for it. */
  lookAfter(key: string, waitMs: number): Promise<void>;
  /** Has the sweep done at some time, unless it is planned already. */
  planSweep(waitMs: number): Promise<void>;
  /** Takes keys whose time has come. Another process takes none of them meanwhile. */
  take(): Promise<string[]>;
  /** Forgets keys that were taken, unless they are to be looked at again. */
  settle(keys: readonly string[]): Promise<void>;
}

const PLANNED = `now() + $2 * interval '1 millisecond'`;
const LOOK_AFTER = `INSERT INTO loose_pictures (key, look_at) VALUES ($1, ${PLANNED})
  ON CONFLICT (key) DO UPDATE SET look_at = EXCLUDED.look_at, taken = false`;
const PLAN = `INSERT INTO loose_pictures (key, look_at) VALUES ($1, ${PLANNED}) ON CONFLICT DO NOTHING`;
const TAKE = `UPDATE loose_pictures SET look_at = now() + $1 * interval '1 millisecond', taken = true
  WHERE key IN (SELECT key FROM loose_pictures WHERE look_at <= now() ORDER BY look_at LIMIT $2 FOR UPDATE SKIP LOCKED)
  RETURNING key`;
// A key that was planned anew since it was taken is taken no more.
const SETTLE = 'DELETE FROM loose_pictures WHERE key = ANY($1) AND taken';

export function createLoosePictures(db: Queryable): LoosePictures {
  return {
    async lookAfter(key, waitMs) {
      await db.query(LOOK_AFTER, [key, waitMs]);
    },
    async planSweep(waitMs) {
      await db.query(PLAN, [SWEEP, waitMs]);
    },
    async take() {
      const { rows } = await db.query<{ key: string }>(TAKE, [TAKEN_MS, BATCH]);
      return rows.map(({ key }) => key);
    },
    async settle(keys) {
      if (keys.length > 0) await db.query(SETTLE, [keys]);
    },
  };
}
