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

/** What an answer must be, and what is known of the read models it is made from, at the moment it is asked for. */
export interface Wanted {
  readonly ttlMs: number;
  readonly tags: readonly string[];
  /** The answer must include every event up to here; never beyond `passed`. */
  readonly needs: bigint;
  /** The read models include every event up to here, so a loader that begins now sees them. */
  readonly passed: bigint;
  /** Every invalidation up to here was made through this very cache, because this process projects the read models. */
  readonly announced: bigint;
}

export interface Found {
  readonly answer: CachedAnswer;
  /** The answer includes every event up to here; at least what was needed. */
  readonly position: bigint;
}

/**
 * The cache port. Losing everything in it changes latency, never an answer. `get` runs one loader per key at a time;
 * a loader that began before one of its tags was invalidated never puts its old value back. Only a loader's own failure
 * is ever thrown.
 */
export interface Cache {
  /** What is there right now, without loading or waiting; undefined on a miss, and always where one would have to wait. */
  peek(key: string): CachedAnswer | undefined;
  get(key: string, wanted: Wanted, load: () => Promise<CachedAnswer>): Promise<Found>;
  invalidate(tags: readonly string[]): Promise<void>;
  clear(): Promise<void>;
  /** Projections of another process were seen to have moved: what only this process remembers may be old now. */
  othersMoved(): Promise<void>;
  stats(): { hits: number; misses: number; entries: number };
  close(): Promise<void>;
}
