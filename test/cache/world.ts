import { setTimeout as pause } from 'node:timers/promises';
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import type { Cache, Wanted } from '../../src/cache/cache.ts';
import { createMemoryCache } from '../../src/cache/memoryCache.ts';
import { createRedisCache } from '../../src/cache/redis/redisCache.ts';
import type { ReadModels } from '../../src/cache/redis/watermarks.ts';
import { connectRedis, type RedisConnection } from '../../src/platform/redis/connection.ts';
import { eventually } from '../support/eventually.ts';
import type { CacheWorld } from './contract.ts';
import { answerOf, wanted } from './contract.ts';

/** A long timeout, because a loaded machine may be late. Tests about time set their own. */
const PATIENT_MS = 5_000;

export const silent = pino({ level: 'silent' });

export interface RedisWorld extends CacheWorld {
  readonly connection: RedisConnection;
  readonly epoch: string;
}

interface Options {
  readonly url: string;
  readonly epoch?: string;
  readonly commandTimeoutMs?: number;
  readonly readModels?: ReadModels;
}

/** No other process projects anything. */
const ALONE: ReadModels = { own: () => new Map(), others: () => Promise.resolve(new Map()) };

/** A cache on Redis, as one process has it. Resolves when the cache uses Redis. */
export async function openRedisCache({ url, epoch = randomUUID(), ...options }: Options): Promise<RedisWorld> {
  const { commandTimeoutMs = PATIENT_MS, readModels = ALONE } = options;
  const connection = connectRedis({ url, epoch, log: silent, commandTimeoutMs });
  const local = createMemoryCache({ entriesMax: 100, bytesMax: 1_000_000 });
  const cache = createRedisCache({ connection, local, readModels, log: silent });
  const world = {
    ...{ cache, connection, epoch },
    elapse: (ms: number) => pause(ms),
    async close() {
      await cache.close();
      await connection.close();
    },
  };
  await isShared(world);
  return world;
}

/** Waits until cached answers go to Redis, not only to this process. */
export const isShared = ({ cache, connection }: Pick<RedisWorld, 'cache' | 'connection'>): Promise<unknown> =>
  eventually('the cache uses Redis', async () => {
    if (!connection.up) return false;
    const key = `shared:${randomUUID()}`;
    await cache.get(key, wanted({ tags: [] }), () => Promise.resolve(answerOf('x')));
    return (await connection.read([connection.key(`e:${key}`)]).catch(() => []))[0] ?? undefined;
  });

/** The shortest time of some tries, ms. Other work of the machine can only make a try longer. */
export async function fastest(once: () => Promise<void>, tries = 3): Promise<number> {
  let best = Infinity;
  for (let n = 0; n < tries; n += 1) {
    const began = performance.now();
    await once();
    best = Math.min(best, performance.now() - began);
  }
  return best;
}

/** The answer, and how long it took, ms. */
export async function timedAsk(cache: Cache, key: string, text: string, fields: Partial<Wanted> = {}) {
  const began = performance.now();
  const { answer, position } = await cache.get(key, wanted(fields), () => Promise.resolve(answerOf(text)));
  return { text: JSON.parse(answer.json) as string, position, ms: performance.now() - began };
}
