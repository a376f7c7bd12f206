import type { Changes, LastChanges } from '../../engine/ask/changes.ts';
import { perTurnBatch } from '../../platform/perTurnBatch.ts';
import type { RedisConnection } from '../../platform/redis/connection.ts';
import { changeKeyOf, changeKeysOf, highestIn, RAISE, RAISED_TTL_MS } from './raise.ts';

/** Changes that are told in one call, at most. */
const CHANGES_PER_CALL_MAX = 250;

interface Change {
  readonly tags: readonly string[];
  readonly position: bigint;
}

/** The highest position of each tag. */
function highestOf(changes: readonly Change[]): Map<string, bigint> {
  const highest = new Map<string, bigint>();
  for (const { tags, position } of changes) {
    for (const tag of tags) if (position > (highest.get(tag) ?? -1n)) highest.set(tag, position);
  }
  return highest;
}

/**
 * The last changes that any process has made. A process tells its own as it makes them; a command is answered once they are told.
 * While Redis does not answer, a process knows only the changes of its own.
 */
export function createRedisChanges(connection: RedisConnection, own: Changes): LastChanges {
  const raise = connection.script(RAISE);
  /** Redis takes calls in their order, so the last one answers for those before it. */
  let telling: Promise<unknown> = Promise.resolve();

  const tell = perTurnBatch<Change, true>(CHANGES_PER_CALL_MAX, async (changes) => {
    const highest = highestOf(changes);
    await raise(
      [...highest.keys()].map((tag) => changeKeyOf(connection, tag)),
      [RAISED_TTL_MS, ...[...highest.values()].map(String)],
    );
    return changes.map(() => true as const);
  });

  own.onNoted((tags, position) => {
    if (tags.length > 0 && connection.up) telling = tell({ tags, position }).catch(() => undefined);
  });

  return {
    get latest() {
      return own.latest;
    },
    known: (tags) => own.known(tags),
    async lastOf(tags) {
      const known = own.lastOf(tags);
      if (!connection.up || tags.length === 0) return known;
      const told = highestIn(await connection.read(changeKeysOf(connection, tags)).catch(() => []));
      return told > known ? told : known;
    },
    async told(position) {
      void own.told(position);
      await telling;
    },
  };
}
