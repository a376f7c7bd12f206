import type { Pool } from '../../platform/postgres/pool.ts';
import { createPassedOver, type PassedOverOptions } from './passedOver.ts';
import { followerOf } from './validate.ts';

/** When no query waits, a checkpoint of another process that was read longer ago than this is read again at the next use. */
const SEEN_MS = 500;

export type Listener = () => Promise<void>;

/** Another process's checkpoint, as last seen. */
interface Seen {
  readonly name: string;
  readonly position: bigint;
  /** Raised by each new owner and each rebuild. */
  readonly generation: string;
}

const byFollower = (names: readonly string[]): Map<string, string> =>
  new Map(names.map((name) => [followerOf(name), name]));

async function checkpoints(pool: Pool, names: readonly string[]): Promise<Seen[]> {
  const known = byFollower(names);
  const { rows } = await pool.query<{ follower: string; position: string; generation: string }>({
    name: 'progress',
    text: `SELECT name AS follower, position::text, lease_epoch::text AS generation
           FROM checkpoints WHERE name = ANY($1::text[])`,
    values: [[...known.keys()]],
  });
  return rows.map(({ follower, position, generation }) => ({
    name: known.get(follower)!,
    position: BigInt(position),
    generation,
  }));
}

/** Other processes' checkpoints, as last read. Awaits the listeners when some have moved, before the new ones count. */
export function createSeen(pool: Pool, listeners: readonly Listener[], log?: PassedOverOptions) {
  const seen = new Map<string, Seen>();
  const passedOver = log && createPassedOver(log);
  const checkpointOf = (name: string): bigint => seen.get(name)?.position ?? 0n;
  let readAt = -Infinity;
  let forgotten = 0;
  return {
    position: (name: string): bigint => passedOver?.position(name, checkpointOf(name)) ?? checkpointOf(name),
    isOld: (): boolean => performance.now() - readAt > SEEN_MS,
    forget(): void {
      forgotten += 1;
      seen.clear();
      passedOver?.forget();
      readAt = -Infinity;
    },
    /** Returns whether some have moved. */
    async refresh(names: readonly string[]): Promise<boolean> {
      if (names.length === 0) return false;
      readAt = performance.now();
      const before = forgotten;
      const moved = (await checkpoints(pool, names)).filter(({ name, position: now, generation }) => {
        const known = seen.get(name);
        return known?.position !== now || known.generation !== generation;
      });
      if (moved.length === 0) return false;
      for (const listener of listeners) await listener();
      // The rows that were read are not certain to be there any more.
      if (forgotten !== before) return false;
      for (const now of moved) seen.set(now.name, now);
      return true;
    },
    /** Counts events that have nothing for a projection as passed, up to `wanted`. */
    async passOver(names: readonly string[], wanted: bigint): Promise<void> {
      const before = forgotten;
      await passedOver?.look(new Map(names.map((name) => [name, checkpointOf(name)])), wanted);
      if (forgotten !== before) passedOver?.forget();
    },
  };
}
