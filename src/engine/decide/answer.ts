import { type Command, type Decider, fold } from './decider.ts';
import { type DomainEvent, eventId, READ_PAGE, type RecordedEvent, streamOf } from '../../eventstore/eventStore.ts';
import { missing } from '../../errors.ts';
import { type Projection, replay } from '../project/projection.ts';
import type { Handled } from './services.ts';
import type { Origin } from './command.ts';
import type { Services } from './services.ts';

/** All of a stream up to `upTo` (inclusive); page by page. */
export async function readStream(store: Services['store'], stream: string, upTo?: bigint): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for (;;) {
    const page = await store.read(stream, BigInt(events.length), READ_PAGE);
    events.push(...page);
    const last = page.at(-1);
    if (page.length < READ_PAGE || (upTo !== undefined && last !== undefined && last.revision >= upTo)) break;
  }
  return upTo === undefined ? events : events.filter(({ revision }) => revision <= upTo);
}

/**
 * The row that a projection will have for `id` once it has seen its streams: what a command answers with, made by the
 * projection's own functions. `at` is the revision of the first category's stream to stop at.
 */
export async function rowAfter<R extends object>(
  services: Services,
  projection: Projection<R>,
  id: string,
  options: { at?: bigint; also?: readonly string[] } = {},
): Promise<R> {
  const own = readStream(services.store, streamOf(projection.of, id), options.at);
  const others = (options.also ?? []).map((category) => readStream(services.store, streamOf(category, id)));
  const events = (await Promise.all([own, ...others])).flat();
  events.sort((a, b) => (a.position < b.position ? -1 : 1));
  return replay(projection, id, events) ?? missing('Unknown', 'There is no such thing.');
}

/** The state that a command was decided on, also when that was long ago and this is a repeat. */
export async function stateBefore<State, C extends Command, E extends DomainEvent>(
  { store }: Services,
  decider: Decider<State, C, E>,
  id: string,
  { revision, events }: Pick<Handled<State>, 'revision' | 'events'>,
): Promise<State> {
  const before = await readStream(store, streamOf(decider.category, id), revision - BigInt(events.length));
  return fold(decider, decider.initial, before as unknown as readonly E[]);
}

/** Whether this very command has been handled already, for those that check what its own effect has changed. */
export async function wasHandled({ store }: Services, stream: string, { id, repeatable }: Origin): Promise<boolean> {
  return repeatable && (await store.find(stream, [eventId(id, 0)])).length > 0;
}
