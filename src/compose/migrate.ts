import { reconcile } from '../engine/follow/deadLetters.ts';
import { followerOf } from '../engine/project/validate.ts';
import { migrateUp } from '../platform/postgres/migrate.ts';
import type { Queryable } from '../platform/postgres/pool.ts';
import { projections } from '../projections/index.ts';

const ACTOR = 'system:migrate';

/** The projections whose tables were created now begin again at the first event: such a table is empty, whatever its checkpoint says. */
async function beginAgain(db: Queryable, created: ReadonlySet<string>): Promise<void> {
  const { rows } = await db.query<{ there: boolean }>(`SELECT to_regclass('checkpoints') IS NOT NULL AS there`);
  if (rows[0]?.there !== true) return;
  for (const { name, table } of projections) {
    if (!created.has(table)) continue;
    const { rowCount } = await db.query(
      `UPDATE checkpoints SET position = 0, lease_epoch = lease_epoch + 1, owner = NULL, lease_until = NULL,
         last_error = NULL, updated_at = now()
       WHERE name = $1`,
      [followerOf(name)],
    );
    if (rowCount !== 0) await reconcile(db, followerOf(name), { parkings: [], actor: ACTOR });
  }
}

/** Applies the shop's pending migrations, and returns their names. Read models whose tables are new fill from the log. */
export const migrateShop = (url: string): Promise<string[]> => migrateUp(url, { onTables: beginAgain });
