import type { Logger } from '../platform/log.ts';
import type { Lease } from '../engine/follow/lease.ts';
import type { EventStore, RecordedEvent } from '../eventstore/eventStore.ts';
import { type Connection, type Pool, type Queryable, withTx } from '../platform/postgres/pool.ts';
import { isPassing } from '../platform/postgres/sqlstate.ts';
import type { Semaphore } from '../platform/semaphore.ts';
import type { Signals } from './attempts.ts';
import { rest } from '../platform/backoff.ts';
import type { RetryPolicy, Subscription } from './bus.ts';
import type { Feed, OpenFeed } from './feed.ts';
import type { Window } from './window.ts';

export interface ConsumerLimits {
  /** Handlers that run at once, at most. */
  readonly handlersMax: number;
  /** Reading waits at this many started and unfinished events. */
  readonly unfinishedMax: number;
  /** Events of one stream in memory, at most. Further ones are parked in the database. */
  readonly streamEventsMax: number;
  /** Reading waits at this many events that are finished above the checkpoint. */
  readonly beyondMax: number;
  /** Interval between saves of the checkpoint, ms. */
  readonly saveMs: number;
  /** Interval between look-ups of operators' requests, ms. */
  readonly pollMs: number;
  /** How long stopping waits for handlers before it aborts them, ms. */
  readonly stopMs: number;
}

export interface ConsumerDeps {
  readonly pool: Pool;
  readonly store: EventStore;
  readonly openFeed: OpenFeed;
  readonly retry: RetryPolicy;
  /** How long an event is retried while a dependency does not answer, ms. Then it becomes a dead letter. */
  readonly patienceMs: number;
  readonly limits: ConsumerLimits;
  readonly log: Logger;
}

/** One stream with unfinished events: in memory (`queue`), on their way to the database (`overflow`), or parked there. */
export interface Stream {
  readonly name: string;
  readonly queue: RecordedEvent[];
  readonly overflow: RecordedEvent[];
  /** Some of its events are in the database, so new ones go there too. */
  parked: boolean;
  /** Number of events that have overflowed so far. Shows whether an earlier look-up of parked events is still up to date. */
  overflowed: number;
  working: boolean;
  spilling: Promise<void> | undefined;
}

/** A consumer's work under one lease. */
export interface ConsumerRun extends ConsumerDeps, Signals {
  readonly subscription: Subscription;
  readonly lease: Lease;
  readonly window: Window;
  readonly feed: Feed;
  readonly permits: Semaphore;
  /** Ids of events above the checkpoint that earlier owners finished. */
  readonly done: Set<string>;
  readonly streams: Map<string, Stream>;
  readonly tasks: Set<Promise<void>>;
  /** The last started save. Never rejects. */
  saving: Promise<void>;
  /** Highest position in `handled_events`; `-1n` when there is none. */
  remembered: bigint;
  wake: (() => void) | undefined;
  readonly onFailure: (error: unknown) => void;
  /** Ends this run. The next run starts from the checkpoint. */
  readonly fail: (error: unknown) => void;
}

const PERSIST_ATTEMPTS_MAX = 5;
const PERSIST_DELAY_MS = 250;

/** Adds a task to the run. Its failure ends the run. */
export function track(run: ConsumerRun, task: Promise<void>): void {
  const tracked = task
    .catch((error: unknown) => {
      if (!run.abort.aborted) run.fail(error);
    })
    .finally(() => run.tasks.delete(tracked));
  run.tasks.add(tracked);
}

export function finish(run: ConsumerRun, event: RecordedEvent, remembered: boolean): void {
  run.window.finish(event.position, remembered ? undefined : event.id);
  run.feed.finished(event.position);
  run.wake?.();
}

/** Saves checkpoint, ids finished above it, and the writes of `work`, in one transaction. Throws if the lease is lost. */
async function saveOnce(run: ConsumerRun, work?: (tx: Connection) => Promise<void>): Promise<void> {
  const { window, pool, lease, subscription } = run;
  const mark = window.lowWater;
  const finished = window.takeUnremembered();
  if (work === undefined && mark === lease.position && finished.length === 0) return;
  try {
    await withTx(pool, async (tx) => {
      await lease.advance(tx, mark);
      await remember(tx, subscription.name, finished);
      if (run.remembered >= 0n) await forget(tx, subscription.name, mark);
      await work?.(tx);
    });
  } catch (error) {
    window.restore(finished);
    throw error;
  }
  lease.moved(mark);
  for (const { position } of finished) if (position > run.remembered) run.remembered = position;
  if (run.remembered <= mark) run.remembered = -1n;
  run.wake?.();
}

/** Saves one after the other, so an older checkpoint never overwrites a newer one. */
export function save(run: ConsumerRun, work?: (tx: Connection) => Promise<void>): Promise<void> {
  const saving = run.saving.then(() => saveOnce(run, work));
  run.saving = saving.catch(() => undefined);
  return saving;
}

/** Saves with retries: without limit while the database is unreachable, otherwise up to `PERSIST_ATTEMPTS_MAX` attempts. */
export async function saveSurely(run: ConsumerRun, work: (tx: Connection) => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await save(run, work);
      return;
    } catch (error) {
      run.onFailure(error);
      if (run.abort.aborted || (!isPassing(error) && attempt >= PERSIST_ATTEMPTS_MAX)) throw error;
      run.log.warn({ err: error, consumer: run.subscription.name }, 'a consumer could not save its progress');
    }
    await rest(PERSIST_DELAY_MS, run.abort);
  }
}

/** The events above `after` that this consumer has handled or parked. */
export async function doneAfter(
  db: Queryable,
  consumer: string,
  after: bigint,
): Promise<{ id: string; position: bigint }[]> {
  const { rows } = await db.query<{ id: string; position: bigint }>(
    `SELECT event_id AS id, position FROM handled_events WHERE consumer = $1 AND position > $2
     UNION SELECT event_id, position FROM dead_letters WHERE consumer = $1 AND position > $2`,
    [consumer, String(after)],
  );
  return rows;
}

async function remember(
  tx: Queryable,
  consumer: string,
  events: readonly { id: string; position: bigint }[],
): Promise<void> {
  if (events.length === 0) return;
  await tx.query(
    `INSERT INTO handled_events (consumer, event_id, position)
     SELECT $1, * FROM unnest($2::uuid[], $3::bigint[]) ON CONFLICT DO NOTHING`,
    [consumer, events.map(({ id }) => id), events.map(({ position }) => String(position))],
  );
}

/** Deletes the remembered events that the checkpoint covers. */
async function forget(tx: Queryable, consumer: string, upTo: bigint): Promise<void> {
  await tx.query('DELETE FROM handled_events WHERE consumer = $1 AND position <= $2', [consumer, String(upTo)]);
}
