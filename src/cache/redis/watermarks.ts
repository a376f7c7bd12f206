import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../../platform/log.ts';
import type { RedisConnection } from '../../platform/redis/connection.ts';
import { positionOf } from '../../platform/position.ts';

/** How often projecting processes write their watermarks, and reading processes check them. */
export const BEAT_MS = 1_000;
/** The same interval until it is known whether Redis is up to date. */
const BEAT_SOON_MS = 100;
/** How long a watermark may stay behind a checkpoint before Redis is distrusted. */
export const BEHIND_MAX_MS = 2_500;
const WATERMARK_TTL_MS = 3_600_000;
/** Stands for a missing or unreadable watermark. */
const NOTHING = -1n;

/** Positions of the read models, by the name of their projection. */
export interface ReadModels {
  /** The projections that this process runs, with the positions up to which it has made their invalidations. */
  own(): ReadonlyMap<string, bigint>;
  /** The projections that other processes run, with their current checkpoints. */
  others(): Promise<ReadonlyMap<string, bigint>>;
}

export interface Watermarks {
  /** Whether this Redis has the invalidations of all other processes' projections, except for the last seconds. */
  hold(): boolean;
  close(): Promise<void>;
}

export interface WatermarksOptions {
  readonly connection: RedisConnection;
  readonly readModels: ReadModels;
  /** Whether all invalidations of this process have arrived in Redis. */
  readonly arrived: () => boolean;
  readonly log: Logger;
}

/** KEYS: one per projection; ARGV: lifetime (ms), a position per key. */
const WRITE = `for i = 1, #KEYS do redis.call('SET', KEYS[i], ARGV[i + 1], 'PX', ARGV[1]) end`;

/** The positions that the watermarks must reach, and the time since when. */
interface Demand {
  readonly at: number;
  readonly positions: ReadonlyMap<string, bigint>;
}

/**
 * Detects when invalidations do not reach the Redis that this process reads: a projecting process may be cut off from it, or
 * use another server after a failover. So projecting processes write watermarks to Redis: the positions up to which all their
 * invalidations have arrived. Reading processes compare these with the checkpoints in Postgres.
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
      // When Redis comes back it may have lost the watermarks, so give the projecting processes time to write them again.
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
        'changes by the projecting processes do not reach this Redis: its cache is not used (do all processes have the same REDIS_URL?)',
      );
    } else if (next === 'abreast' && state === 'behind')
      log.info('invalidations by the projecting processes reach this Redis: its cache is used');
    state = next;
  }

  async function beat(): Promise<void> {
    while (!closing.signal.aborted) {
      // Errors are ignored here: callers that wait for Redis notice and report them.
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
