import { type Parked, type Redone, release, type Write } from '../follow/parked.ts';
import { reasonOf } from '../follow/retry.ts';
import type { Lease } from '../follow/lease.ts';
import type { EventStore, RecordedEvent } from '../../eventstore/eventStore.ts';
import type { Logger } from '../../platform/log.ts';
import { type Pool, withTx } from '../../platform/postgres/pool.ts';
import { fold, type Folded, plan } from './apply.ts';
import { isRefused } from './bisect.ts';
import type { Prepared } from './validate.ts';
import { NOTHING, type Table } from './table.ts';

export interface DrainDeps {
  readonly pool: Pool;
  readonly store: EventStore;
  readonly log: Logger;
  readonly prepared: Prepared;
  readonly table: Table;
  readonly lease: Lease;
  readonly announce: (folded: Folded) => Promise<void>;
}

/** Handles a stream's parked events, oldest first, up to the first that waits for an operator. Returns whether none is left. */
export async function drain(deps: DrainDeps, stream: string): Promise<boolean> {
  const { pool, store, log, prepared } = deps;
  const parked: Parked = {
    ...{ pool, store, log, follower: prepared.follower },
    isOver: () => false,
    redo: (event, settle) => redo(deps, event, settle),
    commit: (write) => commit(deps, NOTHING, write),
  };
  for (;;) {
    const { open, events } = await release(parked, stream);
    if (!open) return false;
    if (events === 0) return true;
  }
}

async function redo(deps: DrainDeps, event: RecordedEvent, settle: Write): Promise<Redone> {
  const { prepared, table, pool } = deps;
  if (!prepared.changes.has(event.type)) {
    await commit(deps, NOTHING, settle);
    return { kind: 'handled' };
  }
  const { touches, parkings, keys } = plan(prepared, [event], new Set());
  const rows = await table.load(pool, keys);
  const [failure] = [...parkings, ...fold(prepared, touches, rows)];
  if (failure !== undefined) return { kind: 'failed', reason: failure.reason };
  const folded = { rows, parkings: [] };
  try {
    await commit(deps, folded, settle);
  } catch (error) {
    if (isRefused(error)) return { kind: 'failed', reason: reasonOf(error) };
    throw error;
  }
  await deps.announce(folded);
  return { kind: 'handled' };
}

/** The checkpoint does not move, so a drain that a crash took back would go unnoticed: it waits for the disk. */
const DURABLE = 'SET LOCAL synchronous_commit = on';

/** Commits rows and settlement in one transaction under the lease. The checkpoint does not move. */
function commit({ pool, table, lease }: DrainDeps, folded: Folded, settle: Write): Promise<void> {
  return withTx(pool, async (tx) => {
    await table.commit(tx, lease, lease.position, folded);
    await settle(tx);
    await tx.query(DURABLE);
  });
}
