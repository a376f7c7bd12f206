import type { RedisConnection } from '../../platform/redis/connection.ts';
import { createMemoryLimiter, SLOTS, WINDOW_MS, type RateLimiter, type Verdict } from './rateLimit.ts';

/**
 * The sliding window of `createMemoryLimiter`, by Redis's own clock. When that clock was put back, counts of slots that are
 * still to come move to the present slot: their callers wait at most one window and get no second allowance. KEYS: the caller's
 * hash, from slot number since the epoch to count. ARGV: limit, length of a slot (ms), slots of the window. Returns whether the request is allowed (1 or 0), the
 * requests in the window, and the ms until the oldest of them has left it.
 */
const TAKE = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local limit, length, slots = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local newest = math.floor(now / length)
local counts = redis.call('HGETALL', KEYS[1])
local sum, oldest, gone, early = 0, newest, {}, 0
for i = 1, #counts, 2 do
  local slot = tonumber(counts[i])
  if slot < newest - slots then
    gone[#gone + 1] = counts[i]
  else
    sum = sum + tonumber(counts[i + 1])
    if slot > newest then
      gone[#gone + 1] = counts[i]
      early = early + tonumber(counts[i + 1])
    end
    if slot < oldest then oldest = slot end
  end
end
if #gone > 0 then redis.call('HDEL', KEYS[1], unpack(gone)) end
if early > 0 then
  redis.call('HINCRBY', KEYS[1], newest, early)
  redis.call('PEXPIRE', KEYS[1], (slots + 2) * length)
end
local allowed = 0
if sum < limit then
  allowed = 1
  sum = sum + 1
  redis.call('HINCRBY', KEYS[1], newest, 1)
  redis.call('PEXPIRE', KEYS[1], (slots + 2) * length)
end
return { allowed, sum, (oldest + slots + 1) * length - now }
`;

const verdictOf = (answer: unknown, limit: number): Verdict => {
  const [allowed, sum, resetMs] = answer as [number, number, number];
  return {
    allowed: allowed === 1,
    remaining: Math.max(0, limit - sum),
    resetS: Math.max(1, Math.ceil(resetMs / 1_000)),
  };
};

/**
 * A sliding window that all processes share. Each process also keeps its own window of the requests it allowed. That window
 * decides while Redis does not answer, and a refusal by it is final. So after an outage no caller gets a second allowance
 * in the same process.
 */
export function createRedisLimiter(connection: RedisConnection): RateLimiter {
  const local = createMemoryLimiter();
  const takeShared = connection.script(TAKE);
  return {
    async take(key, limit) {
      const here = local.look(key, limit);
      if (!here.allowed) return here;
      let verdict: Verdict;
      try {
        verdict = verdictOf(await takeShared([connection.key(`r:${key}`)], [limit, WINDOW_MS / SLOTS, SLOTS]), limit);
      } catch {
        return local.take(key, limit);
      }
      if (verdict.allowed) local.count(key);
      return verdict;
    },
  };
}
