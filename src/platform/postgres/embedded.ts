import { randomUUID } from 'node:crypto';
import { readdir, realpath, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isHere, lives, parseHolder, FOREIGN_WAIT_MS, takeLock, thisProcess, withLock, type Lock } from '../lock.ts';
import type { Logger } from '../log.ts';
import { makeOwnFolder, readOwnFile } from '../ownFiles.ts';
import { openCluster } from './cluster.ts';
import { placeFor, type Place } from './place.ts';
import {
  findRunning,
  isOutlived,
  query,
  ROLE,
  startPostmaster,
  stopPostmaster,
  urlOf,
  type Cluster,
  type Settings,
  type Postmaster,
} from './postmaster.ts';
import { supervise } from './supervisor.ts';

const DATABASE = 'cartulary';
/** A stopping server normally releases its lock within this time. */
const SERVER_LOCK_WAIT_MS = 3_000;
/** Longer than it takes to create or recover a cluster, which happens while holding the turn lock. */
const TURN_WAIT_MS = 150_000;
const LEAVING_WAIT_MS = 2_000;

export interface EmbeddedPostgres {
  readonly url: string;
  /** Whether Postgres was running already: left behind by a killed process, or in use by another one. */
  readonly adopted: boolean;
  /** Leaves; the last process that leaves stops Postgres. Takes about ten seconds at most. Further calls share the first one. */
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  readonly dataDir: string;
  readonly log: Logger;
  /** A data folder has one server, which restarts a Postgres that died. Commands may run beside it. */
  readonly as?: 'server' | 'command';
  /** Additional Postgres settings, such as `max_connections`. No effect if Postgres is running already. */
  readonly settings?: Settings;
}

const turnOf = (place: Place): string => path.join(place.dir, 'turn.lock');
const usersOf = (place: Place): string => path.join(place.dir, 'users');

/** The name of a user's entry: the process, and an id. Other files are left alone. */
const USER = /^\d+-[0-9a-f-]{36}\.json$/;

/** Number of other live processes that use this cluster. Removes the entries of dead ones. */
async function usersBut(place: Place, mine: string): Promise<number> {
  let others = 0;
  for (const name of await readdir(usersOf(place))) {
    if (name === mine || !USER.test(name)) continue;
    const file = path.join(usersOf(place), name);
    const holder = parseHolder((await readOwnFile(file).catch(() => undefined)) ?? '');
    if (holder !== undefined && lives(holder)) others += 1;
    else await rm(file, { force: true });
  }
  return others;
}

async function takeServerLock(dataDir: string, place: Place): Promise<Lock> {
  const file = path.join(place.dir, 'server.lock');
  let lock = await takeLock(file, SERVER_LOCK_WAIT_MS);
  // A holder in another container can only be found dead by its silence, so wait for that.
  if (!('release' in lock) && !isHere(lock)) lock = await takeLock(file, FOREIGN_WAIT_MS);
  if ('release' in lock) return lock;
  throw new Error(
    `${dataDir} is in use by another cartulary server (process ${lock.pid} on ${lock.host}): ` +
      'stop that one, or give this one a DATA_DIR of its own.',
  );
}

async function ensureDatabase(cluster: Cluster, { port }: Postmaster): Promise<string> {
  const server = urlOf(cluster, port, 'postgres');
  const found = await query(server, 'SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
  if (found.length === 0) await query(server, `CREATE DATABASE ${DATABASE} OWNER ${ROLE}`);
  return urlOf(cluster, port, DATABASE);
}

interface Entered {
  readonly url: string;
  readonly cluster: Cluster;
  readonly postmaster: Postmaster;
  readonly adopted: boolean;
}

/** Finds or starts the postmaster, and creates our database if needed. The caller must hold the turn lock. */
async function enter(dataDir: string, place: Place, user: string, settings: Settings = {}): Promise<Entered> {
  await makeOwnFolder(usersOf(place), 0o700);
  await writeFile(path.join(usersOf(place), user), JSON.stringify(thisProcess()), { flag: 'wx', mode: 0o600 });
  const cluster = { ...(await openCluster(dataDir, place)), settings };
  const running = await findRunning(cluster);
  // A postmaster without its program files is kept only while other processes use it.
  const usable = running !== undefined && (!(await isOutlived(running)) || (await usersBut(place, user)) > 0);
  if (running !== undefined && !usable) await stopPostmaster(place, running);
  const postmaster = usable ? running : await startPostmaster(cluster);
  try {
    return { url: await ensureDatabase(cluster, postmaster), cluster, postmaster, adopted: usable };
  } catch (error) {
    if (!usable) await stopPostmaster(place, postmaster);
    throw error;
  }
}

async function leave(place: Place, user: string, postmaster: Postmaster | undefined): Promise<void> {
  await withLock(turnOf(place), LEAVING_WAIT_MS, async () => {
    await makeOwnFolder(usersOf(place), 0o700);
    await rm(path.join(usersOf(place), user), { force: true });
    if (postmaster !== undefined && (await usersBut(place, user)) === 0) await stopPostmaster(place, postmaster);
  });
}

/**
 * A real Postgres from npm's binaries, in the data folder, on a free loopback port. It is durable (`fsync` on), started when
 * needed, and stopped by the last process that leaves. A Postgres that a killed process left behind is adopted with its data.
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const { log, as = 'server' } = options;
  const place = await placeFor(options.dataDir, log);
  const dataDir = await realpath(options.dataDir);
  const server = as === 'server' ? await takeServerLock(dataDir, place) : undefined;
  const user = `${process.pid}-${randomUUID()}.json`;
  let entered: Entered | undefined;
  try {
    entered = await withLock(turnOf(place), TURN_WAIT_MS, () => enter(dataDir, place, user, options.settings));
    const { url, cluster, adopted } = entered;
    log.info(
      { ...entered.postmaster, adopted, folder: place.cluster },
      adopted ? 'postgres adopted' : 'postgres started',
    );
    const turn = <T>(work: () => Promise<T>): Promise<T> => withLock(turnOf(place), TURN_WAIT_MS, work);
    const watch = server === undefined ? undefined : supervise({ cluster, postmaster: entered.postmaster, log, turn });
    const stop = async (): Promise<void> => {
      const postmaster = (await watch?.stop()) ?? entered?.postmaster;
      await leave(place, user, postmaster).finally(() => server?.release());
      log.info('postgres left');
    };
    let stopping: Promise<void> | undefined;
    return { url, adopted, stop: () => (stopping ??= stop()) };
  } catch (error) {
    await leave(place, user, entered?.postmaster).catch(() => undefined);
    await server?.release();
    throw error;
  }
}
