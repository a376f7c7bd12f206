import type { MigrationDb } from '../src/platform/postgres/migration.ts';

/** Reviews, and on each product how many there are of each rating. No earlier event is about a review, so no row changes. */
export async function up(db: MigrationDb): Promise<void> {
  await db.raw(`
    CREATE TABLE reviews (
      id uuid PRIMARY KEY, product_id uuid NOT NULL, store_id uuid NOT NULL, author_id uuid NOT NULL, rating int NOT NULL,
      comment text, answer text, answered_at timestamptz, hidden boolean NOT NULL, hidden_because text,
      created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL, revision bigint NOT NULL, position bigint NOT NULL
    );
    CREATE INDEX reviews_product ON reviews (product_id, created_at, id) WHERE NOT hidden;
    CREATE INDEX reviews_product_rating ON reviews (product_id, rating, created_at, id) WHERE NOT hidden;
    CREATE INDEX reviews_author ON reviews (author_id, created_at, id);
    CREATE INDEX reviews_created_at ON reviews (created_at, id);

    ALTER TABLE products ADD COLUMN ratings jsonb NOT NULL DEFAULT '[0, 0, 0, 0, 0]', ADD COLUMN rating float8;
  `);
}

export async function down(db: MigrationDb): Promise<void> {
  await db.raw(`
    ALTER TABLE products DROP COLUMN ratings, DROP COLUMN rating;
    DROP TABLE reviews;
  `);
}
