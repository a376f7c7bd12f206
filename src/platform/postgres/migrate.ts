import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Migration } from './migration.ts';
import { mustFit } from './fit.ts';
import { appliedTo, applyAll, takeBack, type OnTables } from './migrator.ts';
import { onConnection, type Queryable } from './pool.ts';
import { aloneOn } from './running.ts';
import { holdersOf, takeLock } from './schemaLocks.ts';

/** Next to `src` in the sources, and next to `dist/src` in a build. */
const MIGRATIONS_DIR = path.resolve(import.meta.dirname, '../../../migrations');
/** How long a process waits while another one migrates, or rebuilds a read model. */
const MIGRATION_WAIT_MS = 60_000;
const MIGRATION_FILE = /^(\d{4}_[a-z0-9_]+)\.(ts|js)$/;

/** Migration names without file extension, so that sources and build record the same names. */
const namesIn = async (dir: string): Promise<string[]> =>
  (await readdir(dir)).flatMap((file) => MIGRATION_FILE.exec(file)?.[1] ?? []).sort();

async function load(name: string): Promise<Migration> {
  const extension = import.meta.filename.endsWith('.ts') ? 'ts' : 'js';
  return (await import(pathToFileURL(path.join(MIGRATIONS_DIR, `${name}.${extension}`)).href)) as Migration;
}

/** Runs work on a connection without time limits for statements and locks; a migration sets its own. */
const onMigrator = <T>(url: string, work: (connection: Queryable) => Promise<T>): Promise<T> =>
  onConnection({ url, name: 'migrate', int8: 'number', statementTimeoutMs: 0, lockTimeoutMs: 0 }, work);

/** Takes the lock on the shop's tables, or says which program has it. */
async function lockTables(connection: Queryable, waitMs: number): Promise<void> {
  if (await takeLock(connection, { lock: 'tables', waitMs })) return;
  const holders = await holdersOf(connection, 'tables');
  throw new Error(
    `Another process has been migrating this shop, or rebuilding a read model of it, for more than ${waitMs} ms: ` +
      `${holders.join(', ') || 'it has just ended'}. Start again when it has ended.`,
  );
}

interface Progress {
  readonly applied: string[];
  readonly pending: string[];
}

async function progressOf(connection: Queryable): Promise<Progress> {
  const [known, applied] = [await namesIn(MIGRATIONS_DIR), await appliedTo(connection)];
  const unknown = applied.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new Error(
      `A newer version has migrated this database (${unknown.join(', ')}): use that version, or restore a backup.`,
    );
  }
  return { applied, pending: known.filter((name) => !applied.includes(name)) };
}

export interface MigrateOptions {
  readonly waitMs?: number;
  /** Called in the transaction of a migration that has created tables. */
  readonly onTables?: OnTables;
}

const nothing = (): Promise<void> => Promise.resolve();

/**
 * Applies pending migrations, once even if many processes start together, and not beside a rebuild. Rejects for a database that
 * a newer version has migrated. Returns the names of the applied migrations.
 */
export const migrateUp = (
  url: string,
  { waitMs = MIGRATION_WAIT_MS, onTables = nothing }: MigrateOptions = {},
): Promise<string[]> =>
  onMigrator(url, async (connection) => {
    if ((await progressOf(connection)).pending.length === 0) return [];
    // Before any lock: behind a pooler that shares sessions, a lock would stay when this process has ended.
    await mustFit(connection, url);
    await lockTables(connection, waitMs);
    const { pending } = await progressOf(connection);
    await applyAll({ connection, load, onTables }, pending);
    return pending;
  });

export interface DownOptions {
  /** The database's name, given by a person who wants its log to be deleted. */
  readonly destroyLog?: string;
}

/** Reverts the migration that was applied last, if no process works on the shop. Returns its name, or undefined if there is none. */
export const migrateDown = (url: string, { destroyLog }: DownOptions = {}): Promise<string | undefined> =>
  onMigrator(url, async (connection) => {
    await mustFit(connection, url);
    await aloneOn(connection, 'A migration is not taken back beside a running shop');
    await lockTables(connection, 0);
    const name = (await progressOf(connection)).applied.at(-1);
    if (name !== undefined) await takeBack({ connection, load, onTables: nothing }, name, destroyLog);
    return name;
  });

export const migrateStatus = (url: string): Promise<Progress> =>
  onConnection({ url, name: 'migrate (status)' }, async (client) => {
    const [known, applied] = [await namesIn(MIGRATIONS_DIR), await appliedTo(client)];
    return { applied, pending: known.filter((name) => !applied.includes(name)) };
  });

const EMPTY = `import type { MigrationDb } from '../src/platform/postgres/migration.ts';

export async function up(db: MigrationDb): Promise<void> {
  await db.raw(\`\`);
}

export async function down(db: MigrationDb): Promise<void> {
  await db.raw(\`\`);
}
`;

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
  await writeFile(file, EMPTY, { flag: 'wx' });
  return file;
}
