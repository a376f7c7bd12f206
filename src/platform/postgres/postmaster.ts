import { spawn } from 'node:child_process';
import { closeSync, fchownSync, lstatSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { readFile, readlink, stat } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive } from '../lock.ts';
import { openOwnLog } from '../ownFiles.ts';
import { run, spawnOptions } from './account.ts';
import { program, type Binaries } from './binaries.ts';
import type { Place } from './place.ts';
import { onConnection } from './pool.ts';

export const ROLE = 'cartulary';
const LOOPBACK = '127.0.0.1';
const POLL_MS = 25;
const CONNECT_TIMEOUT_MS = 2_000;
/** Recovery after a power cut replays at most about `max_wal_size` of log. */
const READY_TIMEOUT_MS = 120_000;
/** How long leftovers of a killed postmaster (shared memory, workers) may block a start. */
const REMAINS_TIMEOUT_MS = 20_000;
const REMAINS_RETRY_MS = 200;
const PORT_ATTEMPTS_MAX = 5;
const FAST_STOP_MS = 5_000;
const IMMEDIATE_STOP_MS = 2_000;
const KILLED_MS = 1_000;
const LOG_BYTES_MAX = 10 * 1024 * 1024;
const LOG_TAIL_BYTES = 4_096;
const INVALID_PASSWORD = '28P01';
const CLUSTER_MISSING = '3D000';

export type Settings = Readonly<Record<string, string>>;

const SETTINGS: Settings = {
  listen_addresses: LOOPBACK,
  unix_socket_directories: '',
  max_connections: '100',
  shared_buffers: '128MB',
  max_wal_size: '1GB',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  password_encryption: 'scram-sha-256',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
};

export interface Postmaster {
  readonly pid: number;
  readonly port: number;
}

export interface Cluster {
  readonly place: Place;
  readonly binaries: Binaries;
  readonly password: string;
  readonly settings?: Settings;
}

export const urlOf = (cluster: Cluster, port: number, database: string): string =>
  `postgres://${ROLE}:${encodeURIComponent(cluster.password)}@${LOOPBACK}:${port}/${database}`;

/** Runs one statement on a connection of its own. */
export const query = (url: string, sql: string, values: unknown[] = []): Promise<Record<string, unknown>[]> =>
  onConnection(
    { url, name: 'embedded', connectTimeoutMs: CONNECT_TIMEOUT_MS },
    async (client) => (await client.query<Record<string, unknown>>(sql, values)).rows,
  );

const pidFile = (place: Place): string => path.join(place.cluster, 'postmaster.pid');

/** Reads the postmaster's own `postmaster.pid`: line 1 is its pid, line 4 its port, line 8 its status. */
async function recorded(place: Place): Promise<(Postmaster & { status: string }) | undefined> {
  const lines = (await readFile(pidFile(place), 'utf8').catch(() => '')).split('\n');
  const pid = Number(lines[0]);
  return pid > 0 ? { pid, port: Number(lines[3]), status: lines[7]?.trim() ?? '' } : undefined;
}

type Identity = 'ours' | 'another' | 'gone' | 'unknown';

/**
 * Whether that process is a postmaster of this cluster. The pid alone proves nothing, because it may be reused. A postmaster's
 * working directory is its data folder, even after a move or a new mount, so on Linux the folders are compared.
 */
async function identityOf(place: Place, pid: number): Promise<Identity> {
  if (!isAlive(pid)) return 'gone';
  if (process.platform === 'linux') {
    const works = await stat(`/proc/${pid}/cwd`).catch(() => undefined);
    const cluster = await stat(place.cluster);
    if (works === undefined) return isAlive(pid) ? 'unknown' : 'gone';
    return works.dev === cluster.dev && works.ino === cluster.ino ? 'ours' : 'another';
  }
  const { output } = await run(undefined, ['/bin/ps', '-o', 'command=', '-p', String(pid)]);
  if (output.includes(place.cluster)) return 'ours';
  return output.includes('postgres') ? 'unknown' : 'another';
}

/**
 * Whether the server on this port answers queries. Accepting the cluster's password proves that it is the right server. Throws
 * when it refuses the password or lacks its database, because a retry cannot help then.
 */
async function answers(cluster: Cluster, port: number): Promise<boolean> {
  try {
    await query(urlOf(cluster, port, 'postgres'), 'SELECT 1');
    return true;
  } catch (error) {
    const code = (error as { code?: string }).code;
    if (code !== INVALID_PASSWORD && code !== CLUSTER_MISSING) return false;
    throw new Error(
      `The Postgres in ${cluster.place.cluster} refuses the password in secrets.json beside it: restore that file.`,
      { cause: error },
    );
  }
}

/** Waits until that process serves the cluster. Undefined when the process ends first. Throws after `READY_TIMEOUT_MS`. */
async function becomesReady(cluster: Cluster, pid: number): Promise<Postmaster | undefined> {
  const until = performance.now() + READY_TIMEOUT_MS;
  while (isAlive(pid)) {
    const now = await recorded(cluster.place);
    if (now?.pid === pid && now.status === 'ready' && (await answers(cluster, now.port)))
      return { pid, port: now.port };
    if (performance.now() > until)
      throw new Error(`Postgres was not ready after ${READY_TIMEOUT_MS / 1000} s; see its log.`);
    await delay(POLL_MS);
  }
  return undefined;
}

/**
 * The running postmaster of this cluster, once it is ready: one that a killed process left behind, or that another process
 * uses. Undefined when there is none. Removes a stale `postmaster.pid` whose pid now belongs to another program.
 */
export async function findRunning(cluster: Cluster): Promise<Postmaster | undefined> {
  const now = await recorded(cluster.place);
  if (now === undefined) return undefined;
  const identity = await identityOf(cluster.place, now.pid);
  if (identity === 'ours') return becomesReady(cluster, now.pid);
  // In doubt the file stays, and Postgres itself refuses to start.
  if (identity === 'another') rmSync(pidFile(cluster.place), { force: true });
  return undefined;
}

/** Whether its program file was replaced or removed (by a new install). It can then load no more libraries. Linux only. */
export async function isOutlived({ pid }: Postmaster): Promise<boolean> {
  return (await readlink(`/proc/${pid}/exe`).catch(() => '')).endsWith(' (deleted)');
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, LOOPBACK, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

function openLog(place: Place): { descriptor: number; from: number } {
  const bytes = lstatSync(place.logFile, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes > LOG_BYTES_MAX) renameSync(place.logFile, `${place.logFile}.1`);
  const descriptor = openOwnLog(place.logFile);
  if (place.account !== undefined) fchownSync(descriptor, place.account.uid, place.account.gid);
  return { descriptor, from: bytes > LOG_BYTES_MAX ? 0 : bytes };
}

type Launch = { readonly postmaster: Postmaster } | { readonly complaint: string };

/** Starts Postgres in a session of its own, so that Ctrl-C does not reach it and it runs until the server is done with it. */
async function launch(cluster: Cluster, port: number): Promise<Launch> {
  const { place, binaries } = cluster;
  const { descriptor, from } = openLog(place);
  const settings = Object.entries({ ...SETTINGS, ...cluster.settings, port: String(port) }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
  try {
    const child = spawn(program(binaries, 'postgres'), ['-D', place.cluster, ...settings], {
      ...spawnOptions(place.account),
      stdio: ['ignore', descriptor, descriptor],
      detached: true,
    });
    const failed = new Promise<string>((resolve) => child.once('error', (error) => resolve(error.message)));
    child.unref();
    if (child.pid === undefined) return { complaint: await failed };
    const postmaster = await becomesReady(cluster, child.pid);
    if (postmaster !== undefined) return { postmaster };
    return { complaint: readFileSync(place.logFile).subarray(from).subarray(-LOG_TAIL_BYTES).toString().trim() };
  } finally {
    closeSync(descriptor);
  }
}

const PORT_TAKEN = /could not (bind|create any TCP)/;
const REMAINS = /lock file "postmaster\.pid" already exists|pre-existing shared memory block/;

/** Starts the cluster on `port`, or on any free port, and resolves when it answers. */
export async function startPostmaster(cluster: Cluster, port?: number): Promise<Postmaster> {
  const until = performance.now() + REMAINS_TIMEOUT_MS;
  let complaint = '';
  for (let attempt = 1; attempt <= PORT_ATTEMPTS_MAX;) {
    const launched = await launch(cluster, port ?? (await freePort()));
    if ('postmaster' in launched) return launched.postmaster;
    complaint = launched.complaint;
    if (REMAINS.test(complaint) && performance.now() < until) {
      await delay(REMAINS_RETRY_MS);
    } else if (PORT_TAKEN.test(complaint)) {
      attempt += 1;
      await delay(port === undefined ? 0 : REMAINS_RETRY_MS);
    } else break;
  }
  throw new Error(`Postgres did not start (its log is ${cluster.place.logFile}):\n${complaint}`);
}

async function isGone(pid: number, withinMs: number): Promise<boolean> {
  const until = performance.now() + withinMs;
  while (isAlive(pid)) {
    if (performance.now() > until) return false;
    await delay(POLL_MS);
  }
  return true;
}

/** Fast shutdown, then immediate, then kill if it takes too long. The latter two lose no data, but the next start must recover. */
export async function stopPostmaster(place: Place, { pid }: Postmaster): Promise<void> {
  if ((await identityOf(place, pid)) !== 'ours') return;
  const steps = [
    ['SIGINT', FAST_STOP_MS],
    ['SIGQUIT', IMMEDIATE_STOP_MS],
    ['SIGKILL', KILLED_MS],
  ] as const;
  for (const [signal, withinMs] of steps) {
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    if (await isGone(pid, withinMs)) return;
  }
}
