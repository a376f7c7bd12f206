/** A cached answer: its `data` as JSON text ready to send, and the other parts of the response. */
export interface CachedAnswer {
  readonly json: string;
  /** Byte length of `json` in UTF-8. */
  readonly bytes: number;
  /** JSON text of the pagination block, when there is one. */
  readonly pagination?: string;
  /** ETag revision, as text. */
  readonly revision?: string;
}

/** Requirements for an answer, and the state of its read models at the time of the request. */
export interface Wanted {
  readonly ttlMs: number;
  readonly tags: readonly string[];
  /** The answer must include every event up to here. Never above `passed`. */
  readonly needs: bigint;
  /** The read models include every event up to here, so a loader that starts now sees them. */
  readonly passed: bigint;
  /** Every invalidation up to here went through this cache, because this process runs the projections. 0 if it does not. */
  readonly announced: bigint;
}

export interface Found {
  readonly answer: CachedAnswer;
  /** The answer includes every event up to here; at least `needs`. */
  readonly position: bigint;
}

/** The state of one key in a cache that processes share. */
export interface Sight {
  /** The last change of what has the key's tags, by any process. */
  readonly changed: bigint;
  /** The answer, if it includes all that is needed. */
  found(wanted: Pick<Wanted, 'needs' | 'announced'>): Found | undefined;
}

/**
 * The cache port. Losing its whole content changes latency, never an answer. `get` shares one running loader per key, unless a
 * tag was invalidated since that loader started. Such an outdated loader's value is never stored. Only a loader's own errors
 * are thrown.
 */
export interface Cache {
  /** The answer in memory, without loading or waiting. Undefined on a miss, and always for a cache that needs a network call. */
  peek(key: string): CachedAnswer | undefined;
  /** Looks at the key in a cache that processes share, before it is known what is needed. Undefined without one. Never rejects. */
  look(key: string, tags: readonly string[]): Promise<Sight | undefined> | undefined;
  get(key: string, wanted: Wanted, load: () => Promise<CachedAnswer>): Promise<Found>;
  invalidate(tags: readonly string[]): Promise<void>;
  clear(): Promise<void>;
  /** Call it when projections of another process have moved. Entries that only this process holds may be outdated. */
  othersMoved(): Promise<void>;
  stats(): { hits: number; misses: number; entries: number };
  close(): Promise<void>;
}
