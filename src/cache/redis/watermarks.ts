import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../../platform/log.ts';
import type { RedisConnection } from '../../platform/redis/connection.ts';
import { positionOf } from '../../platform/redis/position.ts';

/** How often who projects writes how far it is, and who reads looks. */
export const BEAT_MS = 1_000;
/** The same until it is known whether Redis is abreast. */
const BEAT_SOON_MS = 100;
/** How long a watermark may stay behind a checkpoint before Redis is distrusted. */
export const BEHIND_MAX_MS = 2_500;
const WATERMARK_TTL_MS = 3_600_000;
/** Where there is no watermark, or none that can be read. */
const NOTHING = -1n;

/** How far the read models are, by the name of their projection. */
export interface ReadModels {
  /** Those that this process projects, and up to where it has invalidated what they changed. */
  own(): ReadonlyMap<string, bigint>;
  /** Those that other processes project: their checkpoints as they are now. */
  others(): Promise<ReadonlyMap<string, bigint>>;
}

export interface Watermarks {
  /** Whether everything that other processes have projected was invalidated in this Redis, but for the last seconds. */
  hold(): boolean;
  close(): Promise<void>;
}

export interface WatermarksOptions {
  readonly connection: RedisConnection;
  readonly readModels: ReadModels;
  /** Whether all that this process has invalidated has arrived in Redis. */
  readonly arrived: () => boolean;
  readonly log: Logger;
}

/** KEYS: one per projection; ARGV: lifetime (ms), a position per key. */
const WRITE = `for i = 1, #KEYS do redis.call('SET', KEYS[i], ARGV[i + 1], 'PX', ARGV[1]) end`;

/** What must have arrived, since when. */
interface Demand {
  readonly at: number;
  readonly positions: ReadonlyMap<string, bigint>;
}

/**
 * Who projects may be cut off from the Redis that others read, or have gone over to the server that took its place: what it
 * invalidates then does not arrive where they look. So it writes there up to where everything has arrived, and who reads
 * compares that with the checkpoints in Postgres.
 */
export function createWatermarks({ connection, readModels, arrived, log }: WatermarksOptions): Watermarks {
  const write = connection.script(WRITE);
  const keyOf = (name: string): string => connection.key(`p:${name}`);
  const closing = new AbortController();
  let state: 'unknown' | 'abreast' | 'behind' = 'unknown';
  let demand: Demand | undefined;

  async function tell(): Promise<void> {
    const own = [...readModels.own()];
    if (own.length === 0 || !arrived()) return;
    const args = [WATERMARK_TTL_MS, ...own.map(([, position]) => String(position))];
    await write(
      own.map(([name]) => keyOf(name)),
      args,
    );
  }

  async function look(): Promise<void> {
    const others = await readModels.others();
    if (others.size > 0 && !connection.up) {
      // What comes back may have forgotten the watermarks, and is given the time to hear them again.
      demand = undefined;
      return;
    }
    demand ??= { at: performance.now(), positions: others };
    const names = [...demand.positions.keys()].filter((name) => others.has(name));
    const told = names.length === 0 ? [] : await connection.read(names.map(keyOf));
    const isMet = names.every((name, index) => (positionOf(told[index]) ?? NOTHING) >= demand!.positions.get(name)!);
    if (isMet) demand = { at: performance.now(), positions: others };
    else if (performance.now() - demand.at <= BEHIND_MAX_MS) return;
    become(isMet ? 'abreast' : 'behind');
  }

  function become(next: 'abreast' | 'behind'): void {
    if (next === 'behind' && state !== 'behind') {
      log.warn(
        'Redis does not hear what the projecting processes change: not using its cache (have they its REDIS_URL?)',
      );
    } else if (next === 'abreast' && state === 'behind') log.info('Redis hears what the projecting processes change');
    state = next;
  }

  async function beat(): Promise<void> {
    while (!closing.signal.aborted) {
      // A server that does not answer is noticed, and told, by whoever waits for it.
      await Promise.allSettled([tell(), look()]);
      await delay(state === 'unknown' ? BEAT_SOON_MS : BEAT_MS, undefined, {
        ref: false,
        signal: closing.signal,
      }).catch(() => undefined);
    }
  }
  const beating = beat();

  return {
    hold: () => state === 'abreast',
    async close() {
      closing.abort();
      await beating;
    },
  };
}
