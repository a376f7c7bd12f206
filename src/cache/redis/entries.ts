import type { RedisConnection } from '../../platform/redis/connection.ts';
import type { CachedAnswer, Found, Wanted } from '../cache.ts';
import { positionOf } from '../../platform/position.ts';
import { changeKeysOf, highestIn } from './raise.ts';

/** The Redis keys that belong to one key of the cache. */
export interface Keys {
  readonly name: string;
  readonly entry: string;
  readonly lease: string;
  /** Keys of the generations that the entry depends on: the common one, and one per tag. */
  readonly generations: readonly string[];
  /** Keys of the last changes of its tags. */
  readonly changes: readonly string[];
}

/** The state of one cache key in Redis at one moment. */
export interface Look {
  readonly keys: Keys;
  /** The entry, if it was made under the current generations. */
  readonly entry: Found | undefined;
  readonly isLeased: boolean;
  /** The generation ids, joined by commas; undefined when one is missing. */
  readonly generations: string | undefined;
  /** The last change of what has the tags. */
  readonly changed: bigint;
}

export interface Looks {
  /** Reads the state in one round trip. Concurrent calls for one key share it. Rejects when Redis does not answer. */
  look(name: string, tags: readonly string[]): Promise<Look>;
}

export const generationKeyOf = (connection: RedisConnection, tag: string): string => connection.key(`t:${tag}`);
/** Key of the generation that all entries depend on. */
export const commonGenerationKey = (connection: RedisConnection): string => connection.key('g');

export function createLooks(connection: RedisConnection): Looks {
  const common = commonGenerationKey(connection);
  const inThisTurn = new Map<string, Promise<Look>>();

  const keysOf = (name: string, tags: readonly string[]): Keys => ({
    name,
    entry: connection.key(`e:${name}`),
    lease: connection.key(`l:${name}`),
    generations: [common, ...tags.map((tag) => generationKeyOf(connection, tag))],
    changes: changeKeysOf(connection, tags),
  });

  async function lookAlone(name: string, tags: readonly string[]): Promise<Look> {
    const keys = keysOf(name, tags);
    const asked = [keys.entry, keys.lease, ...keys.generations, ...keys.changes];
    const [text = null, lease = null, ...values] = await connection.read(asked);
    const ids = values.slice(0, keys.generations.length);
    const generations = ids.includes(null) ? undefined : ids.join(',');
    const entry = text === null || generations === undefined ? undefined : decode(text, generations);
    const changed = highestIn(values.slice(keys.generations.length));
    return { keys, entry, isLeased: lease !== null, generations, changed };
  }

  return {
    // Calls for the same key in one turn of the event loop share one look-up and its decoded result.
    look(name, tags) {
      const known = inThisTurn.get(name);
      if (known !== undefined) return known;
      setImmediate(() => inThisTurn.delete(name));
      const looking = lookAlone(name, tags);
      inThisTurn.set(name, looking);
      return looking;
    },
  };
}

/** The entry, if it includes every event that the caller needs. */
export function honoured(
  { entry }: Look,
  { needs, announced }: Pick<Wanted, 'needs' | 'announced'>,
): Found | undefined {
  if (entry === undefined) return undefined;
  // The entry was not invalidated since it was loaded. All invalidations up to `announced` were made, so it includes that too.
  const position = announced > entry.position ? announced : entry.position;
  return position < needs ? undefined : { answer: entry.answer, position };
}

/**
 * An entry as text: five lines and the JSON, none with a line break inside. The first line has the generations from before
 * the entry's loader started. The entry is valid only while they are unchanged.
 */
export function encode(generations: string, { answer, position }: Found): string {
  const { json, bytes, pagination = '', revision = '' } = answer;
  return `${generations}\n${position}\n${bytes}\n${revision}\n${pagination}\n${json}`;
}

/** The entry, if it was made under these generations and can be read. */
function decode(text: string, generations: string): Found | undefined {
  if (!text.startsWith(generations) || text[generations.length] !== '\n') return undefined;
  const lines: string[] = [];
  let from = generations.length + 1;
  for (let line = 0; line < 4; line += 1) {
    const end = text.indexOf('\n', from);
    if (end < 0) return undefined;
    lines.push(text.slice(from, end));
    from = end + 1;
  }
  const [told, bytes = '', revision = '', pagination = ''] = lines;
  const position = positionOf(told);
  if (position === undefined) return undefined;
  return { answer: answerOf(text.slice(from), Number(bytes), revision, pagination), position };
}

const answerOf = (json: string, bytes: number, revision: string, pagination: string): CachedAnswer => ({
  json,
  bytes,
  ...(pagination === '' ? {} : { pagination }),
  ...(revision === '' ? {} : { revision }),
});
