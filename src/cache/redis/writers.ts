import { ANONYMOUS, type Actor } from '../../engine/decide/context.ts';
import type { RedisConnection } from '../../platform/redis/connection.ts';
import { positionOf } from '../../platform/position.ts';
import { createWriters, type Writers } from '../../engine/ask/writers.ts';
import { RAISE, RAISED_TTL_MS } from './raise.ts';

/**
 * Remembers each user's last write in any process. While Redis does not answer, it knows only the writes in this process.
 * Then another process may answer a user from an earlier state, unless the request has `Min-Position`.
 */
export function createRedisWriters(connection: RedisConnection): Writers {
  const local = createWriters();
  const raise = connection.script(RAISE);
  const keyOf = ({ id }: Actor): string => connection.key(`w:${id}`);
  const larger = (one: bigint, other: bigint): bigint => (one > other ? one : other);

  /** The last write of a user who is new to this process, from Redis. Without one, the last anonymous write counts. */
  async function firstSeen(actor: Actor): Promise<bigint> {
    const [own, anonymous] = await connection.read([keyOf(actor), keyOf(ANONYMOUS)]);
    const position = larger(local.lastOf(actor), positionOf(own) ?? positionOf(anonymous) ?? 0n);
    local.wrote(actor, position);
    return position;
  }

  async function seenAgain(actor: Actor): Promise<bigint> {
    const [own] = await connection.read([keyOf(actor)]);
    return larger(local.lastOf(actor), positionOf(own) ?? 0n);
  }

  return {
    async wrote(actor, position) {
      local.wrote(actor, position);
      await raise([keyOf(actor)], [RAISED_TTL_MS, String(position)]).catch(() => undefined);
    },
    known: ({ id }) => (id === ANONYMOUS.id ? 0n : undefined),
    lastOf(actor) {
      if (actor.id === ANONYMOUS.id || !connection.up) return local.lastOf(actor);
      const asking = local.has(actor) ? seenAgain(actor) : firstSeen(actor);
      return asking.catch(() => local.lastOf(actor));
    },
  };
}
