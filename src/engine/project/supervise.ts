import { blockedStreams } from '../follow/deadLetters.ts';
import { acquireLease, type Lease } from '../follow/lease.ts';
import { createOwner, type Owned } from '../follow/owner.ts';
import { isOver, rest } from '../../platform/backoff.ts';
import type { RecordedEvent } from '../../eventstore/eventStore.ts';
import { knownOnly } from '../../eventstore/newer.ts';
import { PAGE_FIRST } from '../../eventstore/pageSize.ts';
import { createLinger } from '../follow/linger.ts';
import { prepare, type Prepared } from './validate.ts';
import type { Projection } from './projection.ts';
import { type Table, tableOf } from './table.ts';
import { createProjectionRun, type ProjectionRun, type ProjectionRunDeps } from './projectionRun.ts';

export interface SuperviseDeps extends ProjectionRunDeps {
  readonly owner: string;
  readonly batchEvents: number;
  readonly leaseMs?: number;
  readonly renewMs?: number;
}

/** One projection in this process, whether this process owns it or not. */
export interface Supervised {
  readonly name: string;
  readonly follower: string;
  /** Set while this process owns the projection. */
  readonly run: ProjectionRun | undefined;
  /** Another process owns the projection. */
  readonly standby: boolean;
  readonly lastError: string | undefined;
  /** Resolves when `stop` has aborted and the lease is released. */
  live(stop: AbortSignal): Promise<void>;
}

interface State extends SuperviseDeps {
  readonly prepared: Prepared;
  readonly table: Table;
  run: ProjectionRun | undefined;
}

/** Keeps one projection up to date whenever this process can get its lease. */
export function supervise(deps: SuperviseDeps, projection: Projection): Supervised {
  const prepared = prepare(projection);
  const { name, follower } = prepared;
  const state: State = { ...deps, prepared, table: tableOf(prepared), run: undefined };
  const owner = createOwner<Lease>({
    name: follower,
    log: deps.log,
    acquire: () => acquireLease(deps.pool, { ...deps, name: follower }),
    work: (lease, ended, owned) => own(state, { lease, ended, owned }),
    onFailure: (reason) => tellOthers(state, reason),
  });
  return {
    name,
    follower,
    get run() {
      return state.run;
    },
    get standby() {
      return owner.standby;
    },
    get lastError() {
      return owner.lastError;
    },
    live: (stop) => owner.live(stop),
  };
}

interface Owning {
  readonly lease: Lease;
  readonly ended: AbortSignal;
  readonly owned: Owned;
}

async function own(state: State, { lease, ended, owned }: Owning): Promise<void> {
  const run = createProjectionRun(state, state.prepared, state.table, lease);
  const { name } = state.prepared;
  // A commit may be under way on a silent connection. Queries must not count on this process meanwhile.
  const disown = (): void => state.progress.set(name, undefined);
  lease.lost.addEventListener('abort', disown, { once: true });
  try {
    const unfinished = await begin(state, run);
    state.run = run;
    for (const stream of unfinished) await run.drain(stream);
    await follow(state, run, { ended, owned });
  } finally {
    state.run = undefined;
    if (!lease.lost.aborted) await run.flush().catch(() => undefined);
    lease.lost.removeEventListener('abort', disown);
    disown();
  }
}

/** Stores the reason of a failure in the checkpoint, so that other processes can show it. */
function tellOthers({ pool, owner, prepared }: State, reason: string): void {
  pool
    .query('UPDATE checkpoints SET last_error = $2 WHERE name = $1 AND (owner IS NULL OR owner = $3)', [
      prepared.follower,
      reason,
      owner,
    ])
    .catch(() => undefined);
}

/** Prepares a new owner: loads blocked streams, empties the cache. Returns the streams that an earlier owner left half drained. */
async function begin({ pool, cache, prepared }: State, run: ProjectionRun): Promise<string[]> {
  const parked = await blockedStreams(pool, prepared.follower);
  for (const { stream } of parked) run.blocked.add(stream);
  // The cache may be older than the rows: another owner or a rebuild may have written them.
  await cache.clear();
  run.show();
  return parked.filter(({ dead }) => !dead).map(({ stream }) => stream);
}

/** Reads the log and applies it. Near the head it pauses briefly, so that a few events gather. */
async function follow(state: State, run: ProjectionRun, { ended, owned }: Omit<Owning, 'lease'>): Promise<void> {
  const { store, batchEvents } = state;
  const linger = createLinger();
  const manyEvents = Math.min(batchEvents, PAGE_FIRST);
  for await (const events of knownOnly(store.follow(run.position, { signal: ended, limit: batchEvents }))) {
    if (isOver(ended)) return;
    const beganAt = performance.now();
    const { position } = run.lease;
    await takeSurely(run, events, { ended, owned });
    if (events.length >= manyEvents) continue;
    const lingerMs = run.lease.position === position ? 0 : linger.after(events.length, beganAt);
    if (lingerMs >= 1) await rest(lingerMs, ended);
  }
}

/** Applies events and retries without limit. Gives up only when the lease is lost or the process stops. */
async function takeSurely(
  run: ProjectionRun,
  events: readonly RecordedEvent[],
  { ended, owned }: Omit<Owning, 'lease'>,
): Promise<void> {
  for (;;) {
    try {
      await run.take(events);
      owned.succeeded();
      return;
    } catch (error) {
      if (isOver(ended)) throw error;
      await rest(owned.failed(error), ended);
      if (isOver(ended)) throw error;
    }
  }
}
