import { createDecipheriv, hkdfSync } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { Redis } from 'ioredis';
import { connect } from 'nats';
import { streamNameOf } from '../../src/bus/nats/jetStream.ts';
import { masterKeysOf, unwrap } from '../../src/eventstore/masterKeys.ts';
import { NATS, REDIS } from './services.ts';
import { MASTER_KEY, openWriteSide } from './shop.ts';
import { topologySettings } from './topology.ts';
import { wholeLog } from './events.ts';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SEALED = /pd[12]\.[A-Za-z0-9_-]+\.(?:[A-Za-z]+\.[A-Za-z]+\.)?([A-Za-z0-9_-]{38,})/g;
const BYTES = /\\x([0-9a-f]{60,})/g;
const TABLES = `SELECT table_name AS name FROM information_schema.tables
  WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'`;

/**
 * What stands in AES-256-GCM bytes for the holder of the key. The tag is not checked: where a text was sealed for does not have to be
 * known. With another key than its own it is noise.
 */
function decrypted(key: Buffer, nonce: Buffer, bytes: Buffer): string {
  const counter = Buffer.concat([nonce, Buffer.from([0, 0, 0, 2])]);
  return createDecipheriv('aes-256-ctr', key, counter).update(bytes).toString('utf8');
}

/** All values of the shop's keys in Redis, whatever their type. */
async function inRedis(epoch: string): Promise<string[]> {
  const url = process.env[REDIS.env];
  if (url === undefined) return [];
  const redis = new Redis(url);
  try {
    const found: string[] = [];
    for (const key of await redis.keys(`*${epoch}*`)) {
      const type = await redis.type(key);
      const value = type === 'string' ? await redis.get(key) : type === 'hash' ? await redis.hgetall(key) : undefined;
      found.push(key, JSON.stringify(value ?? (await redis.dump(key))));
    }
    return found;
  } finally {
    redis.disconnect();
  }
}

/** Every message of the shop's stream. */
async function inJetStream(epoch: string): Promise<string[]> {
  const url = process.env[NATS.env];
  if (url === undefined) return [];
  const connection = await connect({ servers: url });
  try {
    const { streams } = await connection.jetstreamManager();
    const name = streamNameOf(epoch);
    const { state } = await streams.info(name);
    const found: string[] = [];
    for (let seq = state.first_seq; seq <= state.last_seq; seq += 1) {
      const { data, header } = await streams.getMessage(name, { seq });
      found.push(...header.keys().map((key) => header.get(key)), Buffer.from(data).toString());
    }
    return found;
  } finally {
    await connection.close();
  }
}

async function inFolder(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  return Promise.all(files.map(async (file) => `${file} ${await readFile(file, 'latin1')}`));
}

interface Kept {
  readonly databaseUrl: string;
  /** Folders with files of the shop. */
  readonly folders: readonly string[];
  /** What the shop has printed. */
  readonly output: string;
}

/**
 * All that a shop keeps, as one text: each row of each table, the log, Redis, JetStream, its files and its output; and what the sealed
 * parts say to the holder of every key that is still there.
 */
export async function everythingKept({ databaseUrl, folders, output }: Kept): Promise<string> {
  const { pool, store, indexKey, ...shop } = await openWriteSide(databaseUrl, {}, { readOnly: true });
  try {
    const { epoch } = await store.head();
    const shared = topologySettings(databaseUrl)['REDIS_URL'] !== undefined;
    const texts = [output, ...(await Promise.all(folders.map(inFolder))).flat()];
    const tables = await pool.query<{ name: string }>(TABLES);
    for (const { name } of tables.rows) {
      const { rows } = await pool.query<{ row: string }>(`SELECT t::text AS row FROM "${name}" t`);
      texts.push(...rows.map(({ row }) => row.replaceAll('\\\\', '\\')));
    }
    for (const event of await wholeLog(store)) texts.push(JSON.stringify([event.stream, event.data, event.metadata]));
    if (shared) texts.push(...(await inRedis(epoch)), ...(await inJetStream(epoch)));

    const kept = await pool.query<{ name: string; bytes: Buffer; mark: string | null }>(
      'SELECT subject AS name, wrapped_key AS bytes, master_key AS mark FROM subject_keys',
    );
    const masterKeys = masterKeysOf(Buffer.from(MASTER_KEY, 'base64'));
    const keys = kept.rows.map((row) => unwrap(masterKeys, row)!.key);
    const answers = Buffer.from(hkdfSync('sha256', indexKey, '', 'cartulary idempotency answer', 32));
    const all = texts.join('\n');
    const sealed = new Set([...all.matchAll(SEALED)].map(([, bytes]) => bytes!));
    const opened = [...sealed].flatMap((text) => {
      const bytes = Buffer.from(text, 'base64url');
      return keys.map((key) => decrypted(key, bytes.subarray(0, NONCE_BYTES), bytes.subarray(NONCE_BYTES, -TAG_BYTES)));
    });
    const stored = [...all.matchAll(BYTES)].map(([, hex]) => {
      const bytes = Buffer.from(hex!, 'hex');
      return decrypted(answers, bytes.subarray(0, NONCE_BYTES), bytes.subarray(NONCE_BYTES + TAG_BYTES));
    });
    return [all, ...opened, ...stored].join('\n');
  } finally {
    await shop.close();
  }
}
