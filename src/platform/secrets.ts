import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from '../config/config.ts';
import { withLock } from './lock.ts';
import type { Logger } from './log.ts';
import { writeFileSafely } from './newFile.ts';

const LOCK_WAIT_MS = 10_000;
const SECRET_BYTES = 32;

export interface Secrets {
  readonly jwtSecret: string;
  /** 32 bytes. */
  readonly masterKey: Buffer;
  /** Other master keys that may still wrap keys; none unless given. */
  readonly formerMasterKeys?: readonly Buffer[];
}

interface Kept {
  readonly databasePassword?: string;
  readonly jwtSecret?: string;
  readonly masterKey?: string;
}

export const secretsFile = (dataDir: string): string => path.join(dataDir, 'secrets.json');
const randomSecret = (): string => randomBytes(SECRET_BYTES).toString('base64url');

/** The secrets in the data folder. A missing file means none; an unreadable one is an error. */
export async function readSecrets(dataDir: string): Promise<Kept> {
  const file = secretsFile(dataDir);
  let content: string;
  try {
    content = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
  try {
    return JSON.parse(content) as Kept;
  } catch (error) {
    throw new Error(
      `${file} is not JSON: restore it from a backup; without its master key, personal data cannot be decrypted.`,
      {
        cause: error,
      },
    );
  }
}

/** Writes the secrets durably: a secret that has encrypted data must survive a power cut. */
async function writeSecrets(dataDir: string, secrets: Kept): Promise<void> {
  const { uid, gid } = await stat(dataDir);
  const write = async (file: FileHandle): Promise<void> => {
    await file.writeFile(`${JSON.stringify(secrets, null, 2)}\n`);
    if (process.getuid?.() === 0) await file.chown(uid, gid);
  };
  await writeFileSafely(secretsFile(dataDir), write, { replace: true });
}

/** Creates the folder, readable only by its owner. Missing parent folders get the default mode. */
export async function makeDataDir(dataDir: string): Promise<void> {
  await mkdir(path.dirname(dataDir), { recursive: true });
  await mkdir(dataDir, { mode: 0o700 }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  });
}

/** The stored secrets. Those of `wanted` that are missing are generated and stored first. */
export async function keepMissing<Name extends keyof Kept>(
  dataDir: string,
  wanted: readonly Name[],
): Promise<{ secrets: Kept & Record<Name, string>; made: Name[] }> {
  await makeDataDir(dataDir);
  return withLock(path.join(dataDir, 'secrets.lock'), LOCK_WAIT_MS, async () => {
    const kept = await readSecrets(dataDir);
    const made = wanted.filter((name) => kept[name] === undefined);
    const secrets = { ...kept, ...Object.fromEntries(made.map((name) => [name, randomSecret()])) };
    if (made.length > 0) await writeSecrets(dataDir, secrets);
    return { secrets: secrets as Kept & Record<Name, string>, made };
  });
}

const former = ({ formerMasterKeys }: Config['auth']): Pick<Secrets, 'formerMasterKeys'> =>
  formerMasterKeys.length === 0 ? {} : { formerMasterKeys };

/**
 * The signing secret and the master key of a shop, without making either. A missing signing secret is replaced by one that
 * nobody keeps, because only a server signs tokens. The master key is undefined where it is missing.
 */
export async function findSecrets({
  auth,
  dataDir,
}: Config): Promise<Omit<Secrets, 'masterKey'> & Partial<Pick<Secrets, 'masterKey'>>> {
  const kept = auth.jwtSecret === undefined || auth.masterKey === undefined ? await readSecrets(dataDir) : {};
  const masterKey = auth.masterKey ?? (kept.masterKey && Buffer.from(kept.masterKey, 'base64url'));
  return {
    jwtSecret: auth.jwtSecret ?? kept.jwtSecret ?? randomSecret(),
    ...(masterKey ? { masterKey } : {}),
    ...former(auth),
  };
}

/**
 * The signing secret and the master key: the configured ones, else those in the data folder (mode 0600), generated at first
 * use. In production with a `DATABASE_URL`, missing ones are an error: otherwise a shared log would depend on a key on the
 * disk of one process.
 */
export async function keepSecrets(config: Config, log: Logger): Promise<Secrets> {
  const { jwtSecret, masterKey } = config.auth;
  const wanted = [
    ...(jwtSecret === undefined ? (['jwtSecret'] as const) : []),
    ...(masterKey === undefined ? (['masterKey'] as const) : []),
  ];
  if (wanted.length === 0) return { jwtSecret: jwtSecret!, masterKey: masterKey!, ...former(config.auth) };
  const names = wanted.map((name) => (name === 'jwtSecret' ? 'JWT_SECRET' : 'MASTER_KEY')).join(' and ');
  if (config.production && config.database.url !== undefined) {
    throw new Error(`${names} must be set in production when DATABASE_URL is.`);
  }
  const { secrets, made } = await keepMissing(config.dataDir, wanted);
  const where = secretsFile(config.dataDir);
  if (made.length > 0)
    log.warn({ file: where }, `${names} not set: created and kept in ${where}, which is meant for development only`);
  if (config.database.url !== undefined) {
    log.warn({ file: where }, `${names} kept only in ${where}: without that file personal data cannot be read`);
  }
  return {
    jwtSecret: jwtSecret ?? secrets.jwtSecret,
    masterKey: masterKey ?? Buffer.from(secrets.masterKey, 'base64url'),
    ...former(config.auth),
  };
}
