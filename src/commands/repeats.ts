import type { DomainEvent } from '../aggregates/decider.ts';
import { APPEND_EVENTS_MAX, eventId, type EventStore, type RecordedEvent } from '../eventstore/eventStore.ts';
import type { Handled } from './aggregates.ts';
import type { Folded, Folds } from './folds.ts';

/**
 * What commands that are already in the stream came to, by command id: the log itself knows what was done. Asks the log
 * only when the fold cannot tell that a command is new.
 */
export async function findRepeats(
  { store, folds }: { readonly store: EventStore; readonly folds: Folds },
  stream: string,
  folded: Folded,
  commandIds: readonly string[],
): Promise<ReadonlyMap<string, Handled<unknown>>> {
  const doubtful = commandIds.filter((id) => folded.commandIds?.has(id) ?? true);
  if (doubtful.length === 0) return new Map();
  const firstEvents = await store.find(
    stream,
    doubtful.map((id) => eventId(id, 0)),
  );
  const handled = new Map<string, Handled<unknown>>();
  for (const first of firstEvents) {
    const events = await eventsOfCommand(store, first);
    const last = events.at(-1)!;
    handled.set(first.metadata.commandId, {
      state: await folds.stateAt(folded.decider, stream, last.revision),
      revision: last.revision,
      position: last.position,
      events: events.map(({ type, data }): DomainEvent => ({ type, data })),
      repeated: true,
    });
  }
  return handled;
}

/** They were appended together, so they stand side by side. */
async function eventsOfCommand(store: EventStore, first: RecordedEvent): Promise<RecordedEvent[]> {
  const { commandId } = first.metadata;
  const page = await store.read(first.stream, first.revision, APPEND_EVENTS_MAX);
  const end = page.findIndex(({ metadata }) => metadata.commandId !== commandId);
  return end < 0 ? page : page.slice(0, end);
}
