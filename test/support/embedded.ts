import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { isAlive } from '../../src/platform/lock.ts';
import {
  programArgs,
  ROOT,
  spawnProgram,
  spawnServer,
  temporaryFolder,
  type Program,
  type ProgramOptions,
} from './process.ts';

const READY_TIMEOUT_MS = 60_000;
const POLL_MS = 10;
const HOLDER = path.join(ROOT, 'test/embedded/holder.ts');

const folders = new Set<string>();

/** The folder that contains a data folder's cluster: the data folder itself, or the one that it points to. */
export function placeOf(dataDir: string): string {
  try {
    return readFileSync(path.join(dataDir, 'postgres.location'), 'utf8').trim();
  } catch {
    return dataDir;
  }
}

/** The process id of the cluster's postmaster, alive or stale. */
export function postmasterOf(dataDir: string): number | undefined {
  try {
    return Number(readFileSync(path.join(placeOf(dataDir), 'postgres/postmaster.pid'), 'utf8').split('\n')[0]);
  } catch {
    return undefined;
  }
}

/** Whether that process works in that cluster. The pid in a stale file may belong to another program by now. */
function worksIn(cluster: string, pid: number): boolean {
  if (!isAlive(pid)) return false;
  if (process.platform !== 'linux') return true;
  const here = statSync(cluster, { throwIfNoEntry: false });
  try {
    const there = statSync(`/proc/${pid}/cwd`);
    return there.dev === here?.dev && there.ino === here.ino;
  } catch {
    return false;
  }
}

function dispose(folder: string, dataDir: string): void {
  const pid = postmasterOf(dataDir);
  const place = placeOf(dataDir);
  if (pid !== undefined && worksIn(path.join(place, 'postgres'), pid)) {
    process.kill(pid, 'SIGKILL');
    for (let tries = 0; isAlive(pid) && tries < 100; tries += 1) execFileSync('sleep', ['0.02']);
  }
  if (place !== dataDir) rmSync(place, { recursive: true, force: true, maxRetries: 5 });
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** Removes the data folders made so far, and kills the Postgres that runs in them. */
export function disposeDataDirs(): void {
  for (const folder of folders) dispose(folder, path.join(folder, 'data'));
  folders.clear();
}

process.on('exit', disposeDataDirs);

/** The path of a data folder that does not exist yet. The folder and its Postgres are removed when this process ends. */
export function newDataDir(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'cartulary-embedded-'));
  folders.add(folder);
  chmodSync(folder, 0o755);
  return path.join(folder, 'data');
}

let used: Promise<string> | undefined;

async function makeUsed(): Promise<string> {
  const folder = temporaryFolder('used');
  chmodSync(folder, 0o755);
  const dataDir = path.join(folder, 'data');
  await (await spawnServer({ env: { DATA_DIR: dataDir } })).end('SIGTERM');
  return dataDir;
}

/**
 * The data folder of a stopped shop, for tests that do not need a first start. It is a copy of a folder made once, which takes
 * a tenth of the time. If root's cluster is outside the data folder, copies would share it, so a new folder is made instead.
 */
export async function usedDataDir(): Promise<string> {
  const from = await (used ??= makeUsed());
  const dataDir = newDataDir();
  if (placeOf(from) === from) execFileSync('cp', ['-a', from, dataDir]);
  return dataDir;
}

export interface Holder extends Program {
  readonly url: string;
  readonly adopted: boolean;
  readonly uid: number;
  /** The last row whose commit was acknowledged. */
  acknowledged(): number;
}

export interface HolderOptions extends ProgramOptions {
  readonly as?: 'server' | 'command';
  readonly writing?: boolean;
}

export const launchHolder = (dataDir: string, options: HolderOptions = {}): Program =>
  spawnProgram(
    [
      process.execPath,
      ...programArgs(HOLDER),
      dataDir,
      options.as ?? 'server',
      options.writing === true ? 'writing' : 'idle',
    ],
    options,
  );

/** A process that holds the embedded Postgres of that folder, once it is ready. */
export async function startHolder(dataDir: string, options: HolderOptions = {}): Promise<Holder> {
  const program = launchHolder(dataDir, options);
  let ended = false;
  void program.exited.finally(() => (ended = true)).catch(() => undefined);
  const ready = await until(() => {
    if (ended) throw new Error(`the holder ended:\n${program.output()}`);
    return /^ready (.*)$/m.exec(program.answer())?.[1];
  });
  const acknowledged = (): number => Number([...program.answer().matchAll(/^acknowledged (\d+)$/gm)].at(-1)?.[1] ?? 0);
  return { ...program, ...(JSON.parse(ready) as { url: string; adopted: boolean; uid: number }), acknowledged };
}

/** Waits until `look` returns something other than undefined. */
export async function until<T>(look: () => T | undefined | Promise<T | undefined>, ms = READY_TIMEOUT_MS): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`not within ${ms} ms`);
    await delay(POLL_MS);
  }
}

export async function select(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}
