import type { MigrationDb, MigrationStep } from '../src/platform/postgres/migration.ts';

/** Pictures of products and logos of stores, and the keys of pictures whose files may have to go. */
export const steps: readonly MigrationStep[] = [
  { name: 'picture of a product', run: (db) => db.raw('ALTER TABLE products ADD COLUMN image jsonb') },
  { name: 'logo of a store', run: (db) => db.raw('ALTER TABLE stores ADD COLUMN logo jsonb') },
  {
    name: 'loose pictures',
    run: (db) =>
      db.raw(`
        CREATE TABLE loose_pictures (key uuid PRIMARY KEY, look_at timestamptz NOT NULL, taken boolean NOT NULL DEFAULT false);
        CREATE INDEX loose_pictures_look_at ON loose_pictures (look_at);
      `),
  },
  { name: 'index pictures', index: 'products_image', on: `products ((image ->> 'key')) WHERE image IS NOT NULL` },
  { name: 'index logos', index: 'stores_logo', on: `stores ((logo ->> 'key')) WHERE logo IS NOT NULL` },
];

export async function down(db: MigrationDb): Promise<void> {
  await db.raw(`
    DROP TABLE loose_pictures;
    ALTER TABLE stores DROP COLUMN logo;
    ALTER TABLE products DROP COLUMN image;
  `);
}
