import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { RedisConnection } from '../../platform/redis/connection.ts';
import type { Cache, CachedAnswer, Found, Wanted } from '../cache.ts';
import { encode, honoured, type Keys, type Look, type Looks } from './entries.ts';

/** Lifetime of generations, ms. An entry's lifetime is cut to this, so generations outlive every entry. */
const GENERATION_TTL_MS = 3_600_000;
/** How long one process may load for all others, ms. A process that died blocks the key for no longer than this. */
const LEASE_MS = 2_000;
/** How long a process waits, in ms, for the result of another process's loader before it loads by itself. */
export const LEASE_WAIT_MAX_MS = 150;
const LEASE_POLL_MS = 10;
/** Larger answers are not cached: they would delay all other calls on the connection. */
const ENTRY_BYTES_MAX = 1024 * 1024;
const GENERATION_BYTES = 9;

type Load = () => Promise<CachedAnswer>;

/** A loader that runs in this process, and the generations from before it started. */
interface Flight {
  readonly generations: string;
  readonly promise: Promise<Found>;
}

interface Begun {
  readonly generations: string;
  readonly token: string;
  /** Whether this process holds the lease and loads. */
  readonly leads: boolean;
}

export type Loads = (look: Look, wanted: Wanted, load: Load) => Promise<Found>;

interface LoadsOptions {
  readonly connection: RedisConnection;
  readonly looks: Looks;
  /** The cache to use while Redis does not answer. */
  readonly local: Cache;
}

const newGeneration = (): string => randomBytes(GENERATION_BYTES).toString('base64url');

/**
 * Runs loaders: one per key and generations at a time in this process, and usually one among all processes. When Redis does
 * not answer or has no room, the local cache is used. Only the loader's own errors are thrown.
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

  /** Waits a short time for the entry that the lease's holder loads; undefined when it does not come. */
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

  /** Loads the answer and stores it without waiting for Redis. Redis keeps it only if nothing was invalidated meanwhile. */
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

  /** Shares a running loader that started under the same generations, because nothing was invalidated since. */
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
 * Before loading: reads the generations of all tags, creates missing ones, and takes the key's lease if it is free. A lease
 * from under older generations is ignored, because the entry of its holder will not be kept.
 * KEYS: lease, generations…; ARGV: lifetime of generations, of the lease (ms), token, a fresh id per generation.
 * Returns the generations joined by commas, and whether the caller got the lease.
 */
const BEGIN = `
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
 * After loading: releases the lease, and stores the entry if its generations are unchanged since it was loaded.
 * KEYS: lease, entry, generations…; ARGV: token, the generations, lifetime of the entry, of generations (ms), the entry.
 */
const KEEP = `
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

/** After a failed load or one that is too large: releases the lease. KEYS: lease; ARGV: token. */
const GIVE_BACK = `
local held = redis.call('GET', KEYS[1])
if held and string.sub(held, 1, #ARGV[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 0
`;
