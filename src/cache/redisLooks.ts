import type { RedisConnection } from '../redis/connection.ts';
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
  readonly entry: string | null;
  readonly lease: string | null;
  /** Joined by commas; undefined when one is missing. */
  readonly generations: string | undefined;
}

export interface Looks {
  keysOf(name: string, tags: readonly string[]): Keys;
  /** Sent after the caller has asked, in one round trip. Rejects when Redis does not answer. */
  look(keys: Keys): Promise<Look>;
}

export const generationKeyOf = (connection: RedisConnection, tag: string): string => connection.key(`t:${tag}`);
/** The generation that every entry hangs on. */
export const commonGenerationKey = (connection: RedisConnection): string => connection.key('g');

export function createLooks(connection: RedisConnection): Looks {
  const common = commonGenerationKey(connection);
  const inThisTurn = new Map<string, Promise<Look>>();

  async function lookAlone({ entry, lease, generations }: Keys): Promise<Look> {
    const [found = null, held = null, ...ids] = await connection.read([entry, lease, ...generations]);
    return { entry: found, lease: held, generations: ids.includes(null) ? undefined : ids.join(',') };
  }

  return {
    keysOf: (name, tags) => ({
      name,
      entry: connection.key(`e:${name}`),
      lease: connection.key(`l:${name}`),
      generations: [common, ...tags.map((tag) => generationKeyOf(connection, tag))],
    }),
    look(keys) {
      const known = inThisTurn.get(keys.entry);
      if (known !== undefined) return known;
      setImmediate(() => inThisTurn.delete(keys.entry));
      const looking = lookAlone(keys);
      inThisTurn.set(keys.entry, looking);
      return looking;
    },
  };
}

/** The entry, if it was made under the generations of now and includes all that is needed. */
export function honoured({ entry, generations }: Look, { needs, announced }: Wanted): Found | undefined {
  if (entry === null || generations === undefined) return undefined;
  const found = decode(entry, generations);
  if (found === undefined) return undefined;
  // Nothing was invalidated since it was loaded, and up to there everything would have been.
  const position = announced > found.position ? announced : found.position;
  return position < needs ? undefined : { answer: found.answer, position };
}
