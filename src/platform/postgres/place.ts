import { chmod, mkdir, mkdtemp, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from '../log.ts';
import { writeFileSafely } from '../newFile.ts';
import { readOwnFile } from '../ownFiles.ts';
import { makeDataDir } from '../secrets.ts';
import { accountFor, canEnter, type Account } from './account.ts';

/** Folder for root's clusters whose data folder other accounts may not enter. */
export const ELSEWHERE = '/var/lib/cartulary';
const POINTER = 'postgres.location';
const CLUSTER = 'postgres';

/** The folder with the cluster, its log and its locks, and the account that Postgres runs as. */
export interface Place {
  readonly dir: string;
  readonly cluster: string;
  readonly logFile: string;
  readonly account: Account | undefined;
}

export const exists = async (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );

async function pointedTo(dataDir: string): Promise<string | undefined> {
  const pointer = path.join(dataDir, POINTER);
  const dir = ((await readOwnFile(pointer)) ?? '').trim();
  if (dir === '') return undefined;
  if (await exists(dir)) return dir;
  throw new Error(
    `${pointer} says that the database is kept in ${dir}, which is not there: restore it, or remove ${dataDir} to start afresh.`,
  );
}

/** Whether the data folder has a cluster, in it or where it points to. Makes nothing. */
export async function hasCluster(dataDir: string): Promise<boolean> {
  const dir = (await pointedTo(dataDir)) ?? dataDir;
  try {
    return (await stat(path.join(dir, CLUSTER))).isDirectory();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

/** Makes root's data folder passable (not listable) for the account, if possible. Returns whether the account can enter. */
async function letThrough(dataDir: string, account: Account): Promise<boolean> {
  if (await canEnter(account, dataDir)) return true;
  const { uid, mode } = await stat(dataDir);
  if (uid !== 0 || !(await canEnter(account, path.dirname(dataDir)))) return false;
  await chmod(dataDir, (mode & 0o777) | 0o011);
  return canEnter(account, dataDir);
}

async function makeElsewhere(dataDir: string): Promise<string> {
  try {
    await mkdir(ELSEWHERE, { recursive: true });
    await chmod(ELSEWHERE, 0o711);
    const name = path.basename(path.dirname(dataDir)).replace(/[^\w-]/g, '') || 'shop';
    const dir = await mkdtemp(path.join(ELSEWHERE, `${name}-`));
    await chmod(dir, 0o711);
    for (const [file, text] of [
      [path.join(dir, 'belongs-to'), dataDir],
      [path.join(dataDir, POINTER), dir],
    ] as const) {
      await writeFileSafely(file, (handle) => handle.writeFile(`${text}\n`), { replace: true });
    }
    return dir;
  } catch (error) {
    throw new Error(
      `Postgres does not run as root, the account it would run as may not enter ${dataDir}, and ${ELSEWHERE} cannot be ` +
        `made (${(error as Error).message}): choose another DATA_DIR, start as an ordinary user, or set DATABASE_URL.`,
      { cause: error },
    );
  }
}

/**
 * The place of the cluster: the data folder itself if possible. If root starts it in a folder that only root may enter
 * (`/root`), the cluster is under `/var/lib/cartulary`, and the file `postgres.location` in the data folder has the path.
 */
export async function placeFor(wanted: string, log: Logger): Promise<Place> {
  await makeDataDir(wanted);
  const dataDir = await realpath(wanted);
  const placed = async (dir: string): Promise<Place> => {
    const cluster = path.join(dir, CLUSTER);
    return { dir, cluster, logFile: path.join(dir, 'postgres.log'), account: await accountFor(dataDir, cluster) };
  };
  const pointed = await pointedTo(dataDir);
  if (pointed !== undefined) return placed(pointed);
  const here = await placed(dataDir);
  if (here.account === undefined || (await letThrough(dataDir, here.account))) return here;
  if (await exists(here.cluster)) {
    throw new Error(
      `${here.cluster} belongs to ${here.account.name}, who may not enter the folders above it: ` +
        'move DATA_DIR to where that account can go.',
    );
  }
  const dir = await makeElsewhere(dataDir);
  log.info({ dir }, `${here.account.name}, whom Postgres runs as, may not enter ${dataDir}: the database is in ${dir}`);
  return placed(dir);
}
