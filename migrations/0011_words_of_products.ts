import type { MigrationDb, MigrationStep } from '../src/platform/postgres/migration.ts';
import { vectorOf } from '../src/projections/search.ts';

const BATCH_ROWS = 5_000;

/** Without accents and parted at joining signs, about as the projection does it; enough until the projection writes the row again. */
const parted = (column: string): string =>
  `regexp_replace(normalize(lower(translate(NEW.${column}, '/._-', '    ') COLLATE "und-x-icu"), NFKD), '[\\u0300-\\u036F]', '', 'g')`;
const weighed = (column: string, weight: string): string =>
  `setweight(to_tsvector('simple', ${parted(column)}), '${weight}')`;

/**
 * Makes the column. Processes of the version before write rows without it, and read the column `search`, which Postgres computes at
 * each write. So a table with rows keeps that column, until a later version drops it, and gets triggers that fill the new one for
 * those processes. A changed product is then found by its former words too.
 */
async function addColumn(db: MigrationDb): Promise<void> {
  await db.raw('ALTER TABLE products ADD COLUMN words tsvector');
  const { rows } = await db.raw('SELECT 1 FROM products LIMIT 1');
  if (rows.length === 0) {
    await db.raw('ALTER TABLE products DROP COLUMN search');
    return;
  }
  await db.raw(`
    CREATE FUNCTION products_words() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    BEGIN
      NEW.words := coalesce(NEW.words, '') || ${weighed('name', 'A')} || ${weighed('description', 'B')};
      RETURN NEW;
    END
    $$;
    CREATE TRIGGER products_words_new BEFORE INSERT ON products
      FOR EACH ROW WHEN (NEW.words IS NULL) EXECUTE FUNCTION products_words();
    CREATE TRIGGER products_words_changed BEFORE UPDATE OF name, description ON products
      FOR EACH ROW WHEN (NEW.words IS NOT DISTINCT FROM OLD.words
        AND (NEW.name, NEW.description) IS DISTINCT FROM (OLD.name, OLD.description))
      EXECUTE FUNCTION products_words();
  `);
}

/** The rows stay locked until their words are written, so that no change of a name comes between. */
async function fill(db: MigrationDb): Promise<number> {
  const { rows } = await db.raw(
    `SELECT id, name, description FROM products WHERE words IS NULL LIMIT ${BATCH_ROWS} FOR UPDATE`,
  );
  const found = rows as { id: string; name: string; description: string }[];
  await db.raw(
    `UPDATE products p SET words = u.words::tsvector FROM unnest($1::uuid[], $2::text[]) AS u (id, words) WHERE p.id = u.id`,
    [found.map(({ id }) => id), found.map(({ name, description }) => vectorOf(name, description))],
  );
  return found.length;
}

/** Searches compare words that the shop itself has folded, because Postgres folds by the locale of its database. */
export const steps: readonly MigrationStep[] = [
  { name: 'column', run: addColumn },
  { name: 'fill', batch: fill },
  { name: 'index', index: 'products_words', on: 'products USING gin (words) WHERE listed' },
];

export async function down(db: MigrationDb): Promise<void> {
  await db.raw(`
    DROP INDEX products_words;
    DROP FUNCTION IF EXISTS products_words CASCADE;
    ALTER TABLE products DROP COLUMN words;
    ALTER TABLE products ADD COLUMN IF NOT EXISTS search tsvector GENERATED ALWAYS AS (
      setweight(to_tsvector('simple', name), 'A') || setweight(to_tsvector('simple', description), 'B')
    ) STORED;
    CREATE INDEX IF NOT EXISTS products_search ON products USING gin (search) WHERE listed;
  `);
}
