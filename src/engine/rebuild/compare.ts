import pg from 'pg';
import type { Queryable } from '../../platform/postgres/pool.ts';
import type { Prepared } from '../project/validate.ts';
import { liveTable, shadowTable } from './shadow.ts';

/** Rows whose difference may only be a matter of time are looked at again up to this many; beyond, none of them counts. */
export const RECHECKED_MAX = 50_000;
const CANDIDATES = 'pg_temp.rebuild_candidates';

/** How the live rows differ from the rebuilt ones. */
export interface Comparison {
  /** The live row has seen (or should have seen) all that the rebuilt one has, and is another: different. */
  readonly settled: number;
  /** One of the two has yet to come as far as the other: to be looked at again when both have. */
  readonly open: number;
}

const contentOf = ({ columns }: Prepared, alias: string): string =>
  [...columns.map(([column]) => column), 'revision', 'position'].map((column) => `${alias}."${column}"`).join(', ');

/**
 * Compares all rows while both tables may still move; remembers, on this connection, which to look at again. One statement sees
 * the live rows and their checkpoint as of one moment: what the live rows should know by then is certain.
 */
export async function compare(db: Queryable, prepared: Prepared, epoch: string): Promise<Comparison> {
  const key = `"${prepared.projection.key}"`;
  await db.query(`DROP TABLE IF EXISTS ${CANDIDATES}`);
  await db.query(`
    CREATE TEMP TABLE rebuild_candidates AS
    SELECT coalesce(l.${key}, s.${key}) AS key,
      coalesce(l.position = s.position OR (s.position <= c.position AND l.position < s.position)
        OR (s.position <= c.position AND l.${key} IS NULL), false) AS settled
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
 * How many rows differ, now that the live table stands still at `live` and the rebuilt one is as far or further: what only
 * the rebuilt one can know yet is no difference.
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
