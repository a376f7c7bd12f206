import type { MigrationDb, MigrationStep } from '../src/platform/postgres/migration.ts';

const OLD_LOCK = 'pg_advisory_xact_lock(7216031905432817)';
const NEW_LOCK = 'pg_advisory_xact_lock(hashtextextended(current_schema(), 7216031905432817))';
const BOTH_LOCKS = `${OLD_LOCK}; PERFORM ${NEW_LOCK}`;
const OLD_CHANNEL = `pg_notify('cartulary_log',`;
const NEW_CHANNEL = `pg_notify('cartulary_log_' || md5(current_schema()),`;

/** Replaces texts in the function that appends. */
async function rewrite(db: MigrationDb, ...changes: readonly (readonly [string, string])[]): Promise<void> {
  const { rows } = await db.raw(`SELECT pg_get_functiondef('append_batch'::regproc) AS definition`);
  let definition = String(rows[0]?.['definition']);
  for (const [from, to] of changes) {
    if (!definition.includes(from)) throw new Error(`append_batch does not contain ${from}: it was changed by hand.`);
    definition = definition.replace(from, () => to);
  }
  await db.raw(definition);
}

/**
 * Two shops in one database no longer wait for each other's appends, nor hear of them: the lock and the channel of the log are
 * named after the schema. The function works in that schema, whatever path its caller has. Processes of the version before may
 * be in the middle of an append, so the function first takes both locks, until none of those is left.
 */
export const steps: readonly MigrationStep[] = [
  {
    name: 'both locks',
    run: async (db) => {
      await rewrite(db, [OLD_LOCK, BOTH_LOCKS], [OLD_CHANNEL, NEW_CHANNEL]);
      await db.raw('ALTER FUNCTION append_batch SET search_path FROM CURRENT');
    },
  },
  {
    name: 'one lock',
    run: async (db) => {
      await db.raw(`SELECT ${OLD_LOCK}`);
      await rewrite(db, [BOTH_LOCKS, NEW_LOCK]);
    },
  },
];

export async function down(db: MigrationDb): Promise<void> {
  await db.raw('ALTER FUNCTION append_batch RESET search_path');
  await rewrite(db, [NEW_LOCK, OLD_LOCK], [NEW_CHANNEL, OLD_CHANNEL]);
}
