import { randomUUID } from 'node:crypto';
import type { EventStore, Metadata, NewEvent, RecordedEvent } from '../../src/eventstore/eventStore.ts';

const metadata = (): Metadata => ({
  commandId: randomUUID(),
  command: 'DoThing',
  correlationId: randomUUID(),
  actor: 'test',
  occurredAt: '2026-01-01T00:00:00.000Z',
  schema: 1,
});

export const thing = (data: object = { count: 1 }, id: string = randomUUID()): NewEvent => ({
  id,
  type: 'ThingHappened',
  data,
  metadata: metadata(),
});

export const things = (count: number): NewEvent[] => Array.from({ length: count }, (_, index) => thing({ index }));

/** A type that every shop knows and no follower hears. A shop stops before an event of a type that it does not know. */
export const UNHEARD_TYPE = 'ClaimReleased';

/** Events that a whole shop reads past. */
export const unheard = (count: number): NewEvent[] => things(count).map((event) => ({ ...event, type: UNHEARD_TYPE }));

export const newStream = (): string => `thing-${randomUUID()}`;

/** The whole log, page by page. */
export async function wholeLog(store: EventStore, after = 0n): Promise<RecordedEvent[]> {
  const all: RecordedEvent[] = [];
  for (let last = after; ; last = all.at(-1)!.position) {
    const page = await store.readAll(last);
    if (page.length === 0) return all;
    all.push(...page);
  }
}

/** Follows until told to stop, and keeps all events that it gets. */
export function following(
  store: EventStore,
  after: bigint,
  limit?: number,
): { readonly seen: RecordedEvent[]; readonly batches: number[]; stop(): Promise<void> } {
  const ending = new AbortController();
  const seen: RecordedEvent[] = [];
  const batches: number[] = [];
  const running = (async () => {
    const options = { signal: ending.signal, ...(limit === undefined ? {} : { limit }) };
    for await (const events of store.follow(after, options)) {
      seen.push(...events);
      batches.push(events.length);
    }
  })();
  return {
    seen,
    batches,
    async stop() {
      ending.abort();
      await running;
    },
  };
}
