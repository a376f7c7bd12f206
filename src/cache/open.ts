import type { Logger } from '../log.ts';
import type { Cache } from './cache.ts';
import { createMemoryCache } from './memory.ts';

const CACHE_ENTRIES_MAX = 5_000;
const CACHE_BYTES_MAX = 32 * 1024 * 1024;

export interface OpenCacheOptions {
  /** `REDIS_URL`. */
  readonly redisUrl: string | undefined;
  readonly log: Logger;
}

/** The cache of this configuration. */
export const openCache = (_options: OpenCacheOptions): Promise<Cache> =>
  Promise.resolve(createMemoryCache({ entriesMax: CACHE_ENTRIES_MAX, bytesMax: CACHE_BYTES_MAX }));
