import { NO_STREAM, type EventStore, type NewEvent, type RecordedEvent } from '../../eventstore/eventStore.ts';
import { type Change, keysOf, type Projection, type Row } from './projection.ts';

const NONE: readonly never[] = [];

interface Applied {
  readonly projection: Projection;
  readonly change: Change<Row>;
}

/** The projections that apply an event, by its type. */
function appliedBy(projections: readonly Projection[]): ReadonlyMap<string, readonly Applied[]> {
  const byType = new Map<string, Applied[]>();
  for (const projection of projections) {
    for (const [type, change] of Object.entries(projection.on)) {
      if (change !== undefined) byType.set(type, [...(byType.get(type) ?? []), { projection, change }]);
    }
  }
  return byType;
}

/**
 * Adds the tags of what an event may change: of each projection that applies it, its name and the tags of the rows. Some may repeat. If
 * the rows cannot be told, only the name: the event becomes a dead letter and changes no row. An append never fails for it.
 */
function addTags(to: string[], applied: readonly Applied[], stream: string, event: NewEvent): void {
  const recorded: RecordedEvent = { ...event, stream, revision: NO_STREAM, position: 0n };
  for (const { projection, change } of applied) {
    to.push(projection.name);
    if (projection.tags === undefined) continue;
    const named = to.length;
    try {
      for (const key of keysOf(change, recorded)) to.push(...projection.tags(key, null));
    } catch {
      to.length = named;
    }
  }
}

/** A store that notes the tags of what each append changes, with its position, before the append is acknowledged. */
export function noting(
  store: EventStore,
  projections: readonly Projection[],
  note: (tags: readonly string[], position: bigint) => void,
): EventStore {
  const applied = appliedBy(projections);
  return {
    ...store,
    async append(stream, expected, events) {
      const result = await store.append(stream, expected, events);
      if (result.outcome === 'appended') {
        const tags: string[] = [];
        for (const event of events) addTags(tags, applied.get(event.type) ?? NONE, stream, event);
        note(tags, result.position);
      }
      return result;
    },
  };
}
