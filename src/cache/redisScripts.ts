/**
 * Before loading: the generations of all tags, those that are missing made anew, and the lease of the key for whoever comes
 * first. A lease from under older generations binds nobody, for what its holder loads will not be kept.
 * KEYS: lease, generations…; ARGV: lifetime of generations, of the lease (ms), token, a fresh id per generation.
 * Answers the generations joined by commas, and whether the lease is the caller's.
 */
export const BEGIN = `
local generations = {}
for i = 2, #KEYS do
  local generation = redis.call('GET', KEYS[i])
  if not generation then
    generation = ARGV[i + 2]
    redis.call('SET', KEYS[i], generation, 'PX', ARGV[1])
  end
  generations[i - 1] = generation
end
local all = table.concat(generations, ',')
local held = redis.call('GET', KEYS[1])
if held and string.sub(held, #ARGV[3] + 2) == all then return { all, 0 } end
redis.call('SET', KEYS[1], ARGV[3] .. ' ' .. all, 'PX', ARGV[2])
return { all, 1 }
`;

/**
 * After loading: gives the lease back, and keeps the entry if its generations are still the ones it was loaded under.
 * KEYS: lease, entry, generations…; ARGV: token, the generations, lifetime of the entry, of generations (ms), the entry.
 */
export const KEEP = `
local held = redis.call('GET', KEYS[1])
if held and string.sub(held, 1, #ARGV[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
local generations = {}
for i = 3, #KEYS do
  local generation = redis.call('GET', KEYS[i])
  if not generation then return 0 end
  generations[i - 2] = generation
end
if table.concat(generations, ',') ~= ARGV[2] then return 0 end
for i = 3, #KEYS do redis.call('PEXPIRE', KEYS[i], ARGV[4]) end
redis.call('SET', KEYS[2], ARGV[5], 'PX', ARGV[3])
return 1
`;

/** After a loader that failed. KEYS: lease; ARGV: token. */
export const GIVE_BACK = `
local held = redis.call('GET', KEYS[1])
if held and string.sub(held, 1, #ARGV[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 0
`;
