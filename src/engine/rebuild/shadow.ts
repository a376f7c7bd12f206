import type { Queryable } from '../../platform/postgres/pool.ts';
import type { Prepared } from '../project/validate.ts';

/** The schema of the tables under construction. */
export const SHADOW_SCHEMA = 'rebuild';
const LIVE_SCHEMA = 'public';

interface Index {
  readonly name: string;
  readonly definition: string;
  /** Type of the constraint that the index implements: `p` (primary key), `u` (unique) or none. */
  readonly constraint: string | null;
}

export const liveTable = ({ projection }: Prepared): string => `"${LIVE_SCHEMA}"."${projection.table}"`;
export const shadowTable = ({ projection }: Prepared): string => `"${SHADOW_SCHEMA}"."${projection.table}"`;

/** Creates an empty table like the live one, without its indexes. Drops the table that an earlier rebuild left behind. */
export async function createShadow(db: Queryable, prepared: Prepared): Promise<void> {
  await db.query(`CREATE SCHEMA IF NOT EXISTS "${SHADOW_SCHEMA}"`);
  await dropShadow(db, prepared);
  await db.query(`CREATE TABLE ${shadowTable(prepared)} (LIKE ${liveTable(prepared)} INCLUDING ALL EXCLUDING INDEXES)`);
}

export async function dropShadow(db: Queryable, prepared: Prepared): Promise<void> {
  await db.query(`DROP TABLE IF EXISTS ${shadowTable(prepared)}`);
}

/** The live table's indexes; the primary key's first. */
async function indexesOf(db: Queryable, { projection: { table } }: Prepared): Promise<Index[]> {
  const { rows } = await db.query<Index>(
    `SELECT c.relname AS name, pg_get_indexdef(i.indexrelid) AS definition, k.contype AS constraint
     FROM pg_index i
     JOIN pg_class c ON c.oid = i.indexrelid
     JOIN pg_class t ON t.oid = i.indrelid
     JOIN pg_namespace n ON n.oid = t.relnamespace
     LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u')
     WHERE n.nspname = $1 AND t.relname = $2
     ORDER BY i.indisprimary DESC, c.relname`,
    [LIVE_SCHEMA, table],
  );
  return rows;
}

/** Creates the live table's indexes on the shadow table, with the same names: all, only the primary key, or all others. */
export async function createIndexes(
  db: Queryable,
  prepared: Prepared,
  which: 'all' | 'primary' | 'others' = 'all',
): Promise<void> {
  for (const { name, definition, constraint } of await indexesOf(db, prepared)) {
    if (which !== 'all' && (constraint === 'p') !== (which === 'primary')) continue;
    await db.query(inShadow(definition, prepared));
    if (constraint === null) continue;
    const kind = constraint === 'p' ? 'PRIMARY KEY' : 'UNIQUE';
    await db.query(`ALTER TABLE ${shadowTable(prepared)} ADD CONSTRAINT "${name}" ${kind} USING INDEX "${name}"`);
  }
}

/** Rewrites `CREATE INDEX … ON public.orders USING …` for the shadow table. */
function inShadow(definition: string, prepared: Prepared): string {
  const { table } = prepared.projection;
  const on = new RegExp(` ON (?:ONLY )?(?:"?${LIVE_SCHEMA}"?\\.)?"?${table}"? USING `);
  const changed = definition.replace(on, () => ` ON ${shadowTable(prepared)} USING `);
  if (changed === definition) throw new Error(`cannot make this index for the rebuilt table: ${definition}`);
  return changed;
}

/** The privileges on the live table, as GRANT statements for the table that has its name after the swap. */
async function grantsOf(db: Queryable, prepared: Prepared): Promise<string[]> {
  const { rows } = await db.query<{ statement: string }>(
    `SELECT format('GRANT %s ON %s TO %s%s', a.privilege_type, $3::text,
       CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
       CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) AS statement
     FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
     CROSS JOIN LATERAL aclexplode(t.relacl) AS a
     WHERE n.nspname = $1 AND t.relname = $2 AND a.grantee <> t.relowner`,
    [LIVE_SCHEMA, prepared.projection.table, liveTable(prepared)],
  );
  return rows.map(({ statement }) => statement);
}

/** Replaces the live table by the shadow table. The change becomes visible when the caller's transaction commits. */
export async function exchange(tx: Queryable, prepared: Prepared): Promise<void> {
  const grants = await grantsOf(tx, prepared);
  await tx.query(`DROP TABLE ${liveTable(prepared)}`);
  await tx.query(`ALTER TABLE ${shadowTable(prepared)} SET SCHEMA "${LIVE_SCHEMA}"`);
  for (const grant of grants) await tx.query(grant);
}
