import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { RedisConnection } from '../../platform/redis/connection.ts';
import type { Cache, CachedAnswer, Found, Wanted } from '../cache.ts';
import { encode, honoured, type Keys, type Look, type Looks } from './entries.ts';

/** Generations outlive every entry, whose lifetime is cut to this. */
export const GENERATION_TTL_MS = 3_600_000;
/** How long one process loads for all; one that has died is in nobody's way for longer. */
export const LEASE_MS = 2_000;
/** How long a process waits for what another one loads, in all, before it loads by itself. */
export const LEASE_WAIT_MAX_MS = 150;
const LEASE_POLL_MS = 10;
/** Larger answers are made each time: they would hold up everybody on the connection. */
export const ENTRY_BYTES_MAX = 1024 * 1024;
const GENERATION_BYTES = 9;

type Load = () => Promise<CachedAnswer>;

/** A loader that runs in this process, and what those may have seen who share what it answers. */
interface Flight {
  readonly generations: string;
  readonly promise: Promise<Found>;
}

interface Begun {
  readonly generations: string;
  readonly token: string;
  /** Whether this process is the one that loads. */
  readonly leads: boolean;
}

export type Loads = (look: Look, wanted: Wanted, load: Load) => Promise<Found>;

interface LoadsOptions {
  readonly connection: RedisConnection;
  readonly looks: Looks;
  /** Where to load without Redis. */
  readonly local: Cache;
}

const newGeneration = (): string => randomBytes(GENERATION_BYTES).toString('base64url');

/**
 * Runs loaders: one per key and generations at a time in this process, and as a rule one among all. When Redis does not
 * answer or has no room, the local cache does it; only the loader's own failure is thrown.
 */
export function createLoads({ connection, looks, local }: LoadsOptions): Loads {
  const begin = connection.script(BEGIN);
  const keep = connection.script(KEEP);
  const giveBack = connection.script(GIVE_BACK);
  const flights = new Map<string, Flight>();

  async function beginLoading({ lease, generations }: Keys): Promise<Begun> {
    const token = randomUUID();
    const args = [GENERATION_TTL_MS, LEASE_MS, token, ...generations.map(newGeneration)];
    const [held, leads] = (await begin([lease, ...generations], args)) as [string, number];
    return { generations: held, token, leads: leads === 1 };
  }

  /** Waits for what the holder of the lease loads, for a short while; undefined when it does not come. */
  async function fromOther(keys: Keys, wanted: Wanted): Promise<Found | undefined> {
    const until = performance.now() + LEASE_WAIT_MAX_MS;
    while (performance.now() < until) {
      await delay(LEASE_POLL_MS);
      const seen = await looks.look(keys.name, wanted.tags);
      const found = honoured(seen, wanted);
      if (found !== undefined || !seen.isLeased) return found;
    }
    return undefined;
  }

  /** Nobody waits for Redis to keep it, which it does only if nothing was invalidated meanwhile. */
  async function loadAndKeep(keys: Keys, wanted: Wanted, { generations, token }: Begun, load: Load): Promise<Found> {
    const end = (): unknown => giveBack([keys.lease], [token]).catch(() => undefined);
    let answer: CachedAnswer;
    try {
      answer = await load();
    } catch (error) {
      end();
      throw error;
    }
    const found = { answer, position: wanted.passed };
    if (answer.bytes > ENTRY_BYTES_MAX) end();
    else {
      const ttlMs = Math.max(1, Math.min(Math.round(wanted.ttlMs), GENERATION_TTL_MS));
      const args = [token, generations, ttlMs, GENERATION_TTL_MS, encode(generations, found)];
      keep([keys.lease, keys.entry, ...keys.generations], args).catch(() => undefined);
    }
    return found;
  }

  async function lead(keys: Keys, wanted: Wanted, load: Load, before?: Begun): Promise<Found> {
    const begun = before ?? (await beginLoading(keys).catch(() => undefined));
    if (begun === undefined) return local.get(keys.name, wanted, load);
    const found = begun.leads ? undefined : await fromOther(keys, wanted).catch(() => undefined);
    return found ?? loadAndKeep(keys, wanted, begun, load);
  }

  /** Shares the flight if it began under the same generations: nothing was invalidated since. */
  async function share(generations: string, keys: Keys, wanted: Wanted, fly: () => Promise<Found>): Promise<Found> {
    const known = flights.get(keys.name);
    if (known?.generations === generations) {
      const found = await known.promise;
      return found.position >= wanted.needs ? found : fly();
    }
    const promise = fly();
    const flight = { generations, promise };
    flights.set(keys.name, flight);
    try {
      return await promise;
    } finally {
      if (flights.get(keys.name) === flight) flights.delete(keys.name);
    }
  }

  return async ({ keys, generations }, wanted, load) => {
    if (generations !== undefined) return share(generations, keys, wanted, () => lead(keys, wanted, load));
    const begun = await beginLoading(keys).catch(() => undefined);
    if (begun === undefined) return local.get(keys.name, wanted, load);
    return share(begun.generations, keys, wanted, () => lead(keys, wanted, load, begun));
  };
}

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
