import { LRUCache } from 'lru-cache';
import { createGenerations } from '../platform/generations.ts';
import type { Cache, CachedAnswer, Wanted } from './cache.ts';

/** Tags with a remembered last invalidation, at most. All older tags share one: the newest of theirs. */
const TAGS_REMEMBERED_MAX = 100_000;
/** Bytes counted for an entry in addition to its JSON and key. */
const ENTRY_OVERHEAD_BYTES = 256;

export interface MemoryCacheOptions {
  readonly entriesMax: number;
  readonly bytesMax: number;
  readonly tagsMax?: number;
  /** Monotonic, in milliseconds; for tests. */
  readonly now?: () => number;
}

interface Entry {
  readonly answer: CachedAnswer;
  readonly tags: readonly string[];
  /** Value of the invalidation clock when the entry's loader started. */
  readonly bornAt: number;
  readonly expiresAt: number;
}

interface Flight {
  readonly promise: Promise<CachedAnswer>;
  readonly bornAt: number;
}

/** Remembers when each tag was last invalidated, in ticks of a logical clock. `floor` stands for all forgotten tags. */
function createTagClock(tagsMax: number) {
  let clock = 0;
  let floor = 0;
  const ticks = createGenerations<string, number>(tagsMax, (tick) => {
    floor = Math.max(floor, tick);
  });
  return {
    now: () => clock,
    invalidate(tags: readonly string[]): void {
      clock += 1;
      for (const tag of tags) ticks.set(tag, clock);
    },
    invalidateAll(): void {
      clock += 1;
      floor = clock;
      ticks.clear();
    },
    /** Whether none of the tags was invalidated after `tick`. */
    holds: (tags: readonly string[], tick: number): boolean => tags.every((tag) => (ticks.get(tag) ?? floor) <= tick),
  };
}

/**
 * The cache of one process: an LRU cache, limited in entries and bytes. Invalidation does not touch entries: an entry or a
 * running loader is valid only while none of its tags was invalidated after its start.
 */
export function createMemoryCache(options: MemoryCacheOptions): Cache {
  const now = options.now ?? (() => performance.now());
  const tagClock = createTagClock(options.tagsMax ?? TAGS_REMEMBERED_MAX);
  const flights = new Map<string, Flight>();
  const entries = new LRUCache<string, Entry>({
    max: options.entriesMax,
    maxSize: options.bytesMax,
    sizeCalculation: ({ answer }, key) => answer.bytes + key.length + ENTRY_OVERHEAD_BYTES,
  });
  let hits = 0;
  let misses = 0;

  const current = (key: string): CachedAnswer | undefined => {
    const entry = entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.expiresAt > now() && tagClock.holds(entry.tags, entry.bornAt)) return entry.answer;
    entries.delete(key);
    return undefined;
  };

  const peek = (key: string): CachedAnswer | undefined => {
    const found = current(key);
    if (found !== undefined) hits += 1;
    return found;
  };

  const startLoad = (
    key: string,
    { ttlMs, tags }: Wanted,
    load: () => Promise<CachedAnswer>,
  ): Promise<CachedAnswer> => {
    const bornAt = tagClock.now();
    const promise = load()
      .then((answer) => {
        if (tagClock.holds(tags, bornAt)) entries.set(key, { answer, tags, bornAt, expiresAt: now() + ttlMs });
        return answer;
      })
      .finally(() => {
        if (flights.get(key)?.promise === promise) flights.delete(key);
      });
    flights.set(key, { promise, bornAt });
    return promise;
  };

  const clear = (): Promise<void> => {
    tagClock.invalidateAll();
    entries.clear();
    return Promise.resolve();
  };

  return {
    peek,
    look: () => undefined,
    async get(key, wanted, load) {
      // All invalidations up to `passed` have been applied here, so a valid entry includes that position.
      const { passed: position } = wanted;
      const found = peek(key);
      if (found !== undefined) return { answer: found, position };
      misses += 1;
      const flight = flights.get(key);
      const joined = flight !== undefined && tagClock.holds(wanted.tags, flight.bornAt);
      return { answer: await (joined ? flight.promise : startLoad(key, wanted, load)), position };
    },
    invalidate(tags) {
      tagClock.invalidate(tags);
      return Promise.resolve();
    },
    clear,
    othersMoved: clear,
    stats: () => ({ hits, misses, entries: entries.size }),
    close() {
      entries.clear();
      return Promise.resolve();
    },
  };
}
