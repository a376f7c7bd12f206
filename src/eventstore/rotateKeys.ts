import { failpoint } from '../platform/failpoint.ts';
import { type Pool, translating } from '../platform/postgres/pool.ts';
import { type MasterKeys, unwrap, wrap, type Wrapped } from './masterKeys.ts';
import { indexKeyRow, rewrapIndexKey } from './shopKeys.ts';

const BATCH_KEYS = 500;
/** A running shop that still wraps by another master key makes further passes necessary. */
const PASSES_MAX = 10;

/** How many keys of persons a master key wraps. `mark` is null for keys that an earlier version has wrapped. */
interface KeyCount {
  readonly mark: string | null;
  readonly keys: number;
}

export interface KeyStatus {
  readonly persons: readonly KeyCount[];
  /** The mark of the master key that wraps the index key; null where there is none yet. */
  readonly indexKey: string | null;
}

export async function keyStatus(pool: Pool): Promise<KeyStatus> {
  return translating(async () => {
    const { rows } = await pool.query<{ mark: string | null; keys: string }>(
      'SELECT master_key AS mark, count(*)::text AS keys FROM subject_keys GROUP BY master_key ORDER BY master_key NULLS FIRST',
    );
    const row = await indexKeyRow(pool);
    return { persons: rows.map(({ mark, keys }) => ({ mark, keys: Number(keys) })), indexKey: row?.master_key ?? null };
  });
}

export interface Rotated {
  /** Keys of persons that were wrapped anew. */
  readonly rewrapped: number;
  /** Whether the index key was. */
  readonly indexKey: boolean;
}

const NEXT = `
  SELECT subject AS name, wrapped_key AS bytes, master_key AS mark FROM subject_keys
  WHERE subject > $1 AND master_key IS DISTINCT FROM $2 ORDER BY subject LIMIT ${BATCH_KEYS}`;
/** A key that was erased, or wrapped anew by another process, meanwhile is left as it is. */
const REWRAP = `
  UPDATE subject_keys AS kept SET wrapped_key = decode(new.bytes, 'base64'), master_key = $4
  FROM unnest($1::text[], $2::text[], $3::text[]) AS new (subject, former, bytes)
  WHERE kept.subject = new.subject AND kept.wrapped_key = decode(new.former, 'base64')`;

/**
 * Wraps all keys by the first master key, in batches that each stand for themselves: a rotation that was cut off goes on where it
 * was. It is safe beside a running shop whose list has both keys.
 */
export async function rotateKeys(
  pool: Pool,
  keys: MasterKeys,
  onProgress: (rewrapped: number) => void,
): Promise<Rotated> {
  const indexKey = await translating(() => rewrapIndexKey(pool, keys));
  let rewrapped = 0;
  for (let pass = 1; pass <= PASSES_MAX; pass += 1) {
    const before = rewrapped;
    for (let after = ''; ;) {
      const batch = await translating(() => nextBatch(pool, keys, after));
      if (batch === undefined) break;
      rewrapped += batch.rewrapped;
      after = batch.last;
      onProgress(rewrapped);
      failpoint('keys:batch');
    }
    if (rewrapped === before) return { rewrapped, indexKey };
  }
  throw new Error(
    `a process keeps wrapping keys by another master key: list ${keys[0].mark} first in every process, then rotate again`,
  );
}

async function nextBatch(pool: Pool, keys: MasterKeys, after: string) {
  const { rows } = await pool.query<Wrapped>(NEXT, [after, keys[0].mark]);
  const last = rows.at(-1);
  if (last === undefined) return undefined;
  const fresh = rows.map((row) => wrap(keys, row.name, opened(keys, row)));
  const base64 = (of: readonly Wrapped[]): string[] => of.map(({ bytes }) => bytes.toString('base64'));
  const values = [rows.map(({ name }) => name), base64(rows), base64(fresh), keys[0].mark];
  const { rowCount } = await pool.query(REWRAP, values);
  return { last: last.name, rewrapped: rowCount ?? 0 };
}

function opened(keys: MasterKeys, row: Wrapped): Buffer {
  const found = unwrap(keys, row);
  if (found !== undefined) return found.key;
  const by = row.mark === null ? 'a master key that is not listed' : `the master key ${row.mark}, which is not listed`;
  throw new Error(`the key of ${row.name} is wrapped by ${by}: add it to MASTER_KEY and rotate again`);
}
