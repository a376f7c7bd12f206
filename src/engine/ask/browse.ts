import type { EventStore, RecordedEvent } from '../../eventstore/eventStore.ts';

/** Events that one page looks through, at most: what a page costs does not depend on how rare the wanted events are. */
export const LOOKED_THROUGH_MAX = 5_000;
/** Events that are read at once. */
const CHUNK = 500;

/** Where to look, and in which order. */
export interface Browsed {
  /** Only this stream; the whole log when absent. */
  readonly stream?: string | undefined;
  readonly newestFirst: boolean;
  /** The revision in the stream, or the position in the log, of the event that was looked at last; the beginning when absent. */
  readonly after?: bigint | undefined;
  readonly limit: number;
}

export interface BrowsedPage {
  readonly events: readonly RecordedEvent[];
  /** Where the next page goes on; absent when everything has been looked at. There may be a next page although this one is empty. */
  readonly next?: bigint;
}

type Reads = Pick<EventStore, 'read' | 'readBack' | 'readAll' | 'readAllBack'>;

function chunk(store: Reads, { stream, newestFirst }: Browsed, after: bigint | undefined): Promise<RecordedEvent[]> {
  if (stream === undefined) {
    return newestFirst ? store.readAllBack(after, CHUNK) : store.readAll(after ?? 0n, CHUNK);
  }
  return newestFirst
    ? store.readBack(stream, after, CHUNK)
    : store.read(stream, after === undefined ? 0n : after + 1n, CHUNK);
}

/** One page of the wanted events, in the order of the log, which no clock decides. */
export async function browse(
  store: Reads,
  browsed: Browsed,
  isWanted: (event: RecordedEvent) => boolean,
): Promise<BrowsedPage> {
  const placeOf = ({ position, revision }: RecordedEvent): bigint =>
    browsed.stream === undefined ? position : revision;
  const events: RecordedEvent[] = [];
  let { after } = browsed;
  for (let looked = 0; looked < LOOKED_THROUGH_MAX; looked += CHUNK) {
    const read = await chunk(store, browsed, after);
    const isLast = read.length < CHUNK;
    for (const [at, event] of read.entries()) {
      after = placeOf(event);
      if (isWanted(event)) events.push(event);
      if (events.length === browsed.limit) {
        return isLast && at === read.length - 1 ? { events } : { events, next: after };
      }
    }
    if (isLast) return { events };
  }
  return after === undefined ? { events } : { events, next: after };
}
