import type { MigrationDb, MigrationStep } from '../src/platform/postgres/migration.ts';

/**
 * The mark of the master key that wraps each person's key; null in keys of earlier versions. `shop_keys` has the keys of the shop
 * itself: the row that is there first decides which master key this database belongs to.
 */
export const steps: readonly MigrationStep[] = [
  {
    name: 'mark the master key of each key',
    run: (db) =>
      db.build((schema) =>
        schema
          .alterTable('subject_keys', (table) => void table.text('master_key'))
          .createTable('shop_keys', (table) => {
            table.text('name').primary();
            table.binary('wrapped_key').notNullable();
            table.text('master_key').notNullable();
            table.text('origin').notNullable();
          }),
      ),
  },
  { name: 'index the marks', index: 'subject_keys_master_key', on: 'subject_keys (master_key)' },
];

/**
 * Earlier versions derive everything from the one master key, so all keys must be back under the one that the shop began with. A
 * rotation that was cut off leaves some under the other.
 */
export async function down(db: MigrationDb): Promise<void> {
  await db.raw(`
    DO $$ DECLARE first text; others bigint; BEGIN
      SELECT origin INTO first FROM shop_keys WHERE name = 'index key';
      SELECT count(*) INTO others FROM (
        SELECT master_key FROM shop_keys UNION ALL SELECT master_key FROM subject_keys
      ) AS keys WHERE master_key <> coalesce(first, (SELECT min(master_key) FROM subject_keys));
      IF others > 0 THEN
        RAISE EXCEPTION 'The master key was changed, and % keys are wrapped by another than the first one (mark %). An earlier version could not open them; nothing was changed. List the first one first in MASTER_KEY, run "cartulary migrate up" and "cartulary keys rotate", then take this back.', others, first;
      END IF;
    END $$;
    DROP TABLE shop_keys;
    DROP INDEX subject_keys_master_key;
    ALTER TABLE subject_keys DROP COLUMN master_key;
  `);
}
