import { createHmac, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { Refusal } from '../errors.ts';
import { type Pool, translating } from '../platform/postgres/pool.ts';
import { derived, KEY_BYTES, type MasterKeys, masterKeysOf, unwrap, wrap, type Wrapped } from './masterKeys.ts';
import { needsKey, type Opening, openProperties, type Place, type Sealed, sealText } from './sealing.ts';

/** Encrypts (seals) and decrypts (opens) personal data with one key per person. An erased person's data opens as `[erased]`. */
export interface PersonalData {
  /** Creates the person's key if there is none yet. An erased person never gets one again. */
  createKey(subject: string): Promise<void>;
  /** Encrypts text for one place. Refused (`PersonErased`) when the person has no key. */
  seal(place: Place, text: string): Promise<Sealed>;
  /** A copy of the object with the sealed text opened in the properties that are declared sealed, and nowhere else. */
  reveal<T extends object>(value: T, opening: Opening): Promise<T>;
  /** As `reveal`, for several objects. Fetches the keys in one statement. */
  revealAll<T extends object>(values: readonly T[], openingOf: (value: T, index: number) => Opening): Promise<T[]>;
  /** Those of these persons who have a key: the data of all others opens as `[erased]`. */
  withKey(subjects: readonly string[]): Promise<ReadonlySet<string>>;
  /** The same, which tells of each person whose key opened or sealed something. */
  noting(onUsed: (subject: string) => void): PersonalData;
  /** Keyed hash (hex) of a normalised value (e-mail, phone). Equal values give equal hashes; a hash does not reveal its value. */
  blindIndex(kind: string, value: string): string;
}

const KEYS_CACHED_MAX = 10_000;
/** How long a process may hold a key in memory, ms: an erasure by another process takes effect within this. */
export const KEY_HELD_MAX_MS = 900;

const SUBJECT = /^[A-Za-z0-9_-]{1,64}$/;

/** Can also delete keys. A type of its own, because only the erasure of a person may do that. */
export interface PersonalDataKeys extends PersonalData {
  /** Deletes the person's key for good. Their data opens as `[erased]`: here at once, elsewhere within `KEY_HELD_MAX_MS`. */
  eraseKey(subject: string): Promise<void>;
  /** For how long the person has been erased, ms by the clock of the database; undefined when the person has not been. */
  erasedFor(subject: string): Promise<number | undefined>;
}

export interface PersonalDataOptions {
  readonly pool: Pool;
  /** Wraps new keys of persons. */
  readonly masterKey: Buffer;
  /** Other master keys that still wrap keys of persons. */
  readonly former?: readonly Buffer[] | undefined;
  /** Called with the mark of a master key of `former` whenever it has opened the key of a person. */
  readonly onFormer?: (mark: string) => void;
  /** Blind indexes are derived from it; from the master key unless given. */
  readonly indexKey?: Buffer;
}

/**
 * Encrypts personal data with one key per person (AES-256-GCM). The keys are stored only encrypted by the master key.
 * Deleting a key erases the person from a log that can never change.
 */
export function createPersonalData(options: PersonalDataOptions): PersonalDataKeys {
  const { pool, masterKey, former = [], indexKey } = options;
  const keys = createKeys(pool, masterKeysOf(masterKey, former), options.onFormer);
  const blindKey = derived(indexKey ?? masterKey, 'blind index');
  return {
    ...openedWith(keys, blindKey),
    eraseKey: (subject) => keys.erase(subject),
    async erasedFor(subject) {
      const { rows } = await translating(() => pool.query<{ ms: number }>(ERASED_FOR, [subject]));
      return rows[0]?.ms;
    },
  };
}

/** `onUsed` is called with each person whose key there is. */
function openedWith(keys: Keys, blindKey: Buffer, onUsed?: (subject: string) => void): PersonalData {
  const load = async (subjects: readonly string[]): Promise<ReadonlyMap<string, Buffer>> => {
    const known = await keys.load(subjects);
    if (onUsed !== undefined) for (const subject of known.keys()) onUsed(subject);
    return known;
  };
  const revealAll = async <T extends object>(
    values: readonly T[],
    openingOf: (value: T, index: number) => Opening,
  ): Promise<T[]> => {
    const pairs = values.map((value, index) => ({ value, opening: openingOf(value, index) }));
    const subjects = pairs.flatMap(({ value, opening }) => (needsKey(value, opening) ? opening.subject : []));
    if (subjects.length === 0) return [...values];
    const known = await load([...new Set(subjects)]);
    return pairs.map(({ value, opening }) => openProperties(value, opening, known.get(opening.subject)));
  };
  return {
    createKey: (subject) => keys.create(subject),
    async seal(place, text) {
      const key = (await load([checkedSubject(place.subject)])).get(place.subject);
      if (key === undefined) throw new Refusal('rejected', 'PersonErased', 'This person has been erased.');
      return sealText(key, place, text);
    },
    reveal: async (value, opening) => (await revealAll([value], () => opening))[0]!,
    revealAll,
    withKey: async (subjects) => new Set((await keys.load([...new Set(subjects)])).keys()),
    noting: (noted) => openedWith(keys, blindKey, noted),
    blindIndex: (kind, value) => createHmac('sha256', blindKey).update(`${kind}\0${value}`).digest('hex'),
  };
}

const CREATE = `
  INSERT INTO subject_keys (subject, wrapped_key, master_key)
  SELECT $1, $2, $3 WHERE NOT EXISTS (SELECT 1 FROM erased_persons WHERE subject = $1)
  ON CONFLICT (subject) DO NOTHING`;
/** Both in one statement: no crash can come between. */
const ERASE = `
  WITH erased AS (INSERT INTO erased_persons (subject) VALUES ($1) ON CONFLICT (subject) DO NOTHING)
  DELETE FROM subject_keys WHERE subject = $1`;
const ERASED_FOR = `
  SELECT (extract(epoch FROM clock_timestamp() - erased_at) * 1000)::float8 AS ms FROM erased_persons WHERE subject = $1`;

interface Keys {
  create(subject: string): Promise<void>;
  /** The keys that exist. */
  load(subjects: readonly string[]): Promise<ReadonlyMap<string, Buffer>>;
  erase(subject: string): Promise<void>;
}

/** Opens keys of persons, and tells each use of a master key that is not the first. */
const openerOf =
  (masterKeys: MasterKeys, onFormer: PersonalDataOptions['onFormer']) =>
  (row: Wrapped): Buffer => {
    const found = unwrap(masterKeys, row);
    if (found === undefined)
      throw new Error(
        `MASTER_KEY cannot decrypt the key of ${row.name}: that key was encrypted with another MASTER_KEY`,
      );
    if (found.by !== masterKeys[0]) onFormer?.(found.by.mark);
    return found.key;
  };

function createKeys(pool: Pool, masterKeys: MasterKeys, onFormer: PersonalDataOptions['onFormer']): Keys {
  const opened = openerOf(masterKeys, onFormer);
  const cache = new LRUCache<string, Buffer>({ max: KEYS_CACHED_MAX, ttl: KEY_HELD_MAX_MS });
  /** Counts erasures, so that a key which was read before an erasure is not cached after it. */
  let erasures = 0;
  return {
    async create(subject) {
      const { bytes, mark } = wrap(masterKeys, checkedSubject(subject), randomBytes(KEY_BYTES));
      await translating(() => pool.query(CREATE, [subject, bytes, mark]));
    },
    async load(subjects) {
      const found = new Map(subjects.map((subject) => [subject, cache.get(subject)]));
      const missing = subjects.filter((subject) => found.get(subject) === undefined);
      if (missing.length > 0) {
        const before = erasures;
        const sql =
          'SELECT subject AS name, wrapped_key AS bytes, master_key AS mark FROM subject_keys WHERE subject = ANY($1)';
        const { rows } = await translating(() =>
          pool.query<Wrapped>({ name: 'subject_keys', text: sql, values: [missing] }),
        );
        for (const row of rows) {
          const key = opened(row);
          found.set(row.name, key);
          if (erasures === before) cache.set(row.name, key);
        }
      }
      return new Map([...found].flatMap(([subject, key]) => (key === undefined ? [] : [[subject, key] as const])));
    },
    async erase(subject) {
      await translating(() => pool.query(ERASE, [checkedSubject(subject)]));
      erasures += 1;
      cache.delete(subject);
    },
  };
}

function checkedSubject(subject: string): string {
  if (!SUBJECT.test(subject)) throw new TypeError(`not a person's id: ${JSON.stringify(subject.slice(0, 100))}`);
  return subject;
}
