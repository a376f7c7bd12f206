import {
  APPEND_EVENTS_MAX,
  type DomainEvent,
  eventId,
  type EventStore,
  type RecordedEvent,
} from '../../eventstore/eventStore.ts';
import type { Folded, Folds } from './folds.ts';
import type { Handled } from './services.ts';

/** A command that is in the stream already. */
export interface Repeat {
  readonly handled: Handled<unknown>;
  readonly type: string;
}

/**
 * The outcomes of commands that are already in the stream, by command id. Reads the log only for ids that the fold
 * cannot rule out.
 */
export async function findRepeats(
  { store, folds }: { readonly store: EventStore; readonly folds: Folds },
  stream: string,
  folded: Folded,
  commandIds: readonly string[],
): Promise<ReadonlyMap<string, Repeat>> {
  const doubtful = commandIds.filter((id) => folded.commandIds?.has(id) ?? true);
  if (doubtful.length === 0) return new Map();
  const firstEvents = await store.find(
    stream,
    doubtful.map((id) => eventId(id, 0)),
  );
  const repeats = new Map<string, Repeat>();
  for (const first of firstEvents) {
    const events = await eventsOfCommand(store, first);
    const last = events.at(-1)!;
    const handled = {
      state: await folds.stateAt(folded.decider, stream, last.revision),
      revision: last.revision,
      position: last.position,
      events: events.map(({ type, data }): DomainEvent => ({ type, data })),
      repeated: true,
    };
    repeats.set(first.metadata.commandId, { handled, type: first.metadata.command });
  }
  return repeats;
}

/** The events of one command. They were appended together, so they are adjacent in the stream. */
async function eventsOfCommand(store: EventStore, first: RecordedEvent): Promise<RecordedEvent[]> {
  const { commandId } = first.metadata;
  const page = await store.read(first.stream, first.revision, APPEND_EVENTS_MAX);
  const end = page.findIndex(({ metadata }) => metadata.commandId !== commandId);
  return end < 0 ? page : page.slice(0, end);
}
