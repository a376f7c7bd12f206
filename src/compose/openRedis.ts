import type { Logger } from '../platform/log.ts';
import type { RedisConnection } from '../platform/redis/connection.ts';

interface OpenOptions {
  /** `REDIS_URL`; undefined means no Redis. */
  readonly url: string | undefined;
  /** The shop's log; its epoch keeps this shop's keys apart from those of other logs. */
  readonly store: { head(): Promise<{ readonly epoch: string }> };
  readonly log: Logger;
}

/** The configured connection; the client is loaded only when Redis is used. */
export async function openRedis({ url, store, log }: OpenOptions): Promise<RedisConnection | undefined> {
  if (url === undefined) return undefined;
  const [{ epoch }, { connectRedis }] = await Promise.all([store.head(), import('../platform/redis/connection.ts')]);
  return connectRedis({ url, epoch, log });
}
