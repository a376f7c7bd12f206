import { LRUCache } from 'lru-cache';
import { sealedInUser } from '../aggregates/sealed.ts';
import { userDecider } from '../aggregates/user.ts';
import type { Shop } from '../compose/shop.ts';
import type { EventStore, RecordedEvent } from '../eventstore/eventStore.ts';
import { UUID } from '../platform/ids.ts';

/** Events and persons that an audit remembers, at most, so that a long order does not fill the memory. */
const REMEMBERED_MAX = 10_000;

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly email: string;
}

/** The event that caused another one; it may be in any stream. */
export interface Cause {
  readonly event_id: string;
  readonly type: string;
  readonly stream: string;
  readonly revision: string;
  readonly position: string;
}

const causeOf = ({ id, type, stream, revision, position }: RecordedEvent): Cause => ({
  ...{ event_id: id, type, stream, revision: String(revision), position: String(position) },
});

/** Finds the causes of events. It remembers the last events of the audited stream, and searches the whole log for others. */
export function createCauses(store: Pick<EventStore, 'locate'>) {
  const remembered = new LRUCache<string, Cause>({ max: REMEMBERED_MAX });
  return {
    saw: (event: RecordedEvent): void => void remembered.set(event.id, causeOf(event)),

    /** The causes among these ids, all before a position. Not `complete`: the log was not searched back to its beginning. */
    async of(
      ids: readonly string[],
      before: bigint,
    ): Promise<{ known: ReadonlyMap<string, Cause>; complete: boolean }> {
      const known = new Map<string, Cause>();
      const wanted = new Set<string>();
      for (const id of ids) {
        const cause = remembered.get(id);
        if (cause === undefined) wanted.add(id);
        else known.set(id, cause);
      }
      if (wanted.size === 0) return { known, complete: true };
      const { events, complete } = await store.locate([...wanted], before);
      for (const event of events) known.set(event.id, causeOf(event));
      return { known, complete };
    },
  };
}

/** Finds the active users among actors. */
export function createPeople({ services }: Pick<Shop, 'services'>) {
  const people = new LRUCache<string, { readonly person: Person | null }>({ max: REMEMBERED_MAX });

  async function find(id: string): Promise<Person | null> {
    const { state } = await services.aggregates.load(userDecider, id);
    if (state.status !== 'active') return null;
    const { name, email } = await services.personalData.reveal(state, sealedInUser(id));
    return { id, name, email };
  }

  return async (actors: readonly string[]): Promise<ReadonlyMap<string, Person>> => {
    const found = new Map<string, Person>();
    for (const id of new Set(actors.filter((actor) => UUID.test(actor)))) {
      const known = people.get(id) ?? { person: await find(id) };
      people.set(id, known);
      if (known.person !== null) found.set(id, known.person);
    }
    return found;
  };
}
