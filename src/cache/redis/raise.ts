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
