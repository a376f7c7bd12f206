import type { Logger } from '../platform/log.ts';
import type { RedisConnection } from '../platform/redis/connection.ts';

interface OpenOptions {
  /** `REDIS_URL`; undefined is none. */
  readonly url: string | undefined;
  /** The log whose shop this is. */
  readonly store: { head(): Promise<{ readonly epoch: string }> };
  readonly log: Logger;
}

/** The connection of this configuration; its client is loaded only where it is used. */
export async function openRedis({ url, store, log }: OpenOptions): Promise<RedisConnection | undefined> {
  if (url === undefined) return undefined;
  const [{ epoch }, { connectRedis }] = await Promise.all([store.head(), import('../platform/redis/connection.ts')]);
  return connectRedis({ url, epoch, log });
}
