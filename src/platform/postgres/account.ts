import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { lchown, readFile, stat } from 'node:fs/promises';

const PROBE_TIMEOUT_MS = 20_000;
const OUTPUT_BYTES_MAX = 64 * 1024;

/** The system account that Postgres runs as, if it is not the current user. */
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
    // `>>> 0` handles a 32-bit id written as a negative number, like that of `nobody` on macOS.
    const [owner, group] = [uid, gid].map((id) => (/^-?\d+$/.test(id) ? Number(id) >>> 0 : 0));
    return name === '' || owner === undefined || owner === 0 || group === undefined
      ? []
      : [{ name, uid: owner, gid: group }];
  });
}

const ownerOf = async (file: string): Promise<number | undefined> => (await stat(file).catch(() => undefined))?.uid;

/**
 * The account for Postgres. Undefined for an ordinary user: Postgres then runs as that user. Postgres refuses to run as root,
 * so for root it is the owner of an existing cluster, else the owner of the data folder, else `nobody`, else `postgres`.
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

/** Options to start a child process as that account: in a folder that it can enter, and without this process's environment. */
export const spawnOptions = (account: Account | undefined): SpawnOptions => ({
  cwd: '/',
  env: { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/local/bin:/usr/bin:/bin' },
  ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
});

/** Runs a program to its end as that account. `code` is undefined when it could not start or took too long. Never rejects. */
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

/** Whether that account can enter the folder, and so all folders above it. */
export async function canEnter(account: Account | undefined, folder: string): Promise<boolean> {
  if (account === undefined) return true;
  return (await run(account, ['/bin/sh', '-c', 'cd -- "$0"', folder])).code === 0;
}

/** Gives a new file to the account; a link by itself, never the file that it leads to. */
export async function give(account: Account | undefined, file: string): Promise<void> {
  if (account !== undefined) await lchown(file, account.uid, account.gid);
}
