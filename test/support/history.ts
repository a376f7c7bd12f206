import { type HistoryEntry, historyPage, type Reader } from '../../src/engine/ask/history.ts';
import { type Projection, replay } from '../../src/engine/project/projection.ts';
import type { RecordedEvent } from '../../src/eventstore/eventStore.ts';

/** Shows every event, and folds the row with the projection's own functions. */
export function createReader<R extends object>(projection: Projection<R>, key: string): Reader<R> {
  let row: R | undefined;
  return (event) => {
    row = replay(projection, key, [event], row);
    return { event, row };
  };
}

/** The history of a row, one entry per event. */
export async function historyOf<R extends object>(
  projection: Projection<R>,
  key: string,
  events: readonly RecordedEvent[],
  view: (row: R) => unknown,
): Promise<readonly HistoryEntry[]> {
  const pages = async function* (): AsyncGenerator<readonly RecordedEvent[]> {
    yield await Promise.resolve(events);
  };
  const asSeen = { read: createReader(projection, key), view };
  return (await historyPage(pages(), asSeen, { limit: events.length })).entries;
}
