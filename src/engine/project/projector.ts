import { setTimeout as delay } from 'node:timers/promises';
import { pendingRequests } from '../follow/deadLetters.ts';
import { LeaseLost } from '../follow/lease.ts';
import type { Cache } from '../../cache/cache.ts';
import type { EventStore } from '../../eventstore/eventStore.ts';
import { eventsBetween } from '../../eventstore/scan.ts';
import type { Logger } from '../../platform/log.ts';
import type { Pool } from '../../platform/postgres/pool.ts';
import { createStop, isOver } from '../../platform/backoff.ts';
import type { Progress } from './progress.ts';
import { followingState, projectionStatus, type ProjectionStatus } from './status.ts';
import type { Projection } from './projection.ts';
import { supervise, type Supervised } from './supervise.ts';

/** Events per transaction, at most. Batches get this large only far behind the head and if memory allows. */
const BATCH_EVENTS = 8_000;
/** How often the projector writes checkpoints that moved only in memory, and looks for operators' requests. */
const TICK_MS = 500;
/** Longest wait of `stop` for the running commits. */
const STOP_MS = 4_000;

export interface ProjectorOptions {
  /** Must return `int8` as number: projections see these rows. One connection holds the lock that shows this process alive. */
  readonly pool: Pool;
  readonly store: EventStore;
  readonly projections: readonly Projection[];
  readonly cache: Cache;
  /** Unique to this run of the process. */
  readonly owner: string;
  readonly log: Logger;
  readonly progress: Progress;
  readonly batchEvents?: number;
  readonly leaseMs?: number;
  readonly renewMs?: number;
  readonly onCommitted?: (name: string, position: bigint) => void;
}

export interface Projector {
  start(): Promise<void>;
  /** Finishes the running commits and releases the projections for the next owner. Waits `STOP_MS` at most. */
  stop(): Promise<void>;
  status(): Promise<ProjectionStatus[]>;
}

/**
 * Keeps the read models up to date. One process at a time runs each projection; rows and checkpoint of a batch commit in one
 * transaction. Passing failures are retried without limit. An event that cannot be applied is parked and stops only its own
 * stream in that projection.
 */
export function createProjector(options: ProjectorOptions): Projector {
  const { pool, store, progress, log } = options;
  const all = options.projections.map((projection) =>
    supervise({ ...options, batchEvents: options.batchEvents ?? BATCH_EVENTS }, projection),
  );
  const names = all.map(({ name }) => name);
  const stopping = createStop();
  let running: Promise<unknown> | undefined;

  /** The runs of this moment: one may end, and another begin, while a caller waits. */
  const owned = () => all.flatMap(({ run, follower }) => (run === undefined ? [] : [{ run, follower }]));

  async function lookAfter(): Promise<void> {
    const asked = await pendingRequests(
      pool,
      owned().map(({ follower }) => follower),
    );
    const works = owned().flatMap(({ run, follower }) => [
      run.flush(),
      ...asked.filter(({ consumer }) => consumer === follower).map(({ stream }) => run.drain(stream)),
    ]);
    const results = await Promise.allSettled([...works, progress.refresh(names), loseRebuilt()]);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  /** A rebuild raises the fencing token too. A run with an outdated token loses its lease; the next run empties the cache. */
  async function loseRebuilt(): Promise<void> {
    const runs = owned();
    const { rows } = await pool.query<{ name: string; token: string }>(
      'SELECT name, lease_epoch::text AS token FROM checkpoints WHERE name = ANY($1::text[])',
      [runs.map(({ follower }) => follower)],
    );
    const tokens = new Map(rows.map(({ name, token }) => [name, BigInt(token)]));
    for (const { run, follower } of runs) if (run.lease.epoch !== tokens.get(follower)) run.lease.lose();
  }

  async function lookAfterAll(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      await delay(TICK_MS, undefined, { signal: stop }).catch(() => undefined);
      if (isOver(stop)) return;
      try {
        await lookAfter();
      } catch (error) {
        if (!(error instanceof LeaseLost))
          log.warn({ err: error }, "checkpoints could not be saved, or operators' requests could not be read");
      }
    }
  }

  return {
    start() {
      running ??= Promise.all([...all.map((one) => one.live(stopping.signal)), lookAfterAll(stopping.signal)]);
      return Promise.resolve();
    },

    async stop() {
      stopping.abort();
      const bound = new AbortController();
      await Promise.race([running, delay(STOP_MS, undefined, { signal: bound.signal }).catch(() => undefined)]);
      bound.abort();
    },

    async status() {
      const statuses = await projectionStatus(pool, store, names);
      return Promise.all(statuses.map((status, index) => ownView(store, status, all[index]!)));
    },
  };
}

/** Replaces parts of the database's status by what this process knows better. */
async function ownView(
  store: EventStore,
  status: ProjectionStatus,
  { run, standby, lastError }: Supervised,
): Promise<ProjectionStatus> {
  const error = lastError === undefined ? {} : { lastError };
  if (run === undefined)
    return standby && status.state !== 'rebuilding' ? { ...status, state: 'standby' } : { ...status, ...error };
  const { position } = run;
  const lag = position === status.position ? status.lag : await eventsBetween(store, position, status.head);
  const state = status.state === 'rebuilding' ? status.state : followingState(lag);
  return { ...status, position, lag, state, ...error };
}
