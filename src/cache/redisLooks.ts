import type { RedisConnection } from '../platform/redis/connection.ts';
import type { Found, Wanted } from './cache.ts';
import { decode } from './redisEntry.ts';

/** The names of everything that belongs to one key of the cache. */
export interface Keys {
  readonly name: string;
  readonly entry: string;
  readonly lease: string;
  /** What the entry hangs on: one that all entries share, one per tag. */
  readonly generations: readonly string[];
}

/** What Redis holds of a key at one moment. */
export interface Look {
  readonly keys: Keys;
  /** The entry, if it was made under the generations of now. */
  readonly entry: Found | undefined;
  readonly isLeased: boolean;
  /** Joined by commas; undefined when one is missing. */
  readonly generations: string | undefined;
}

export interface Looks {
  /** Sent after the caller has asked, in one round trip. Rejects when Redis does not answer. */
  look(name: string, tags: readonly string[]): Promise<Look>;
}

export const generationKeyOf = (connection: RedisConnection, tag: string): string => connection.key(`t:${tag}`);
/** The generation that every entry hangs on. */
export const commonGenerationKey = (connection: RedisConnection): string => connection.key('g');

export function createLooks(connection: RedisConnection): Looks {
  const common = commonGenerationKey(connection);
  const inThisTurn = new Map<string, Promise<Look>>();

  const keysOf = (name: string, tags: readonly string[]): Keys => ({
    name,
    entry: connection.key(`e:${name}`),
    lease: connection.key(`l:${name}`),
    generations: [common, ...tags.map((tag) => generationKeyOf(connection, tag))],
  });

  async function lookAlone(name: string, tags: readonly string[]): Promise<Look> {
    const keys = keysOf(name, tags);
    const [text = null, lease = null, ...ids] = await connection.read([keys.entry, keys.lease, ...keys.generations]);
    const generations = ids.includes(null) ? undefined : ids.join(',');
    const entry = text === null || generations === undefined ? undefined : decode(text, generations);
    return { keys, entry, isLeased: lease !== null, generations };
  }

  return {
    // Who asks for the same in one turn of the event loop shares one look, and what was made of it.
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

/** The entry, if it includes all that is needed. */
export function honoured({ entry }: Look, { needs, announced }: Wanted): Found | undefined {
  if (entry === undefined) return undefined;
  // Nothing was invalidated since it was loaded, and up to there everything would have been.
  const position = announced > entry.position ? announced : entry.position;
  return position < needs ? undefined : { answer: entry.answer, position };
}
