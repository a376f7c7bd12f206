import type { Queryable } from '../../platform/postgres/pool.ts';
import type { Prepared } from '../project/validate.ts';

/** Begins the names of a table under construction and of its indexes. It stands beside the live one, in the shop's schema. */
export const PREFIX = 'rebuild_';

interface Index {
  readonly name: string;
  /** The text after `CREATE INDEX name ON table`. */
  readonly definition: string;
  readonly unique: boolean;
  /** Type of the constraint that the index implements: `p` (primary key), `u` (unique) or none. */
  readonly constraint: string | null;
}

const quoted = (name: string): string => `"${name}"`;
export const shadowName = ({ projection }: Prepared): string => PREFIX + projection.table;
export const liveTable = ({ projection }: Prepared): string => quoted(projection.table);
export const shadowTable = (prepared: Prepared): string => quoted(shadowName(prepared));

/** Creates an empty table like the live one, without its indexes. Drops the table that an earlier rebuild left behind. */
export async function createShadow(db: Queryable, prepared: Prepared): Promise<void> {
  await dropShadow(db, prepared);
  await db.query(`CREATE TABLE ${shadowTable(prepared)} (LIKE ${liveTable(prepared)} INCLUDING ALL EXCLUDING INDEXES)`);
  for (const trigger of await triggersOf(db, liveTable(prepared), shadowTable(prepared))) await db.query(trigger);
}

export async function dropShadow(db: Queryable, prepared: Prepared): Promise<void> {
  await db.query(`DROP TABLE IF EXISTS ${shadowTable(prepared)}`);
}

/** The part of a definition after the name of the live table, which Postgres writes with its schema. */
const AFTER_TABLE = (definition: string): string =>
  `substr(${definition}, strpos(${definition}, named.text) + length(named.text))`;
const NAMED = `CROSS JOIN LATERAL (
  SELECT format(' ON %I.%I ', n.nspname, t.relname) AS text FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
  WHERE t.oid = to_regclass($1)
) AS named`;

/** The indexes of a table, the primary key's first. */
export async function indexesOf(db: Queryable, table: string): Promise<Index[]> {
  const { rows } = await db.query<Index>(
    `SELECT c.relname AS name, ${AFTER_TABLE('pg_get_indexdef(i.indexrelid)')} AS definition, i.indisunique AS unique,
       k.contype AS constraint
     FROM pg_index i
     JOIN pg_class c ON c.oid = i.indexrelid
     LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u') AND k.conrelid = i.indrelid
     ${NAMED}
     WHERE i.indrelid = to_regclass($1) AND i.indisvalid
     ORDER BY i.indisprimary DESC, c.relname`,
    [table],
  );
  return rows;
}

/** The triggers of a table, as statements that create them on another. */
export async function triggersOf(db: Queryable, from: string, to: string): Promise<string[]> {
  const { rows } = await db.query<{ statement: string }>(
    `SELECT replace(pg_get_triggerdef(g.oid), named.text, ' ON ' || $2::text || ' ') AS statement
     FROM pg_trigger g ${NAMED}
     WHERE g.tgrelid = to_regclass($1) AND NOT g.tgisinternal ORDER BY g.tgname`,
    [from, to],
  );
  return rows.map(({ statement }) => statement);
}

/** Creates the live table's indexes on the shadow table: all, only the primary key, or all others. */
export async function createIndexes(
  db: Queryable,
  prepared: Prepared,
  which: 'all' | 'primary' | 'others' = 'all',
): Promise<void> {
  for (const { name, definition, unique, constraint } of await indexesOf(db, liveTable(prepared))) {
    if (which !== 'all' && (constraint === 'p') !== (which === 'primary')) continue;
    const shadow = quoted(PREFIX + name);
    await db.query(`CREATE ${unique ? 'UNIQUE ' : ''}INDEX ${shadow} ON ${shadowTable(prepared)} ${definition}`);
    if (constraint === null) continue;
    const kind = constraint === 'p' ? 'PRIMARY KEY' : 'UNIQUE';
    await db.query(`ALTER TABLE ${shadowTable(prepared)} ADD CONSTRAINT ${shadow} ${kind} USING INDEX ${shadow}`);
  }
}

/** The privileges on the live table, as GRANT statements for the table that has its name after the swap. */
async function grantsOf(db: Queryable, prepared: Prepared): Promise<string[]> {
  const { rows } = await db.query<{ statement: string }>(
    `SELECT format('GRANT %s ON %s TO %s%s', a.privilege_type, $1::text,
       CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
       CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) AS statement
     FROM pg_class t CROSS JOIN LATERAL aclexplode(t.relacl) AS a
     WHERE t.oid = to_regclass($1) AND a.grantee <> t.relowner`,
    [liveTable(prepared)],
  );
  return rows.map(({ statement }) => statement);
}

/** Replaces the live table by the shadow table. The change becomes visible when the caller's transaction commits. */
export async function exchange(tx: Queryable, prepared: Prepared): Promise<void> {
  const grants = await grantsOf(tx, prepared);
  const indexes = await indexesOf(tx, liveTable(prepared));
  await tx.query(`DROP TABLE ${liveTable(prepared)}`);
  await tx.query(`ALTER TABLE ${shadowTable(prepared)} RENAME TO ${liveTable(prepared)}`);
  for (const { name } of indexes) await tx.query(`ALTER INDEX ${quoted(PREFIX + name)} RENAME TO ${quoted(name)}`);
  for (const grant of grants) await tx.query(grant);
}
