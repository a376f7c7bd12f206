import { ANYTHING } from '../../engine/ask/changes.ts';
import { positionOf } from '../../platform/position.ts';
import type { RedisConnection } from '../../platform/redis/connection.ts';

/** Lifetime of a raised position, ms: much longer than a query waits for a read model. */
export const RAISED_TTL_MS = 600_000;

/**
 * Raises positions, each to the given one if that is higher. KEYS; ARGV: lifetime (ms), a position per key. Positions are decimal
 * text without leading zeros, so a longer one is larger.
 */
export const RAISE = `
for i = 1, #KEYS do
  local known = redis.call('GET', KEYS[i]) or ''
  local position = ARGV[i + 1]
  if #known < #position or (#known == #position and known < position) then
    redis.call('SET', KEYS[i], position, 'PX', ARGV[1])
  else
    redis.call('PEXPIRE', KEYS[i], ARGV[1])
  end
end
return 0
`;

export const changeKeyOf = (connection: RedisConnection, tag: string): string => connection.key(`c:${tag}`);

/** Keys of all changes that count for what has one of these tags. */
export const changeKeysOf = (connection: RedisConnection, tags: readonly string[]): string[] =>
  [ANYTHING, ...tags].map((tag) => changeKeyOf(connection, tag));

/** The highest of the positions that were read; 0 when there is none. */
export function highestIn(texts: readonly (string | null)[]): bigint {
  let highest = 0n;
  for (const text of texts) {
    const position = text === null ? undefined : positionOf(text);
    if (position !== undefined && position > highest) highest = position;
  }
  return highest;
}
