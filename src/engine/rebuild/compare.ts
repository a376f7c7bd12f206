import pg from 'pg';
import type { Queryable } from '../../platform/postgres/pool.ts';
import type { Prepared } from '../project/validate.ts';
import { liveTable, shadowTable } from './shadow.ts';

/** Most rows that are compared a second time because one side may only be behind. If there are more, none of them counts. */
const RECHECKED_MAX = 50_000;
const CANDIDATES = 'pg_temp.rebuild_candidates';

/** Numbers of rows that differ between the live and the rebuilt table. */
export interface Comparison {
  /** The live row has seen, or should have seen, all events of the rebuilt one. So these rows really differ. */
  readonly settled: number;
  /** One of the two rows may only be behind. Compared again when both have caught up. */
  readonly open: number;
}

const contentOf = ({ columns }: Prepared, alias: string): string =>
  [...columns.map(([column]) => column), 'revision', 'position'].map((column) => `${alias}."${column}"`).join(', ');

/**
 * Compares all rows while both tables may still move. Keeps the differing rows in a temporary table of this connection, for
 * `recheck`. One statement reads the live rows and their checkpoint in one snapshot, so it is certain which events the live
 * rows should include. The rebuilt table is at `position`; a row that only it has may be one that the live table, being
 * further, has removed since.
 */
export async function compare(
  db: Queryable,
  prepared: Prepared,
  { epoch, position }: { readonly epoch: string; readonly position: bigint },
): Promise<Comparison> {
  const key = `"${prepared.projection.key}"`;
  await db.query(`DROP TABLE IF EXISTS ${CANDIDATES}`);
  await db.query(`
    CREATE TEMP TABLE rebuild_candidates AS
    SELECT coalesce(l.${key}, s.${key}) AS key,
      coalesce(l.position = s.position OR (s.position <= c.position AND l.position < s.position)
        OR (s.position <= c.position AND c.position <= ${position} AND l.${key} IS NULL), false) AS settled
    FROM ${liveTable(prepared)} l FULL JOIN ${shadowTable(prepared)} s ON l.${key} = s.${key}
    CROSS JOIN (
      SELECT coalesce(max(position), 0) AS position FROM checkpoints
      WHERE name = ${pg.escapeLiteral(prepared.follower)} AND epoch = ${pg.escapeLiteral(epoch)}
    ) c
    WHERE (${contentOf(prepared, 'l')}) IS DISTINCT FROM (${contentOf(prepared, 's')})`);
  const { rows } = await db.query<{ settled: number; open: number }>(
    `SELECT count(*) FILTER (WHERE settled)::int AS settled, count(*) FILTER (WHERE NOT settled)::int AS open
     FROM ${CANDIDATES}`,
  );
  return rows[0]!;
}

/**
 * The number of rows that differ. The live table must stand still at `live`, with the rebuilt one as far or further. An
 * event that only the rebuilt table has seen makes no difference.
 */
export async function recheck(
  tx: Queryable,
  prepared: Prepared,
  { settled, open }: Comparison,
  places: { live: bigint; shadow: bigint },
): Promise<number> {
  if (open === 0 || open > RECHECKED_MAX) return settled;
  const key = `"${prepared.projection.key}"`;
  const { rows } = await tx.query<{ differing: number }>(
    `SELECT count(*)::int AS differing
     FROM ${CANDIDATES} c
     LEFT JOIN ${liveTable(prepared)} l ON l.${key} = c.key
     LEFT JOIN ${shadowTable(prepared)} s ON s.${key} = c.key
     WHERE NOT c.settled AND (${contentOf(prepared, 'l')}) IS DISTINCT FROM (${contentOf(prepared, 's')})
       AND CASE WHEN s.${key} IS NULL THEN $1::bigint >= $2::bigint ELSE s.position <= $1::bigint END`,
    [String(places.live), String(places.shadow)],
  );
  return settled + rows[0]!.differing;
}
