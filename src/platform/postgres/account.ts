import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { chown, readFile, stat } from 'node:fs/promises';

const PROBE_TIMEOUT_MS = 20_000;
const OUTPUT_BYTES_MAX = 64 * 1024;

/** Whom Postgres runs as, when that is not ourselves. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

export interface Outcome {
  readonly code: number | undefined;
  readonly output: string;
}

async function accounts(): Promise<Account[]> {
  const lines = (await readFile('/etc/passwd', 'utf8').catch(() => '')).split('\n');
  return lines.flatMap((line) => {
    const [name = '', , uid = '', gid = ''] = line.split(':');
    // A 32-bit id written as a negative number, as macOS writes that of nobody.
    const [owner, group] = [uid, gid].map((id) => (/^-?\d+$/.test(id) ? Number(id) >>> 0 : 0));
    return name === '' || owner === undefined || owner === 0 || group === undefined
      ? []
      : [{ name, uid: owner, gid: group }];
  });
}

const ownerOf = async (file: string): Promise<number | undefined> => (await stat(file).catch(() => undefined))?.uid;

/**
 * Undefined for an ordinary user: Postgres runs as us. It refuses to run as root, so root lends it an account: the owner of
 * an existing cluster, else of the data folder, else `nobody`, else `postgres`.
 */
export async function accountFor(dataDir: string, cluster: string): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const known = await accounts();
  const clusterOwner = await ownerOf(cluster);
  if (clusterOwner !== undefined && clusterOwner !== 0) {
    const found = known.find(({ uid }) => uid === clusterOwner);
    if (found !== undefined) return found;
    throw new Error(`${cluster} belongs to user id ${clusterOwner}, of which this system has no account.`);
  }
  const folderOwner = await ownerOf(dataDir);
  const found =
    known.find(({ uid }) => uid === folderOwner) ??
    known.find(({ name }) => name === 'nobody') ??
    known.find(({ name }) => name === 'postgres');
  if (found !== undefined) return found;
  throw new Error(
    'Postgres does not run as root, and this system has no account "nobody" or "postgres" to run it as: ' +
      'start as an ordinary user, or set DATABASE_URL.',
  );
}

/** How a child of that account is started: from a folder it can be in, with nothing of our environment. */
export const spawnOptions = (account: Account | undefined): SpawnOptions => ({
  cwd: '/',
  env: { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/local/bin:/usr/bin:/bin' },
  ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
});

/** Runs a program to its end as that account; code undefined when it could not run or took too long. */
export function run(
  account: Account | undefined,
  command: readonly [string, ...string[]],
  timeoutMs = PROBE_TIMEOUT_MS,
): Promise<Outcome> {
  const [program, ...args] = command;
  return new Promise((resolve) => {
    const failed = (error: unknown): void => resolve({ code: undefined, output: (error as Error).message });
    let child: ChildProcess;
    try {
      child = spawn(program, args, { ...spawnOptions(account), timeout: timeoutMs, killSignal: 'SIGKILL' });
    } catch (error) {
      failed(error);
      return;
    }
    let output = '';
    const keep = (chunk: Buffer): void => void (output = (output + chunk.toString()).slice(-OUTPUT_BYTES_MAX));
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    child.on('error', failed);
    child.on('close', (code) => resolve({ code: code ?? undefined, output: output.trim() }));
  });
}

/** Whether that account can be in the folder: every folder above it must let it pass. */
export async function canEnter(account: Account | undefined, folder: string): Promise<boolean> {
  if (account === undefined) return true;
  return (await run(account, ['/bin/sh', '-c', 'cd -- "$0"', folder])).code === 0;
}

export async function give(account: Account | undefined, file: string): Promise<void> {
  if (account !== undefined) await chown(file, account.uid, account.gid);
}
