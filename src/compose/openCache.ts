import type { Logger } from '../platform/log.ts';
import type { RedisConnection } from '../platform/redis/connection.ts';
import type { Cache } from '../cache/cache.ts';
import { createMemoryCache } from '../cache/memoryCache.ts';
import { createRedisCache } from '../cache/redis/redisCache.ts';
import type { ReadModels } from '../cache/redis/watermarks.ts';

const CACHE_ENTRIES_MAX = 5_000;
const CACHE_BYTES_MAX = 32 * 1024 * 1024;

export interface OpenCacheOptions {
  /** Undefined means a cache of this process alone. */
  readonly redis: RedisConnection | undefined;
  readonly readModels: ReadModels;
  readonly log: Logger;
}

/** The configured cache. */
export function openCache({ redis, readModels, log }: OpenCacheOptions): Cache {
  const local = createMemoryCache({ entriesMax: CACHE_ENTRIES_MAX, bytesMax: CACHE_BYTES_MAX });
  return redis === undefined ? local : createRedisCache({ connection: redis, local, readModels, log });
}
