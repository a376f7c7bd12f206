import type { MigrationDb, MigrationStep } from '../src/platform/postgres/migration.ts';
import { vectorOf } from '../src/projections/search.ts';

const BATCH_ROWS = 2_000;
/** Vectors of earlier versions have no term for the whole name. */
const OLD = `NOT words @@ $$'=':*$$::tsquery`;

type Found = { id: string; name: string; description: string; sku?: string | null };

async function write(db: MigrationDb, table: string, rows: Record<string, unknown>[]): Promise<number> {
  const found = rows as Found[];
  await db.raw(
    `UPDATE ${table} t SET words = u.words::tsvector FROM unnest($1::uuid[], $2::text[]) AS u (id, words) WHERE t.id = u.id`,
    [found.map(({ id }) => id), found.map(({ name, description, sku }) => vectorOf(name, description, sku))],
  );
  return found.length;
}

/** The rows stay locked until their words are written, so that no change of a name comes between. */
async function fillProducts(db: MigrationDb): Promise<number> {
  const { rows } = await db.raw(
    `SELECT id, name, description, sku FROM products WHERE ${OLD} LIMIT ${BATCH_ROWS} FOR UPDATE`,
  );
  return write(db, 'products', rows);
}

async function fillStores(db: MigrationDb): Promise<number> {
  const { rows } = await db.raw(
    `SELECT id, name, description FROM stores WHERE words IS NULL LIMIT ${BATCH_ROWS} FOR UPDATE`,
  );
  return write(db, 'stores', rows);
}

/**
 * Words of names, SKUs and descriptions with their weights, for products and stores. Processes of the version before find products by
 * them as they did. `vocabulary` is a read model of its own and fills itself from the log.
 */
export const steps: readonly MigrationStep[] = [
  {
    name: 'vocabulary',
    run: (db) =>
      db.raw(`
        CREATE TABLE vocabulary (
          word text COLLATE "C" PRIMARY KEY, keys tsvector NOT NULL, revision bigint NOT NULL, position bigint NOT NULL
        );
        CREATE INDEX vocabulary_keys ON vocabulary USING gin (keys) WITH (fastupdate = off);
      `),
  },
  { name: 'words of stores', run: (db) => db.raw('ALTER TABLE stores ADD COLUMN words tsvector') },
  { name: 'fill stores', batch: fillStores },
  { name: 'index stores', index: 'stores_words', on: 'stores USING gin (words)' },
  { name: 'fill products', batch: fillProducts },
];

export async function down(db: MigrationDb): Promise<void> {
  await db.raw(`
    DROP INDEX stores_words;
    ALTER TABLE stores DROP COLUMN words;
    DROP TABLE vocabulary;
  `);
}
