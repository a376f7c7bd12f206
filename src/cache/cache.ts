/** What is cached: the answer's `data` as JSON text ready to be sent, and what goes beside it. */
export interface CachedAnswer {
  readonly json: string;
  /** Byte length of `json` in UTF-8. */
  readonly bytes: number;
  /** JSON text of the pagination block, when there is one. */
  readonly pagination?: string;
  /** ETag revision, as text. */
  readonly revision?: string;
}

/**
 * The cache port. Losing everything in it changes latency, never an answer. `get` runs one loader per key at a time;
 * a loader that began before one of its tags was invalidated never puts its old value back.
 */
export interface Cache {
  /** What is there right now, without loading; undefined on a miss. The hot path of cached GETs. */
  peek(key: string): CachedAnswer | undefined;
  get(
    key: string,
    rule: { ttlMs: number; tags: readonly string[] },
    load: () => Promise<CachedAnswer>,
  ): Promise<CachedAnswer>;
  invalidate(tags: readonly string[]): Promise<void>;
  clear(): Promise<void>;
  stats(): { hits: number; misses: number; entries: number };
  close(): Promise<void>;
}
