import type { EventStore, RecordedEvent } from '../../eventstore/eventStore.ts';
import type { Logger } from '../../platform/log.ts';
import type { Queryable } from '../../platform/postgres/pool.ts';
import { type DeadLetter, parkedOf, settle } from './deadLetters.ts';

/** The outcome of handling a parked event again. */
export type Redone =
  | { readonly kind: 'handled' }
  | { readonly kind: 'failed'; readonly reason: string }
  /** The follower is stopping: the event stays as it is. */
  | { readonly kind: 'interrupted' };

/** Writes in the caller's transaction. */
export type Write = (tx: Queryable) => Promise<void>;

/** The parts of a follower that handle its parked events. */
export interface Parked {
  readonly pool: Queryable;
  readonly store: Pick<EventStore, 'read'>;
  readonly log: Logger;
  /** The name under which the follower's events are parked. */
  readonly follower: string;
  /** Whether the follower is stopping: no further event may be started. */
  isOver(): boolean;
  /** Handles an event again. If that succeeds, `settle` has run in the transaction of the event's own work. */
  redo(event: RecordedEvent, settle: Write): Promise<Redone>;
  /** Writes in a transaction of its own, under the follower's lease. */
  commit(write: Write): Promise<void>;
}

/** The result of handling one page of a stream's parked events. */
export interface Released {
  /** Whether every event of the page is settled, so the stream may go on. */
  readonly open: boolean;
  readonly events: number;
}

/** Handles a page of a stream's parked events, oldest first, up to the first one that waits for an operator. */
export async function release(parked: Parked, stream: string): Promise<Released> {
  const letters = await parkedOf(parked.pool, parked.follower, stream);
  for (const [events, letter] of letters.entries()) {
    const open = !parked.isOver() && letter.status !== 'dead' && (await releaseOne(parked, letter));
    if (!open) return { open, events };
  }
  return { open: true, events: letters.length };
}

/** Skips the event or handles it again. Returns whether the stream may go on. */
async function releaseOne(parked: Parked, letter: DeadLetter): Promise<boolean> {
  const { follower, store, log } = parked;
  const { id, stream, revision, eventId } = letter;
  const actor = `system:${follower}`;
  if (letter.status === 'skip') {
    await parked.commit((tx) => settle(tx, id, { status: 'skipped', actor }));
    return true;
  }
  const [event] = await store.read(stream, revision, 1);
  const redone: Redone =
    event?.id === eventId
      ? await parked.redo(event, (tx) => settle(tx, id, { status: 'resolved', actor }))
      : { kind: 'failed', reason: 'the event is not in the log at this revision' };
  if (redone.kind === 'failed') {
    const { reason } = redone;
    await parked.commit((tx) => settle(tx, id, { status: 'dead', actor, reason }));
    log.warn({ follower, eventId, stream, reason }, 'a parked event failed again');
  }
  return redone.kind === 'handled';
}
