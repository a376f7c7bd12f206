import { LRUCache } from 'lru-cache';

/** How many event ids are remembered, over all streams. */
export const STREAM_IDS_MAX = 200_000;

export interface KnownIds {
  /** Revision by id. */
  readonly ids: Map<string, bigint>;
  /** Every event up to this revision is among them; -1 is none. */
  readonly to: bigint;
}

/** Which events a stream holds, as far as they have been seen from its beginning on: a log without an index by id. */
export interface StreamIds {
  get(stream: string): KnownIds | undefined;
  /** Ids that stand side by side from revision `first` on; taken when they join on to what is known. Answers what is known then. */
  learn(stream: string, first: bigint, ids: readonly string[], known?: KnownIds): KnownIds | undefined;
}

/** A stream with more events than are remembered altogether is not remembered at all. */
export function createStreamIds(max = STREAM_IDS_MAX): StreamIds {
  const streams = new LRUCache<string, { ids: Map<string, bigint>; to: bigint }>({
    maxSize: max,
    sizeCalculation: ({ ids }) => ids.size + 1,
  });
  return {
    get: (stream) => streams.get(stream),
    learn(stream, first, ids, known = streams.get(stream)) {
      const { ids: map, to } = known ?? { ids: new Map<string, bigint>(), to: -1n };
      if (first > to + 1n) return known;
      ids.slice(Number(to + 1n - first)).forEach((id, index) => map.set(id, to + 1n + BigInt(index)));
      const last = first + BigInt(ids.length) - 1n;
      const more = { ids: map, to: last > to ? last : to };
      streams.set(stream, more);
      return more;
    },
  };
}
