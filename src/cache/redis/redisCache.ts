import type { Logger } from '../../platform/log.ts';
import type { RedisConnection } from '../../platform/redis/connection.ts';
import type { Cache, Found, Sight } from '../cache.ts';
import { createLoads } from './loads.ts';
import { commonGenerationKey, createLooks, generationKeyOf, honoured, type Look } from './entries.ts';
import { createTrust } from './invalidation.ts';
import { createWatermarks, type ReadModels } from './watermarks.ts';

export interface RedisCacheOptions {
  readonly connection: RedisConnection;
  /** The cache to use while Redis cannot be trusted. It always gets every invalidation. */
  readonly local: Cache;
  readonly readModels: ReadModels;
  readonly log: Logger;
}

/**
 * The cache that all processes of a shop share. An entry stores the random generation ids that its tags had before its loader
 * started, and is valid only while they are unchanged. Invalidation removes the ids. So data that Redis loses (by a flush,
 * eviction or failover) can only cost entries, and a slow loader cannot bring an old entry back.
 */
export function createRedisCache({ connection, local, readModels, log }: RedisCacheOptions): Cache {
  const common = commonGenerationKey(connection);
  const trust = createTrust(connection, { all: common, log });
  const watermarks = createWatermarks({ connection, readModels, arrived: () => trust.holds(), log });
  const isTrusted = (): boolean => trust.holds() && watermarks.hold();
  const looks = createLooks(connection);
  const loadThrough = createLoads({ connection, looks, local });
  let hits = 0;
  let misses = 0;

  async function trustedLook(key: string, tags: readonly string[]): Promise<Look | undefined> {
    if (!isTrusted()) return undefined;
    const look = await looks.look(key, tags).catch(() => undefined);
    return isTrusted() ? look : undefined;
  }

  function hit(look: Look, wanted: Parameters<Sight['found']>[0]): Found | undefined {
    const found = honoured(look, wanted);
    if (found !== undefined) hits += 1;
    return found;
  }

  return {
    peek: () => undefined,

    look(key, tags) {
      if (!isTrusted()) return undefined;
      const seen = (look: Look): Sight | undefined =>
        isTrusted() ? { changed: look.changed, found: (wanted) => hit(look, wanted) } : undefined;
      return looks.look(key, tags).then(seen, () => undefined);
    },

    async get(key, wanted, load) {
      const look = await trustedLook(key, wanted.tags);
      if (look === undefined) return local.get(key, wanted, load);
      const found = hit(look, wanted);
      if (found !== undefined) return found;
      misses += 1;
      return loadThrough(look, wanted, load);
    },

    async invalidate(tags) {
      await local.invalidate(tags);
      await trust.remove(tags.map((tag) => generationKeyOf(connection, tag)));
    },

    async clear() {
      await local.clear();
      await trust.remove([common]);
    },

    // Other processes invalidate their projections in Redis themselves.
    othersMoved: () => local.othersMoved(),

    stats() {
      const own = local.stats();
      return { hits: hits + own.hits, misses: misses + own.misses, entries: own.entries };
    },

    async close() {
      await watermarks.close();
      await trust.close();
      await local.close();
    },
  };
}
