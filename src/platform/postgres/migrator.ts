import { setTimeout as delay } from 'node:timers/promises';
import type { Migration, MigrationDb, MigrationStep } from './migration.ts';
import type { Queryable } from './pool.ts';

/** The migrations that were applied. Knex made this table in older shops, so it has Knex's columns. */
const TABLE = 'migrations';
/** The steps that are done of migrations that are not finished. */
const STEPS_TABLE = 'migration_steps';
/** How long a migration waits for a lock in one attempt. Statements of a running shop may queue behind it that long. */
const LOCK_TIMEOUT_MS = 1_000;
/** An index that is made while its table is in use waits for older transactions; nothing queues behind it. */
const INDEX_LOCK_TIMEOUT_MS = 60_000;
const LOCK_ATTEMPTS_MAX = 30;
const LOCK_RETRY_MS = 500;
/** A step that still changes rows after this many batches does not come to an end. */
const BATCHES_MAX = 1_000_000;
/** SQLSTATEs of a lock timeout and of a deadlock. */
const LOCK_BUSY = new Set(['55P03', '40P01']);
/** SQLSTATE of a missing table. */
const UNDEFINED_TABLE = '42P01';

const codeOf = (error: unknown): string | undefined => (error as { code?: string }).code;

/** Tables that were not there before a transaction of a migration. */
export type OnTables = (db: Queryable, created: ReadonlySet<string>) => Promise<void>;

export interface Migrator {
  readonly connection: Queryable;
  readonly load: (name: string) => Promise<Migration>;
  /** Called in the transaction that has created tables. */
  readonly onTables: OnTables;
}

/** The names of the applied migrations, in the order in which they were applied. */
export async function appliedTo(db: Queryable): Promise<string[]> {
  try {
    const { rows } = await db.query<{ name: string }>(`SELECT name FROM ${TABLE} ORDER BY id`);
    return rows.map(({ name }) => name);
  } catch (error) {
    if (codeOf(error) === UNDEFINED_TABLE) return [];
    throw error;
  }
}

const dbOf = (connection: Queryable): MigrationDb => ({
  raw: (sql, values) => connection.query(sql, values === undefined ? undefined : [...values]),
  build: async (describe) => {
    // Knex is loaded only where a migration describes something with it. It has no connection of its own.
    const { default: knex } = await import('knex');
    await connection.query(describe(knex({ client: 'pg' }).schema).toString());
  },
});

/** Runs work again while a lock is busy, at most `LOCK_ATTEMPTS_MAX` times. */
async function untilLocked<T>(name: string, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!LOCK_BUSY.has(codeOf(error) ?? '')) throw error;
      if (attempt >= LOCK_ATTEMPTS_MAX) {
        throw new Error(
          `The migration ${name} got no lock in ${LOCK_ATTEMPTS_MAX} attempts: a long transaction uses its tables ` +
            '(see pg_stat_activity). Nothing of this step was changed; start again when the transaction has ended.',
          { cause: error },
        );
      }
      await delay(LOCK_RETRY_MS);
    }
  }
}

const inTransaction = <T>(connection: Queryable, name: string, work: () => Promise<T>): Promise<T> =>
  untilLocked(name, async () => {
    await connection.query('BEGIN');
    try {
      await connection.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
      const result = await work();
      await connection.query('COMMIT');
      return result;
    } catch (error) {
      await connection.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
  });

async function tablesOf(connection: Queryable): Promise<Set<string>> {
  const { rows } = await connection.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class
     WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) AND relkind IN ('r', 'p')`,
  );
  return new Set(rows.map(({ name }) => name));
}

/** Runs work, and tells `onTables` about the tables that it has created. */
async function noticing({ connection, onTables }: Migrator, work: () => Promise<unknown>): Promise<void> {
  const before = await tablesOf(connection);
  await work();
  const created = [...(await tablesOf(connection))].filter((name) => !before.has(name));
  if (created.length > 0) await onTables(connection, new Set(created));
}

const record = (connection: Queryable, name: string, batch: number): Promise<unknown> =>
  connection.query(`INSERT INTO ${TABLE} (name, batch, migration_time) VALUES ($1, $2, now())`, [name, batch]);

/** Makes the tables in which migrations are recorded. The caller holds the lock on the shop's tables. */
async function prepare(connection: Queryable): Promise<number> {
  await connection.query(`
    CREATE TABLE IF NOT EXISTS ${TABLE} (
      id serial PRIMARY KEY, name varchar(255), batch integer, migration_time timestamptz
    );
    CREATE TABLE IF NOT EXISTS ${STEPS_TABLE} (
      migration text, step text, done_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (migration, step)
    );
  `);
  const { rows } = await connection.query<{ batch: number }>(
    `SELECT coalesce(max(batch), 0)::int + 1 AS batch FROM ${TABLE}`,
  );
  return rows[0]!.batch;
}

/** An interrupted `CONCURRENTLY` leaves an invalid index behind, which is dropped first. */
async function createIndex(
  connection: Queryable,
  { index, on, unique = false }: { index: string; on: string; unique?: boolean },
): Promise<void> {
  const { rows } = await connection.query<{ valid: boolean }>(
    'SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass($1)',
    [`"${index}"`],
  );
  if (rows[0]?.valid === true) return;
  if (rows.length > 0) await connection.query(`DROP INDEX CONCURRENTLY "${index}"`);
  await connection.query(`CREATE ${unique ? 'UNIQUE ' : ''}INDEX CONCURRENTLY "${index}" ON ${on}`);
}

async function outsideTransaction(connection: Queryable, name: string, work: () => Promise<unknown>): Promise<void> {
  await connection.query(`SET lock_timeout = ${INDEX_LOCK_TIMEOUT_MS}`);
  try {
    await untilLocked(name, work);
  } finally {
    await connection.query('SET lock_timeout = 0').catch(() => undefined);
  }
}

async function runStep(migrator: Migrator, name: string, step: MigrationStep): Promise<void> {
  const { connection } = migrator;
  const told = `${name} (${step.name})`;
  const done = (): Promise<unknown> =>
    connection.query(`INSERT INTO ${STEPS_TABLE} (migration, step) VALUES ($1, $2)`, [name, step.name]);
  if ('run' in step) {
    await inTransaction(connection, told, async () => {
      await noticing(migrator, () => step.run(dbOf(connection)));
      await done();
    });
    return;
  }
  if ('batch' in step) {
    for (let batch = 1; ; batch += 1) {
      if ((await inTransaction(connection, told, () => step.batch(dbOf(connection)))) === 0) break;
      if (batch >= BATCHES_MAX) throw new Error(`The migration ${told} does not end: ${BATCHES_MAX} batches are done.`);
    }
  } else if ('index' in step) {
    await outsideTransaction(connection, told, () => createIndex(connection, step));
  } else {
    await outsideTransaction(connection, told, () =>
      connection.query(`DROP INDEX CONCURRENTLY IF EXISTS "${step.dropIndex}"`),
    );
  }
  await done();
}

async function stepsDone(connection: Queryable, name: string): Promise<Set<string>> {
  const { rows } = await connection.query<{ step: string }>(`SELECT step FROM ${STEPS_TABLE} WHERE migration = $1`, [
    name,
  ]);
  return new Set(rows.map(({ step }) => step));
}

const forgetSteps = (connection: Queryable, name: string): Promise<unknown> =>
  connection.query(`DELETE FROM ${STEPS_TABLE} WHERE migration = $1`, [name]);

async function applyOne(migrator: Migrator, name: string, batch: number): Promise<void> {
  const { connection } = migrator;
  const { up, steps = [] } = await migrator.load(name);
  const done = await stepsDone(connection, name);
  for (const step of steps) if (!done.has(step.name)) await runStep(migrator, name, step);
  await inTransaction(connection, name, async () => {
    if (up !== undefined) await noticing(migrator, () => up(dbOf(connection)));
    await forgetSteps(connection, name);
    await record(connection, name, batch);
  });
}

/** Applies these migrations one after the other. The caller holds the lock on the shop's tables. */
export async function applyAll(migrator: Migrator, names: readonly string[]): Promise<void> {
  const batch = await prepare(migrator.connection);
  for (const name of names) await applyOne(migrator, name, batch);
}

/** Tables that cannot be made again from anything else: the events, and the keys without which personal data are lost. */
const IRREPLACEABLE = ['events', 'subject_keys'] as const;

/** The tables among `IRREPLACEABLE` that have rows. */
async function full(connection: Queryable): Promise<string[]> {
  const tables = await tablesOf(connection);
  const found: string[] = [];
  for (const table of IRREPLACEABLE) {
    if (!tables.has(table)) continue;
    const { rows } = await connection.query(`SELECT 1 FROM "${table}" LIMIT 1`);
    if (rows.length > 0) found.push(table);
  }
  return found;
}

async function refuseLoss(connection: Queryable, before: readonly string[], destroyLog?: string): Promise<void> {
  const after = await full(connection);
  const lost = before.filter((table) => !after.includes(table));
  if (lost.length === 0) return;
  const { rows } = await connection.query<{ name: string }>('SELECT current_database() AS name');
  const name = rows[0]!.name;
  if (destroyLog === name) return;
  throw new Error(
    `This would delete the log of the shop for good (the rows of ${lost.join(' and ')}); nothing was changed. ` +
      'Keep an export of it (cartulary export). ' +
      (destroyLog === undefined
        ? `If you mean it: cartulary migrate down --destroy-log ${name}`
        : `The database is called ${name}, not ${destroyLog}.`),
  );
}

/**
 * Takes one migration back. Where rows would go that nothing can bring back, it refuses unless `destroyLog` is the database's
 * name. The caller holds the lock on the shop's tables.
 */
export async function takeBack({ connection, load }: Migrator, name: string, destroyLog?: string): Promise<void> {
  const { down } = await load(name);
  await prepare(connection);
  await inTransaction(connection, name, async () => {
    const before = await full(connection);
    await down(dbOf(connection));
    await refuseLoss(connection, before, destroyLog);
    await forgetSteps(connection, name);
    await connection.query(`DELETE FROM ${TABLE} WHERE name = $1`, [name]);
  });
}
