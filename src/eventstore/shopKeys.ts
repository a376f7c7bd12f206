import { type Pool, type Queryable, translating } from '../platform/postgres/pool.ts';
import { type MasterKey, type MasterKeys, unwrap, wrap, type Wrapped } from './masterKeys.ts';

/**
 * The index key: claims, stored answers and marks in logs are derived from it, so they stay valid when the master key changes. Its
 * value is the master key that the shop began with.
 */
const INDEX_KEY = 'index key';

/** Bound by a name that no person's id can equal. */
const bound = (name: string): string => `shop key\0${name}`;

export interface IndexKeyRow {
  readonly wrapped_key: Buffer;
  readonly master_key: string;
  /** The mark of the master key that is its value. */
  readonly origin: string;
}

const asWrapped = ({
  wrapped_key: bytes,
  master_key: mark,
}: Pick<IndexKeyRow, 'wrapped_key' | 'master_key'>): Wrapped => ({
  ...{ name: bound(INDEX_KEY), bytes, mark },
});

export async function indexKeyRow(db: Queryable): Promise<IndexKeyRow | undefined> {
  const sql = 'SELECT wrapped_key, master_key, origin FROM shop_keys WHERE name = $1';
  return (await db.query<IndexKeyRow>(sql, [INDEX_KEY])).rows[0];
}

/** The index key in a row; undefined when no listed master key opens it. */
export const openIndexKey = (
  keys: MasterKeys,
  row: Pick<IndexKeyRow, 'wrapped_key' | 'master_key'>,
): Buffer | undefined => unwrap(keys, asWrapped(row))?.key;

/** How the keys in a database and the listed master keys fit together. */
export type Fit =
  | {
      readonly kind: 'fits';
      readonly indexKey: Buffer;
      /** The mark of the master key that wraps it. */ readonly by: string;
    }
  /** None of the listed keys opens anything here. */
  | { readonly kind: 'foreign' }
  /** Some keys here are wrapped by a master key that is not listed. */
  | { readonly kind: 'lacking'; readonly mark: string };

export interface FitOptions {
  /** Nothing is stored: the index key of a database without one is only derived. */
  readonly readOnly?: boolean;
}

/**
 * Finds the index key, which is made at first use. Of processes that start together with different master keys, the one that
 * stores it first decides; to the others the database is foreign.
 */
export const fitKeys = (pool: Pool, keys: MasterKeys, { readOnly = false }: FitOptions = {}): Promise<Fit> =>
  translating(async () => {
    const origin = await originOf(pool, keys);
    if (origin !== undefined && !readOnly) await storeIndexKey(pool, keys, origin);
    const row = await indexKeyRow(pool);
    const indexKey = row === undefined ? origin?.key : openIndexKey(keys, row);
    const marks = [...(await marksIn(pool)), ...(row === undefined ? [] : [row.master_key])];
    // A key that an earlier version has wrapped has no mark; it belongs to the key that the shop began with.
    const needed = origin === undefined && row !== undefined ? [...marks, row.origin] : marks;
    const by = row?.master_key ?? keys[0].mark;
    return fitOf(keys, needed, origin === undefined || indexKey === undefined ? undefined : { indexKey, by });
  });

type Found = Pick<Extract<Fit, { kind: 'fits' }>, 'indexKey' | 'by'>;

function fitOf(keys: MasterKeys, marks: readonly string[], found: Found | undefined): Fit {
  const isListed = (mark: string): boolean => keys.some((key) => key.mark === mark);
  const unlisted = marks.find((mark) => !isListed(mark));
  if (unlisted !== undefined && marks.some(isListed)) return { kind: 'lacking', mark: unlisted };
  return unlisted !== undefined || found === undefined ? { kind: 'foreign' } : { kind: 'fits', ...found };
}

/** The master key that a database without an index key began with: the one that opens what an earlier version wrapped, else the first. */
async function originOf(pool: Pool, keys: MasterKeys): Promise<MasterKey | undefined> {
  const sql =
    'SELECT subject AS name, wrapped_key AS bytes, master_key AS mark FROM subject_keys WHERE master_key IS NULL LIMIT 1';
  const [sample] = (await pool.query<Wrapped>(sql)).rows;
  return sample === undefined ? keys[0] : unwrap(keys, sample)?.by;
}

export async function storeIndexKey(
  db: Queryable,
  keys: MasterKeys,
  { key, mark: origin }: Pick<MasterKey, 'key' | 'mark'>,
): Promise<void> {
  const { bytes, mark } = wrap(keys, bound(INDEX_KEY), key);
  const sql = `INSERT INTO shop_keys (name, wrapped_key, master_key, origin) VALUES ($1, $2, $3, $4)
     ON CONFLICT (name) DO NOTHING`;
  await db.query(sql, [INDEX_KEY, bytes, mark, origin]);
}

export const forgetIndexKey = (db: Queryable): Promise<unknown> =>
  db.query('DELETE FROM shop_keys WHERE name = $1', [INDEX_KEY]);

/** Wraps the index key by the first master key; returns whether that changed it. */
export async function rewrapIndexKey(db: Queryable, keys: MasterKeys): Promise<boolean> {
  const row = await indexKeyRow(db);
  if (row === undefined || row.master_key === keys[0].mark) return false;
  const indexKey = openIndexKey(keys, row);
  if (indexKey === undefined)
    throw new Error(`no listed master key opens the index key; it is wrapped by ${row.master_key}`);
  const { bytes, mark } = wrap(keys, bound(INDEX_KEY), indexKey);
  const sql = 'UPDATE shop_keys SET wrapped_key = $2, master_key = $3 WHERE name = $1 AND wrapped_key = $4';
  const { rowCount } = await db.query(sql, [INDEX_KEY, bytes, mark, row.wrapped_key]);
  return rowCount === 1;
}

/** The marks of the master keys that wrap keys of persons, without reading each key: the index is skipped through. */
async function marksIn(db: Queryable): Promise<string[]> {
  const { rows } = await db.query<{ mark: string }>(`
    WITH RECURSIVE marks (mark) AS (
      SELECT min(master_key) FROM subject_keys
      UNION ALL
      SELECT (SELECT min(master_key) FROM subject_keys WHERE master_key > marks.mark) FROM marks WHERE marks.mark IS NOT NULL
    )
    SELECT mark FROM marks WHERE mark IS NOT NULL`);
  return rows.map(({ mark }) => mark);
}
