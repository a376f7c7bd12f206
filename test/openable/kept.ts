import { execFileSync } from 'node:child_process';
import { createReadStream, createWriteStream, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { constants, createBrotliCompress, createBrotliDecompress, gunzipSync, gzipSync } from 'node:zlib';
import { newDataDir } from '../support/embedded.ts';
import { temporaryFolder } from '../support/process.ts';
import type { Kept } from './asking.ts';

/** A folder for each commit whose shop is kept, named after the commit. */
export const FIXTURES = path.join(import.meta.dirname, 'fixtures');
const TAR_TIMEOUT_MS = 60_000;
/** The four databases of a cluster are nearly the same. A window of this size still covers one while the next is packed. */
const WINDOW_BITS = 24;

export interface Account {
  readonly email: string;
  readonly password: string;
}

/** The facts about a kept shop, beside its data. */
export interface KeptShop {
  /** The full hash. */
  readonly commit: string;
  readonly accounts: Readonly<Record<string, Account>>;
  /** The master key of the data folder. An export is useless without it. */
  readonly masterKey: string;
  readonly log: { readonly events: number; readonly log_hash: string };
  readonly answers: number;
  /** A product whose stock has a snapshot. */
  readonly bestseller: { readonly id: string; readonly available: number; readonly reserved: number };
  /** An order that holds some of the bestseller, and the seller who is about to ship it. */
  readonly underway: { readonly order: string; readonly by: string; readonly quantity: number };
  /** The request that placed an order, and the order's id. */
  readonly repeatable: {
    readonly by: string;
    readonly key: string;
    readonly body: Readonly<Record<string, unknown>>;
    readonly order: string;
  };
}

/** The files of one kept shop. */
export const filesOf = (name: string) => {
  const folder = path.join(FIXTURES, name);
  return {
    folder,
    shop: path.join(folder, 'shop.json'),
    data: path.join(folder, 'data.tar.br'),
    log: path.join(folder, 'log.ndjson.gz'),
    answers: path.join(folder, 'answers.ndjson.gz'),
  };
};

export const readShop = (name: string): KeptShop => JSON.parse(readFileSync(filesOf(name).shop, 'utf8')) as KeptShop;

export const readAnswers = (name: string): Kept[] =>
  gunzipSync(readFileSync(filesOf(name).answers))
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Kept);

export function writeShop(name: string, shop: KeptShop, answers: readonly Kept[]): void {
  const files = filesOf(name);
  mkdirSync(files.folder, { recursive: true });
  writeFileSync(files.shop, `${JSON.stringify(shop, null, 2)}\n`);
  writeFileSync(files.answers, gzipSync(answers.map((kept) => `${JSON.stringify(kept)}\n`).join(''), { level: 9 }));
}

const tar = (...args: string[]): void => void execFileSync('tar', args, { timeout: TAR_TIMEOUT_MS });

/**
 * Packs the files that a cleanly stopped shop needs: its secrets and its cluster, byte for byte. Leaves out the WAL segments
 * before `segment`, and those allocated for later. Postgres would remove them itself in time.
 */
export async function packDataDir(dataDir: string, segment: string, to: string): Promise<void> {
  const plain = path.join(temporaryFolder('pack'), 'data.tar');
  const segments = readdirSync(path.join(dataDir, 'postgres/pg_wal')).filter((name) => /^[0-9A-F]{24}$/.test(name));
  if (!segments.includes(segment)) throw new Error(`the WAL has no segment ${segment}`);
  const needless = segments.filter((name) => name !== segment).map((name) => `--exclude=postgres/pg_wal/${name}`);
  tar('-cf', plain, ...needless, '-C', dataDir, 'secrets.json', 'postgres');
  const packing = createBrotliCompress({
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: WINDOW_BITS,
    },
  });
  await pipeline(createReadStream(plain), packing, createWriteStream(to));
}

/** The account that runs Postgres for root, unless another account owns the data folder. */
function ownerForRoot(): string {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((one) => one.startsWith('nobody:'));
  const [, , uid, gid] = line?.split(':') ?? [];
  if (uid === undefined || gid === undefined) throw new Error('this system has no account "nobody"');
  return `${uid}:${gid}`;
}

/** Unpacks a kept data folder into a new one, which is removed when this process ends. */
export async function unpackDataDir(from: string): Promise<string> {
  const plain = path.join(temporaryFolder('unpack'), 'data.tar');
  await pipeline(createReadStream(from), createBrotliDecompress(), createWriteStream(plain));
  const dataDir = newDataDir();
  mkdirSync(dataDir, { mode: 0o700 });
  tar('-xf', plain, '--no-same-owner', '-C', dataDir);
  const cluster = path.join(dataDir, 'postgres');
  if (process.getuid?.() === 0) execFileSync('chown', ['-R', ownerForRoot(), cluster], { timeout: TAR_TIMEOUT_MS });
  return dataDir;
}
