import type { Knex } from 'knex';

/** The connection that a migration runs its SQL on. */
export interface MigrationDb {
  /** Runs one statement, or several without parameters. */
  raw(
    sql: string,
    values?: readonly unknown[],
  ): Promise<{ readonly rows: Record<string, unknown>[]; readonly rowCount: number | null }>;
  /** Runs what Knex's schema builder describes. Names in it stand in the schema of the shop, as in all SQL. */
  build(describe: (schema: Knex.SchemaBuilder) => Knex.SchemaBuilder): Promise<void>;
}

/**
 * A part of a migration that is committed by itself. It is recorded under its name, so that a migration that was cut off goes on
 * with the step that was not finished. Steps are for tables that may be large and that a running shop uses meanwhile.
 */
export type MigrationStep = { readonly name: string } & (
  | {
      /** One transaction. It waits for locks only shortly and is tried again, so that nobody queues behind it for long. */
      readonly run: (db: MigrationDb) => Promise<unknown>;
    }
  | {
      /** Called again and again, each time in a transaction of its own, until it answers 0: the number of rows it changed. */
      readonly batch: (db: MigrationDb) => Promise<number>;
    }
  | {
      /** The name of an index that is created while the table is in use (`CONCURRENTLY`). */
      readonly index: string;
      /** The text after `ON`, such as `orders USING gin (store_ids)`. */
      readonly on: string;
      readonly unique?: boolean;
    }
  | {
      /** The name of an index that is dropped while the table is in use. */
      readonly dropIndex: string;
    }
);

/** A file in `migrations/`: it has `up` (one transaction) or `steps`. */
export interface Migration {
  readonly up?: (db: MigrationDb) => Promise<unknown>;
  readonly steps?: readonly MigrationStep[];
  readonly down: (db: MigrationDb) => Promise<unknown>;
}
