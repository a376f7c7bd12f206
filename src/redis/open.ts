import type { Logger } from '../log.ts';
import { connectRedis, type RedisConnection } from './connection.ts';

interface OpenOptions {
  /** `REDIS_URL`; undefined is none. */
  readonly url: string | undefined;
  /** The log whose shop this is. */
  readonly store: { head(): Promise<{ readonly epoch: string }> };
  readonly log: Logger;
}

export async function openRedis({ url, store, log }: OpenOptions): Promise<RedisConnection | undefined> {
  if (url === undefined) return undefined;
  const { epoch } = await store.head();
  return connectRedis({ url, epoch, log });
}
