import type { MigrationDb } from '../src/platform/postgres/migration.ts';

/** One table per projection; the projection engine maintains `revision` and `position`. */
export async function up(db: MigrationDb): Promise<void> {
  await db.raw(`
    CREATE TABLE users (
      id uuid PRIMARY KEY, email text NOT NULL, name text NOT NULL, phone text, address text, role text NOT NULL,
      store_id uuid, is_active boolean NOT NULL, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL,
      revision bigint NOT NULL, position bigint NOT NULL
    );

    CREATE TABLE revocations (
      subject text PRIMARY KEY, revoked_at timestamptz NOT NULL, kept_session uuid,
      revision bigint NOT NULL, position bigint NOT NULL
    );
    CREATE INDEX revocations_revoked_at ON revocations (revoked_at);

    CREATE TABLE stores (
      id uuid PRIMARY KEY, owner_id uuid NOT NULL, name text NOT NULL, description text NOT NULL,
      created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL, revision bigint NOT NULL, position bigint NOT NULL
    );

    CREATE TABLE categories (
      id uuid PRIMARY KEY, name text NOT NULL, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL,
      revision bigint NOT NULL, position bigint NOT NULL
    );

    CREATE TABLE products (
      id uuid PRIMARY KEY, listed boolean NOT NULL, store_id uuid NOT NULL, seller_id uuid NOT NULL, sku text,
      name text NOT NULL, description text NOT NULL, price bigint NOT NULL, currency text NOT NULL,
      category_id uuid NOT NULL, on_hand bigint NOT NULL, reserved bigint NOT NULL, ordered bigint NOT NULL,
      created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL, revision bigint NOT NULL, position bigint NOT NULL,
      search tsvector GENERATED ALWAYS AS (
        setweight(to_tsvector('simple', name), 'A') || setweight(to_tsvector('simple', description), 'B')
      ) STORED
    );
    CREATE INDEX products_search ON products USING gin (search) WHERE listed;
    CREATE INDEX products_created_at ON products (created_at DESC, id) WHERE listed;
    CREATE INDEX products_price ON products (price, id) WHERE listed;
    CREATE INDEX products_category ON products (category_id) WHERE listed;
    CREATE INDEX products_store ON products (store_id, sku);

    CREATE TABLE carts (
      buyer_id uuid PRIMARY KEY, items jsonb NOT NULL, updated_at timestamptz NOT NULL,
      revision bigint NOT NULL, position bigint NOT NULL
    );

    CREATE TABLE orders (
      id uuid PRIMARY KEY, buyer_id uuid NOT NULL, status text NOT NULL, lines jsonb NOT NULL, fulfilments jsonb NOT NULL,
      currency text NOT NULL, total bigint NOT NULL, paid boolean NOT NULL, captured bigint NOT NULL,
      refund_requested bigint NOT NULL, refunded bigint NOT NULL, payment_id uuid, payment_method text,
      payment_status text, shipping_address text NOT NULL, billing_address text, notes text, cancel_reason text,
      pay_by timestamptz NOT NULL, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL,
      revision bigint NOT NULL, position bigint NOT NULL
    );
    CREATE INDEX orders_buyer ON orders (buyer_id, created_at DESC, id);
    CREATE INDEX orders_stores ON orders USING gin (fulfilments);

    CREATE TABLE payments (
      id uuid PRIMARY KEY, order_id uuid NOT NULL, attempt int NOT NULL, method text NOT NULL, status text NOT NULL,
      amount bigint NOT NULL, refund_requested bigint NOT NULL, refunded bigint NOT NULL, currency text NOT NULL,
      decline_reason text, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL,
      revision bigint NOT NULL, position bigint NOT NULL
    );
    CREATE INDEX payments_order ON payments (order_id, attempt);

    CREATE TABLE deadlines (
      key text PRIMARY KEY, kind text NOT NULL, order_id uuid NOT NULL, due_at timestamptz NOT NULL, buyer_id uuid NOT NULL,
      product_ids jsonb NOT NULL, cart_held boolean NOT NULL, revision bigint NOT NULL, position bigint NOT NULL
    );
    CREATE INDEX deadlines_due_at ON deadlines (due_at);

    CREATE TABLE related (
      pair text PRIMARY KEY, product_id uuid NOT NULL, related_id uuid NOT NULL, times bigint NOT NULL,
      revision bigint NOT NULL, position bigint NOT NULL
    );
    CREATE INDEX related_product ON related (product_id, times DESC);
  `);
}

export async function down(db: MigrationDb): Promise<void> {
  await db.raw(
    'DROP TABLE related, deadlines, payments, orders, carts, products, categories, stores, revocations, users',
  );
}
