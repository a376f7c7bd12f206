import { withTx, type Connection, type Pool } from '../platform/postgres/pool.ts';
import { type MasterKey, type MasterKeys, unwrap } from '../eventstore/masterKeys.ts';
import { forgetIndexKey, indexKeyRow, storeIndexKey } from '../eventstore/shopKeys.ts';
import type { Header, KeyLine } from './format.ts';

const KEYS_PAGE = 1_000;

/** The wrapped keys of all persons, ordered by person. */
export async function* keyPages(pool: Pool): AsyncGenerator<readonly KeyLine[]> {
  for (let after = ''; ;) {
    const { rows } = await pool.query<KeyLine>(
      `SELECT subject, translate(encode(wrapped_key, 'base64'), E'\\n', '') AS wrapped_key FROM subject_keys
       WHERE subject > $1 ORDER BY subject LIMIT ${KEYS_PAGE}`,
      [after],
    );
    if (rows.length > 0) yield rows;
    if (rows.length < KEYS_PAGE) return;
    after = rows.at(-1)!.subject;
  }
}

/** The index key, where an import could not find it out from the keys of persons: some master key was changed, or is being changed. */
export async function indexKeyToExport(pool: Pool): Promise<Header['index_key']> {
  const row = await indexKeyRow(pool);
  if (row === undefined) return undefined;
  const { rows } = await pool.query('SELECT 1 FROM subject_keys WHERE master_key <> $1 LIMIT 1', [row.origin]);
  if (row.master_key === row.origin && rows.length === 0) return undefined;
  const { wrapped_key: wrapped, master_key: mark, origin } = row;
  return { wrapped_key: wrapped.toString('base64'), master_key: mark, origin };
}

/** The keys that an import brings, and what opens them. */
export interface Bringing {
  readonly pages: AsyncIterable<readonly KeyLine[]>;
  readonly masterKeys: MasterKeys;
  /** The index key of the exported log; undefined when the export has no keys. */
  readonly indexKey: Pick<MasterKey, 'key' | 'mark'> | undefined;
  /** Persons who are erased in the exported log. Their keys are not brought, should the export still have them. */
  readonly erased: ReadonlySet<string>;
}

export interface BroughtKeys {
  /** Keys that were added to the database. */
  readonly brought: number;
  /** Keys of the export that are missing in a database with keys: those persons were erased, and stay erased. */
  readonly erased: number;
}

/**
 * Adds the persons' keys to a database without keys, all in one transaction. A database with keys is the shop's own (its log
 * moved, its keys did not). Then nothing is added, so that no erased person comes back. Rejects when a key differs, or when
 * none matches.
 */
export async function bringKeys(pool: Pool, bringing: Bringing): Promise<BroughtKeys> {
  const { pages, masterKeys, indexKey, erased } = bringing;
  const { rows } = await pool.query('SELECT 1 FROM subject_keys LIMIT 1');
  await pool.query(ERASE, [[...erased]]);
  if (rows.length > 0) return compareKeys(pool, bringing);
  let brought = 0;
  await withTx(pool, async (tx) => {
    // Without the lock, a person who registers now would make this database look like one that has its keys.
    await tx.query('LOCK TABLE subject_keys IN SHARE ROW EXCLUSIVE MODE');
    if (indexKey !== undefined) {
      await forgetIndexKey(tx);
      await storeIndexKey(tx, masterKeys, indexKey);
    }
    for await (const page of pages) {
      brought += (await insert(tx, page)).rowCount ?? 0;
    }
  });
  return { brought, erased: 0 };
}

/** Erased persons stay erased: an import also deletes a key of theirs that is here already. */
const ERASE = `
  WITH erased AS (INSERT INTO erased_persons (subject) SELECT unnest($1::text[]) ON CONFLICT (subject) DO NOTHING)
  DELETE FROM subject_keys WHERE subject = ANY ($1::text[])`;

const insert = (tx: Connection, page: readonly KeyLine[]) =>
  tx.query(
    `INSERT INTO subject_keys (subject, wrapped_key)
     SELECT subject, decode(wrapped, 'base64') FROM unnest($1::text[], $2::text[]) AS new (subject, wrapped)
     WHERE NOT EXISTS (SELECT 1 FROM erased_persons WHERE erased_persons.subject = new.subject)`,
    [page.map(({ subject }) => subject), page.map(({ wrapped_key: wrapped }) => wrapped)],
  );

/** Whether both wrap one key, perhaps under different master keys. */
function isSameKey(masterKeys: MasterKeys, name: string, [one, other]: readonly [Buffer, Buffer]): boolean {
  if (one.equals(other)) return true;
  const [here, there] = [one, other].map((bytes) => unwrap(masterKeys, { name, bytes, mark: null })?.key);
  return here !== undefined && there !== undefined && here.equals(there);
}

async function compareKeys(pool: Pool, { pages, masterKeys }: Bringing): Promise<BroughtKeys> {
  let same = 0;
  let erased = 0;
  for await (const page of pages) {
    const subjects = page.map(({ subject }) => subject);
    const { rows } = await pool.query<{ subject: string; wrapped: Buffer }>(
      'SELECT subject, wrapped_key AS wrapped FROM subject_keys WHERE subject = ANY($1::text[])',
      [subjects],
    );
    const here = new Map(rows.map(({ subject, wrapped }) => [subject, wrapped]));
    for (const { subject, wrapped_key: wrapped } of page) {
      const found = here.get(subject);
      if (found === undefined) erased += 1;
      else if (isSameKey(masterKeys, subject, [found, Buffer.from(wrapped, 'base64')])) same += 1;
      else throw new Error(`this database has another key for ${subject}: its personal data would not open`);
    }
  }
  if (same === 0 && erased > 0)
    throw new Error('this database holds the personal data of another shop: import into one of its own');
  return { brought: 0, erased };
}
