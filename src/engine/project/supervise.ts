import { blockedStreams } from '../follow/deadLetters.ts';
import { isOver, reasonOf, rest } from '../follow/retry.ts';
import { acquireLease, type Lease, LeaseLost } from '../follow/lease.ts';
import type { RecordedEvent } from '../../eventstore/eventStore.ts';
import { PAGE_FIRST } from '../../eventstore/pageSize.ts';
import { isPassing } from '../../platform/postgres/pool.ts';
import { createPace } from '../follow/linger.ts';
import { prepare, type Prepared } from './validate.ts';
import type { Projection } from './projection.ts';
import { type Table, tableOf } from './table.ts';
import { createRun, type Run, type RunDeps } from './run.ts';

/** How often a process that does not own a projection tries to. */
export const OWN_RETRY_MS = 500;
const RETRY_MS = 50;
/** A database that is away comes back; anything else wants a human, who need not be called every second. */
const RETRY_PASSING_MAX_MS = 2_000;
const RETRY_MAX_MS = 10_000;

export interface SuperviseDeps extends RunDeps {
  readonly owner: string;
  readonly batchEvents: number;
  readonly leaseMs?: number;
  readonly renewMs?: number;
}

/** One projection in this process, owned by it or not. */
export interface Supervised {
  readonly name: string;
  readonly follower: string;
  /** Present while this process owns it. */
  readonly run: Run | undefined;
  /** Another process owns it. */
  readonly standby: boolean;
  readonly lastError: string | undefined;
  /** Resolves when `stop` has aborted and all is given back. */
  live(stop: AbortSignal): Promise<void>;
}

const backoff = (failures: number, error: unknown): number =>
  Math.min(RETRY_MS * 2 ** Math.min(failures, 16), isPassing(error) ? RETRY_PASSING_MAX_MS : RETRY_MAX_MS) *
  (0.5 + Math.random() / 2);

interface State extends SuperviseDeps {
  readonly prepared: Prepared;
  readonly table: Table;
  run: Run | undefined;
  standby: boolean;
  lastError: string | undefined;
}

/** Keeps one projection up to date whenever no other process does, for as long as this one lives. */
export function supervise(deps: SuperviseDeps, projection: Projection): Supervised {
  const prepared = prepare(projection);
  const table = tableOf(prepared);
  const { name, follower } = prepared;
  const state: State = { ...deps, prepared, table, run: undefined, standby: false, lastError: undefined };
  return {
    name,
    follower,
    get run() {
      return state.run;
    },
    get standby() {
      return state.standby;
    },
    get lastError() {
      return state.lastError;
    },
    live: (stop) => live(state, stop),
  };
}

async function live(state: State, stop: AbortSignal): Promise<void> {
  let failures = 0;
  while (!isOver(stop)) {
    try {
      const lease = await acquireLease(state.pool, { ...state, name: state.prepared.follower });
      state.standby = lease === undefined;
      if (lease === undefined) await rest(OWN_RETRY_MS, stop);
      else await own(state, lease, stop);
      failures = 0;
    } catch (error) {
      if (isOver(stop)) return;
      if (error instanceof LeaseLost) continue;
      failures += 1;
      await rest(fail(state, error, failures), stop);
    }
  }
}

async function own(state: State, lease: Lease, stop: AbortSignal): Promise<void> {
  const ending = new AbortController();
  const ended = AbortSignal.any([stop, lease.lost, ending.signal]);
  const run = createRun(state, state.prepared, state.table, lease);
  try {
    const unfinished = await begin(state, run);
    state.run = run;
    for (const stream of unfinished) await run.drain(stream);
    await follow(state, run, ended);
  } finally {
    ending.abort();
    state.run = undefined;
    if (!lease.lost.aborted) await run.flush().catch(() => undefined);
    state.progress.set(state.prepared.name, undefined);
    await lease.release().catch(() => undefined);
  }
}

/** Says what is wrong, here and to other processes; answers how long to wait before trying again, ms. */
function fail(state: State, error: unknown, failures: number): number {
  const { pool, owner, log, prepared } = state;
  const pauseMs = backoff(failures, error);
  state.lastError = reasonOf(error);
  log.error({ err: error, projection: prepared.name, failures, pauseMs }, 'a projection does not get on; trying again');
  pool
    .query('UPDATE checkpoints SET last_error = $2 WHERE name = $1 AND (owner IS NULL OR owner = $3)', [
      prepared.follower,
      state.lastError,
      owner,
    ])
    .catch(() => undefined);
  return pauseMs;
}

/** What an owner must know before its first event; answers the streams that an earlier one left half released. */
async function begin({ pool, cache, progress, prepared }: State, run: Run): Promise<string[]> {
  const parked = await blockedStreams(pool, prepared.follower);
  for (const { stream } of parked) run.blocked.add(stream);
  // What is cached may be older than the rows: another owner or a rebuild wrote them.
  await cache.clear();
  progress.set(prepared.name, run.position);
  return parked.filter(({ dead }) => !dead).map(({ stream }) => stream);
}

/** Pulls the log; near its head it lets a few events gather. */
async function follow(state: State, run: Run, ended: AbortSignal): Promise<void> {
  const { store, batchEvents } = state;
  const pace = createPace();
  const manyEvents = Math.min(batchEvents, PAGE_FIRST);
  for await (const events of store.follow(run.position, { signal: ended, limit: batchEvents })) {
    if (isOver(ended)) return;
    const beganAt = performance.now();
    const { position } = run.lease;
    await takeSurely(state, run, { events, ended });
    if (events.length >= manyEvents) continue;
    const lingerMs = run.lease.position === position ? 0 : pace.after(events.length, beganAt);
    if (lingerMs >= 1) await rest(lingerMs, ended);
  }
}

/** For as long as it takes; gives up only when the lease or the process ends. */
async function takeSurely(
  state: State,
  run: Run,
  { events, ended }: { events: readonly RecordedEvent[]; ended: AbortSignal },
): Promise<void> {
  for (let failures = 1; ; failures += 1) {
    try {
      await run.take(events);
      state.lastError = undefined;
      return;
    } catch (error) {
      if (error instanceof LeaseLost || isOver(ended)) throw error;
      await rest(fail(state, error, failures), ended);
      if (isOver(ended)) throw error;
    }
  }
}
