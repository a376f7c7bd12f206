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

/** Earlier versions derive everything from the one master key, so the keys must be back under the first one. */
export async function down(db: MigrationDb): Promise<void> {
  await db.raw(`
    DO $$ BEGIN
      IF EXISTS (SELECT 1 FROM shop_keys WHERE master_key <> origin) THEN
        RAISE EXCEPTION 'the master key was changed: rotate back to the first one before this migration is taken back';
      END IF;
    END $$;
    DROP TABLE shop_keys;
    DROP INDEX subject_keys_master_key;
    ALTER TABLE subject_keys DROP COLUMN master_key;
  `);
}
