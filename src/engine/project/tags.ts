import { NO_STREAM, type EventStore, type NewEvent } from '../../eventstore/eventStore.ts';
import { keysOf, type Projection } from './projection.ts';

/** The tags of what an event may change: of each projection that applies it, its name and the tags of the rows. */
function tagsOf(projections: readonly Projection[], stream: string, event: NewEvent): string[] {
  const recorded = { ...event, stream, revision: NO_STREAM, position: 0n };
  return projections.flatMap((projection) => {
    const { name, on } = projection;
    const change = Object.hasOwn(on, event.type) ? on[event.type] : undefined;
    if (change === undefined) return [];
    return [name, ...surely(() => keysOf(change, recorded).flatMap((key) => projection.tags?.(key, null) ?? []))];
  });
}

/** No tags when the rows of an event cannot be told: it becomes a dead letter and changes nothing. An append never fails for it. */
function surely(tags: () => readonly string[]): readonly string[] {
  try {
    return tags();
  } catch {
    return [];
  }
}

/** A store that notes the tags of what each append changes, with its position, before the append is acknowledged. */
export const noting = (
  store: EventStore,
  projections: readonly Projection[],
  note: (tags: Iterable<string>, position: bigint) => void,
): EventStore => ({
  ...store,
  async append(stream, expected, events) {
    const result = await store.append(stream, expected, events);
    if (result.outcome === 'appended')
      note(new Set(events.flatMap((event) => tagsOf(projections, stream, event))), result.position);
    return result;
  },
});
