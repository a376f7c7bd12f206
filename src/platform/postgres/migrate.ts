import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Knex } from 'knex';
import type pg from 'pg';
import { createPool, onConnection } from './pool.ts';

/** Next to `src` in the sources, and next to `dist/src` in a build. */
const MIGRATIONS_DIR = path.resolve(import.meta.dirname, '../../../migrations');
/** How long a process waits while another one migrates. */
const MIGRATION_WAIT_MS = 60_000;
/** Knex uses one for its own table, and one for a migration's transaction. */
const CONNECTIONS = 2;
const MIGRATION_LOCK = 0x6d696772;
/** SQLSTATE of a lock timeout. */
const LOCK_NOT_AVAILABLE = '55P03';
/** SQLSTATE of a missing table. */
const UNDEFINED_TABLE = '42P01';
const TABLE = 'migrations';
const MIGRATION_FILE = /^(\d{4}_[a-z0-9_]+)\.(ts|js)$/;

interface Migration {
  up(knex: Knex): Promise<void>;
  down(knex: Knex): Promise<void>;
}

/** Migration names without file extension, so that sources and build record the same names. */
const namesIn = async (dir: string): Promise<string[]> =>
  (await readdir(dir)).flatMap((file) => MIGRATION_FILE.exec(file)?.[1] ?? []).sort();

const source: Knex.MigrationSource<string> = {
  getMigrations: () => namesIn(MIGRATIONS_DIR),
  getMigrationName: (name) => name,
  getMigration: async (name) => {
    const extension = import.meta.filename.endsWith('.ts') ? 'ts' : 'js';
    return (await import(pathToFileURL(path.join(MIGRATIONS_DIR, `${name}.${extension}`)).href)) as Migration;
  },
};

/** Runs work with Knex. Knex is loaded only here, because loading it takes a good part of the start-up time. */
async function using<T>(url: string, work: (db: Knex) => Promise<T>): Promise<T> {
  const { default: knex } = await import('knex');
  const pool = createPool({
    ...{ url, name: 'migrate', max: CONNECTIONS, int8: 'number' },
    statementTimeoutMs: 0,
    lockTimeoutMs: MIGRATION_WAIT_MS,
  });
  const db = knex({
    client: 'pg',
    connectionPool: pool,
    migrations: { migrationSource: source, tableName: TABLE },
  });
  try {
    return await work(db);
  } finally {
    await db.destroy();
    await pool.end();
  }
}

async function appliedTo(client: pg.Client): Promise<string[]> {
  try {
    const { rows } = await client.query<{ name: string }>(`SELECT name FROM ${TABLE} ORDER BY id`);
    return rows.map(({ name }) => name);
  } catch (error) {
    if ((error as { code?: string }).code === UNDEFINED_TABLE) return [];
    throw error;
  }
}

/** Runs work under an advisory lock. Knex's own lock fails on an empty database: two processes would both create its table. */
const inTurn = <T>(url: string, waitMs: number, work: (client: pg.Client) => Promise<T>): Promise<T> =>
  onConnection({ url, name: 'migrate (turn)', lockTimeoutMs: waitMs, statementTimeoutMs: 0 }, async (client) => {
    try {
      await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
      return await work(client);
    } catch (error) {
      if ((error as { code?: string }).code !== LOCK_NOT_AVAILABLE) throw error;
      throw new Error(`Another process has been migrating the database for more than ${waitMs} ms.`, {
        cause: error,
      });
    }
  });

/**
 * Applies pending migrations, once even if many processes start together. Rejects for a database that a newer version has
 * migrated. Returns the names of the applied migrations.
 */
export const migrateUp = (url: string, waitMs = MIGRATION_WAIT_MS): Promise<string[]> =>
  inTurn(url, waitMs, async (client) => {
    const [known, applied] = await Promise.all([namesIn(MIGRATIONS_DIR), appliedTo(client)]);
    if (known.join() === applied.join()) return [];
    return using(url, async (db) => ((await db.migrate.latest()) as [number, string[]])[1]);
  });

/** Reverts the last migration. */
export const migrateDown = (url: string): Promise<string[]> =>
  using(url, async (db) => ((await db.migrate.down()) as [number, string[]])[1]);

export const migrateStatus = (url: string): Promise<{ applied: string[]; pending: string[] }> =>
  onConnection({ url, name: 'migrate (status)' }, async (client) => {
    const [known, applied] = await Promise.all([namesIn(MIGRATIONS_DIR), appliedTo(client)]);
    return { applied, pending: known.filter((name) => !applied.includes(name)) };
  });

/** Creates the file of the next migration, empty, and returns its path. */
export async function migrateCreate(name: string, dir = MIGRATIONS_DIR): Promise<string> {
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '');
  if (slug === '') throw new Error('A migration needs a name, such as add_coupons.');
  const last = (await namesIn(dir)).at(-1) ?? '0000';
  const number = String(Number(last.slice(0, 4)) + 1).padStart(4, '0');
  const file = path.join(dir, `${number}_${slug}.ts`);
  await writeFile(
    file,
    `import type { Knex } from 'knex';\n\nexport async function up(knex: Knex): Promise<void> {\n  await knex.raw(\`\`);\n}\n\nexport async function down(knex: Knex): Promise<void> {\n  await knex.raw(\`\`);\n}\n`,
    { flag: 'wx' },
  );
  return file;
}
