import { isRefusal, unavailable } from '../errors.ts';
import type { RecordedEvent } from './eventStore.ts';

const RULE = 'NewerVersion';

/** The treatment of events that only a newer version knows, in this process. */
export interface NewerEvents {
  /** Followers go past such events. What they change is missing then. */
  readonly pass?: boolean;
  /** Called for each such event that is read. */
  readonly met?: (event: Pick<RecordedEvent, 'type' | 'position'>) => void;
}

/** The events that followers must not pass, each with the reason. */
const stopping = new WeakMap<RecordedEvent, Error>();

/** `schema`: the version of the event's data, when the type itself is known. */
export function newerVersion(type: string, schema?: number): Error {
  const what = schema === undefined ? type : `${type} of version ${schema}`;
  return unavailable(
    'NewerVersion',
    `A newer version of the shop has recorded ${what}, which this process does not know; try again.`,
  );
}

export const isNewerVersion = (error: unknown): boolean => isRefusal(error) && error.rule === RULE;

/** Makes followers stop before this event. */
export const stopAt = (event: RecordedEvent, reason: Error): void => void stopping.set(event, reason);

/** Whether this version of the code does not know the event. */
export const isUnknown = (event: RecordedEvent): boolean => stopping.has(event);

/**
 * The pages up to the first event that this version does not know, where it throws. A follower that passed such an event would leave
 * out what it means for good: its checkpoint would be past it when a newer version takes over.
 */
export async function* knownOnly(
  pages: AsyncIterable<readonly RecordedEvent[]>,
): AsyncGenerator<readonly RecordedEvent[]> {
  for await (const events of pages) {
    const at = events.findIndex(isUnknown);
    if (at !== 0) yield at < 0 ? events : events.slice(0, at);
    if (at >= 0) throw stopping.get(events[at]!)!;
  }
}
