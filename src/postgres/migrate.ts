import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import knex, { type Knex } from 'knex';
import { CONNECT_TIMEOUT_MS } from './pool.ts';

/** Beside `src` in the sources and beside `dist/src` in a build. */
export const MIGRATIONS_DIR = path.resolve(import.meta.dirname, '../../migrations');
const MIGRATION_FILE = /^(\d{4}_[a-z0-9_]+)\.(ts|js)$/;

interface Migration {
  up(knex: Knex): Promise<void>;
  down(knex: Knex): Promise<void>;
}

/** Names carry no extension, so that sources and build agree on what has been applied. */
const source: Knex.MigrationSource<string> = {
  getMigrations: async () =>
    (await readdir(MIGRATIONS_DIR)).flatMap((file) => MIGRATION_FILE.exec(file)?.[1] ?? []).sort(),
  getMigrationName: (name) => name,
  getMigration: async (name) => {
    const extension = import.meta.filename.endsWith('.ts') ? 'ts' : 'js';
    return (await import(pathToFileURL(path.join(MIGRATIONS_DIR, `${name}.${extension}`)).href)) as Migration;
  },
};

const connect = (url: string): Knex =>
  knex({
    client: 'pg',
    connection: {
      connectionString: url,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      application_name: 'cartulary migrate',
    },
    pool: { min: 0, max: 2 },
    acquireConnectionTimeout: 10_000,
    migrations: { migrationSource: source, tableName: 'migrations' },
  });

async function using<T>(url: string, work: (db: Knex) => Promise<T>): Promise<T> {
  const db = connect(url);
  try {
    return await work(db);
  } finally {
    await db.destroy();
  }
}

/** Applies what is pending; refuses a database that a newer version has migrated. Returns the names applied. */
export const migrateUp = (url: string): Promise<string[]> =>
  using(url, async (db) => ((await db.migrate.latest()) as [number, string[]])[1]);

/** Takes back the last migration. */
export const migrateDown = (url: string): Promise<string[]> =>
  using(url, async (db) => ((await db.migrate.down()) as [number, string[]])[1]);

export const migrateStatus = (url: string): Promise<{ applied: string[]; pending: string[] }> =>
  using(url, async (db) => {
    const [applied, pending] = (await db.migrate.list()) as [{ name: string }[], string[]];
    return { applied: applied.map(({ name }) => name), pending };
  });

/** Writes the next empty migration into the sources and returns its path. */
export async function migrateCreate(name: string, dir = MIGRATIONS_DIR): Promise<string> {
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '');
  if (slug === '') throw new Error('A migration needs a name, such as add_coupons.');
  const last =
    (await readdir(dir))
      .flatMap((file) => MIGRATION_FILE.exec(file)?.[1] ?? [])
      .sort()
      .at(-1) ?? '0000';
  const number = String(Number(last.slice(0, 4)) + 1).padStart(4, '0');
  const file = path.join(dir, `${number}_${slug}.ts`);
  await writeFile(
    file,
    `import type { Knex } from 'knex';\n\nexport async function up(knex: Knex): Promise<void> {\n  await knex.raw(\`\`);\n}\n\nexport async function down(knex: Knex): Promise<void> {\n  await knex.raw(\`\`);\n}\n`,
    { flag: 'wx' },
  );
  return file;
}
