import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { Refusal } from '../errors.ts';
import { type Pool, translating } from '../platform/postgres/pool.ts';

/** Encrypts (seals) and decrypts (opens) personal data with one key per person. An erased person's data opens as `[erased]`. */
export interface PersonalData {
  /** Creates the person's key if there is none yet. */
  createKey(subject: string): Promise<void>;
  /** Encrypts text to `pd1.<subject>.<…>`. Refused (`PersonErased`) when the person has no key. */
  seal(subject: string, text: string): Promise<string>;
  open(sealed: string): Promise<string>;
  /** A copy of a JSON value with every sealed string opened. Fetches the keys in one statement. */
  reveal<T>(value: T): Promise<T>;
  /** Keyed hash (hex) of a normalised value (e-mail, phone). Equal values give equal hashes; a hash does not reveal its value. */
  blindIndex(kind: string, value: string): string;
}

/** Replaces an erased person's data. */
export const ERASED = '[erased]';
const MASTER_KEY_BYTES = 32;
const KEYS_CACHED_MAX = 10_000;
/** An erasure by another process takes effect in this process within this many ms. */
const KEY_TTL_MS = 3_000;
/** Deepest nesting of a value for `reveal`. */
const REVEAL_DEPTH_MAX = 100;

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SEALED = /^pd1\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{38,})$/;
const SUBJECT = /^[A-Za-z0-9_-]{1,64}$/;

export const isSealed = (text: string): boolean => text.startsWith('pd1.') && SEALED.test(text);

/** Can also delete keys. A type of its own, because only the erasure of a person may do that. */
export interface PersonalDataKeys extends PersonalData {
  /** Deletes the person's key for good. Their data opens as `[erased]`: here at once, in other processes within seconds. */
  eraseKey(subject: string): Promise<void>;
}

/**
 * Encrypts personal data with one key per person (AES-256-GCM). The keys are stored only encrypted by the master key.
 * Deleting a key erases the person from a log that can never change.
 */
export function createPersonalData({
  pool,
  masterKey,
}: {
  readonly pool: Pool;
  readonly masterKey: Buffer;
}): PersonalDataKeys {
  if (masterKey.length !== MASTER_KEY_BYTES) throw new Error(`MASTER_KEY must be ${MASTER_KEY_BYTES} bytes long`);
  const keys = createKeys(pool, derived(masterKey, 'wrap'));
  const indexKey = derived(masterKey, 'blind index');

  return {
    createKey: (subject) => keys.create(subject),
    eraseKey: (subject) => keys.erase(subject),
    async seal(subject, text) {
      const key = (await keys.load([checkedSubject(subject)])).get(subject);
      if (key === undefined) throw new Refusal('rejected', 'PersonErased', 'This person has been erased.');
      return `pd1.${subject}.${encrypt(key, subject, Buffer.from(text)).toString('base64url')}`;
    },
    async open(sealed) {
      const parts = partsOf(sealed);
      if (parts === undefined) throw new Error('this text is not sealed');
      const key = (await keys.load([parts.subject])).get(parts.subject);
      return key === undefined ? ERASED : decrypt(key, parts.subject, parts.bytes).toString();
    },
    async reveal<T>(value: T): Promise<T> {
      const subjects = new Set<string>();
      walk(value, (text) => {
        const parts = partsOf(text);
        if (parts !== undefined) subjects.add(parts.subject);
        return text;
      });
      if (subjects.size === 0) return value;
      const known = await keys.load([...subjects]);
      return walk(value, (text) => revealed(known, text)) as T;
    },
    blindIndex: (kind, value) => createHmac('sha256', indexKey).update(`${kind}\0${value}`).digest('hex'),
  };
}

/** Whether the person's key was wrapped with this master key. */
export function opensKey(masterKey: Buffer, subject: string, wrapped: Buffer): boolean {
  try {
    return decrypt(derived(masterKey, 'wrap'), subject, wrapped).length === KEY_BYTES;
  } catch {
    return false;
  }
}

interface Keys {
  create(subject: string): Promise<void>;
  /** The keys that exist. */
  load(subjects: readonly string[]): Promise<ReadonlyMap<string, Buffer>>;
  erase(subject: string): Promise<void>;
}

function createKeys(pool: Pool, wrappingKey: Buffer): Keys {
  const cache = new LRUCache<string, Buffer>({ max: KEYS_CACHED_MAX, ttl: KEY_TTL_MS });
  /** Counts erasures, so that a key which was read before an erasure is not cached after it. */
  let erasures = 0;
  return {
    async create(subject) {
      const wrapped = encrypt(wrappingKey, checkedSubject(subject), randomBytes(KEY_BYTES));
      const sql = 'INSERT INTO subject_keys (subject, wrapped_key) VALUES ($1, $2) ON CONFLICT (subject) DO NOTHING';
      await translating(() => pool.query(sql, [subject, wrapped]));
    },
    async load(subjects) {
      const found = new Map(subjects.map((subject) => [subject, cache.get(subject)]));
      const missing = subjects.filter((subject) => found.get(subject) === undefined);
      if (missing.length > 0) {
        const before = erasures;
        const sql = 'SELECT subject, wrapped_key FROM subject_keys WHERE subject = ANY($1)';
        const { rows } = await translating(() =>
          pool.query<{ subject: string; wrapped_key: Buffer }>({ name: 'subject_keys', text: sql, values: [missing] }),
        );
        for (const { subject, wrapped_key: wrapped } of rows) {
          const key = unwrap(wrappingKey, subject, wrapped);
          found.set(subject, key);
          if (erasures === before) cache.set(subject, key);
        }
      }
      return new Map([...found].flatMap(([subject, key]) => (key === undefined ? [] : [[subject, key] as const])));
    },
    async erase(subject) {
      await translating(() => pool.query('DELETE FROM subject_keys WHERE subject = $1', [subject]));
      erasures += 1;
      cache.delete(subject);
    },
  };
}

function unwrap(wrappingKey: Buffer, subject: string, wrapped: Buffer): Buffer {
  try {
    return decrypt(wrappingKey, subject, wrapped);
  } catch (error) {
    throw new Error(`MASTER_KEY cannot decrypt the key of ${subject}: that key was encrypted with another MASTER_KEY`, {
      cause: error,
    });
  }
}

function checkedSubject(subject: string): string {
  if (!SUBJECT.test(subject)) throw new TypeError(`not a person's id: ${JSON.stringify(subject.slice(0, 100))}`);
  return subject;
}

function partsOf(text: string): { subject: string; bytes: Buffer } | undefined {
  const parts = text.startsWith('pd1.') ? SEALED.exec(text) : null;
  return parts === null ? undefined : { subject: parts[1]!, bytes: Buffer.from(parts[2]!, 'base64url') };
}

/** Text that an existing key cannot open was never sealed here (a user typed it), so it stays unchanged. */
function revealed(keys: ReadonlyMap<string, Buffer>, text: string): string {
  const parts = partsOf(text);
  if (parts === undefined) return text;
  const key = keys.get(parts.subject);
  if (key === undefined) return ERASED;
  try {
    return decrypt(key, parts.subject, parts.bytes).toString();
  } catch {
    return text;
  }
}

/** A copy of a JSON value with `replace` applied to every string. */
function walk(value: unknown, replace: (text: string) => string, depth = 0): unknown {
  if (typeof value === 'string') return replace(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > REVEAL_DEPTH_MAX) throw new RangeError(`the value nests deeper than ${REVEAL_DEPTH_MAX}`);
  if (Array.isArray(value)) return value.map((inner) => walk(inner, replace, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, walk(inner, replace, depth + 1)]));
}

const derived = (masterKey: Buffer, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', masterKey, '', `cartulary ${purpose}`, KEY_BYTES));

function encrypt(key: Buffer, subject: string, plain: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce).setAAD(Buffer.from(subject));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(key: Buffer, subject: string, bytes: Buffer): Buffer {
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(subject)).setAuthTag(bytes.subarray(-TAG_BYTES));
  return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
}
