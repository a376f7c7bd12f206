import type { Cache } from '../../cache/cache.ts';
import type { Lease } from '../follow/lease.ts';
import type { EventStore, RecordedEvent } from '../../eventstore/eventStore.ts';
import { failpoint } from '../../platform/failpoint.ts';
import type { Logger } from '../../platform/log.ts';
import type { Pool } from '../../platform/postgres/pool.ts';
import { traced, type SpanDetails } from '../../platform/trace.ts';
import { changesAnything, type Folded } from './apply.ts';
import { drain } from './drain.ts';
import { project, type Sink } from './bisect.ts';
import type { Prepared } from './validate.ts';
import type { Progress } from './progress.ts';
import { NOTHING, type Table } from './table.ts';

/** Events that a projection ignores move its checkpoint only in memory. After this many events it is written. */
const LAZY_EVENTS_MAX = 1_000;

export interface ProjectionRunDeps {
  readonly pool: Pool;
  readonly store: EventStore;
  readonly cache: Cache;
  readonly progress: Progress;
  readonly log: Logger;
  readonly onCommitted?: ((name: string, position: bigint) => void) | undefined;
}

/** One projection's work under one lease. Its methods run one after the other and never overlap. */
export interface ProjectionRun {
  /** Every event up to here is in the table or parked. The checkpoint's row may be some events behind. */
  readonly position: bigint;
  readonly lease: Lease;
  /** Streams with parked events. */
  readonly blocked: Set<string>;
  /** Applies the new events of a page of the log. */
  take(events: readonly RecordedEvent[]): Promise<void>;
  /** Lets queries count on the position, unless it is in doubt. */
  show(): void;
  /** Writes the position to the checkpoint's row, unless it is in doubt. */
  flush(): Promise<void>;
  /** Carries out operators' requests on this stream, and applies the events that waited behind. */
  drain(stream: string): Promise<void>;
}

/** A batch has events of many traces, so its span links to all of them. */
const batchSpan = (name: string, events: readonly RecordedEvent[]): SpanDetails => ({
  kind: 'consumer',
  name: `project ${name}`,
  links: events.map(({ metadata }) => metadata.traceparent),
  attributes: {
    'messaging.system': 'cartulary',
    'messaging.operation.name': 'project',
    'messaging.operation.type': 'process',
    'messaging.consumer.group.name': name,
    'messaging.batch.message_count': events.length,
  },
});

function turns() {
  let last: Promise<unknown> = Promise.resolve();
  return (work: () => Promise<void>): Promise<void> => {
    const turn = last.then(work);
    last = turn.catch(() => undefined);
    return turn;
  };
}

/** A run's part in what queries count on. */
function createConfidence(
  progress: Progress,
  { name, lease, position }: { name: string; lease: Lease; position: () => bigint },
) {
  /** The connections lost before the lease was taken. Taking it commits to the disk, with all that was before. */
  const before = progress.doubts;

  /** Lets queries count on the position, unless it is in doubt or the lease is lost. */
  function show(): void {
    if (before === progress.doubts && !lease.lost.aborted) progress.set(name, position());
  }

  /**
   * Throws `LeaseLost` after a lost connection. A crash may have taken the last commits, because they did not wait for the disk, and a
   * failover the events themselves that this run holds. The next run reads the log anew from the checkpoint.
   */
  function mustBeSure(): void {
    if (before !== progress.doubts) throw lease.lose();
  }

  return { mustBeSure, show };
}

export function createProjectionRun(
  deps: ProjectionRunDeps,
  prepared: Prepared,
  table: Table,
  lease: Lease,
): ProjectionRun {
  const { pool, progress } = deps;
  const { name, changes } = prepared;
  const blocked = new Set<string>();
  const inTurn = turns();
  let position = lease.position;
  /** Events passed since the checkpoint's row was written. */
  let lazy = 0;
  const { mustBeSure, show } = createConfidence(progress, { name, lease, position: () => position });

  async function commit(to: bigint, folded: Folded): Promise<void> {
    mustBeSure();
    if (changesAnything(folded)) {
      failpoint('projection:before-commit');
      await table.commit(pool, lease, to, folded);
      failpoint('projection:after-commit');
      lease.moved(to);
      position = to;
      lazy = 0;
      await announce(deps, prepared, folded);
    }
    position = to;
    show();
    deps.onCommitted?.(name, to);
  }

  const sink: Sink = { load: (keys) => table.load(pool, keys), commit };

  async function flush(): Promise<void> {
    mustBeSure();
    if (position === lease.position) return;
    const to = position;
    await table.commit(pool, lease, to, NOTHING);
    lease.moved(to);
    lazy = 0;
  }

  async function take(events: readonly RecordedEvent[]): Promise<void> {
    const last = events.at(-1)!.position;
    const relevant = events.filter((event) => event.position > position && changes.has(event.type));
    lazy += events.length;
    if (relevant.length > 0) {
      await traced(
        () => batchSpan(name, relevant),
        () => project(prepared, sink, blocked, { events: relevant, position: last }),
      );
    } else await commit(last, NOTHING);
    if (lazy >= LAZY_EVENTS_MAX) await flush();
  }

  return {
    get position() {
      return position;
    },
    lease,
    blocked,
    show,
    take: (events) => inTurn(() => take(events)),
    flush: () => inTurn(flush),
    drain: (stream) =>
      inTurn(async () => {
        const released = await drain(
          { ...deps, prepared, table, lease, announce: (folded) => announce(deps, prepared, folded) },
          stream,
        );
        if (released) blocked.delete(stream);
      }),
  };
}

function tagsOf({ name, projection }: Prepared, { rows }: Folded): string[] {
  const tags = new Set([name]);
  for (const [key, { row, changed }] of rows) {
    if (!changed) continue;
    for (const tag of projection.tags?.(key, row ?? null) ?? []) tags.add(tag);
  }
  return [...tags];
}

/** After a commit: logs dead letters and invalidates the cache. Runs before waiters are resolved, so none gets an older answer. */
async function announce({ cache, log }: ProjectionRunDeps, prepared: Prepared, folded: Folded): Promise<void> {
  const projection = prepared.name;
  for (const { event, status, reason } of folded.parkings) {
    if (status !== 'dead') continue;
    const { id, type, stream } = event;
    log.error({ projection, eventId: id, type, stream, reason }, 'an event became a dead letter');
  }
  try {
    await cache.invalidate(tagsOf(prepared, folded));
  } catch (error) {
    log.warn({ err: error, projection }, 'tags not invalidated; emptying the cache');
    await cache.clear().catch((unclear: unknown) => log.error({ err: unclear }, 'the cache does not answer'));
  }
}
