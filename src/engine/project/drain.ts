import { type DeadLetter, parkedOf, settle } from '../follow/deadLetters.ts';
import { reasonOf } from '../follow/retry.ts';
import type { Lease } from '../follow/lease.ts';
import type { EventStore } from '../../eventstore/eventStore.ts';
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

type Settlement = Parameters<typeof settle>[2];

/** Works off what is parked of a stream, oldest first, up to the first that waits for an operator; whether all is done. */
export async function drain(deps: DrainDeps, stream: string): Promise<boolean> {
  for (;;) {
    const letters = await parkedOf(deps.pool, deps.prepared.follower, stream);
    if (letters.length === 0) return true;
    for (const letter of letters) {
      if (letter.status === 'dead') return false;
      if (!(await release(deps, letter))) return false;
    }
  }
}

/** Whether the stream may go on. */
async function release(deps: DrainDeps, letter: DeadLetter): Promise<boolean> {
  if (letter.status === 'skip') return close(deps, letter, 'skipped');
  const [event] = await deps.store.read(letter.stream, letter.revision, 1);
  if (event?.id !== letter.eventId) return bury(deps, letter, 'the log holds no such event');
  const { prepared, table, pool } = deps;
  if (!prepared.changes.has(event.type)) return close(deps, letter, 'resolved');
  const { touches, parkings, keys } = plan(prepared, [event], new Set());
  const rows = await table.load(pool, keys);
  const [failure] = [...parkings, ...fold(prepared, touches, rows)];
  if (failure !== undefined) return bury(deps, letter, failure.reason);
  try {
    await commit(deps, letter, { rows, parkings: [] }, { status: 'resolved' });
  } catch (error) {
    if (isRefused(error)) return bury(deps, letter, reasonOf(error));
    throw error;
  }
  await deps.announce({ rows, parkings: [] });
  return true;
}

/** Rows and settlement in one transaction under the lease; the checkpoint stays where it is. */
function commit(deps: DrainDeps, letter: DeadLetter, folded: Folded, to: Omit<Settlement, 'actor'>): Promise<void> {
  const { pool, table, lease, prepared } = deps;
  return withTx(pool, async (tx) => {
    await table.commit(tx, lease, lease.position, folded);
    await settle(tx, letter.id, { ...to, actor: `system:${prepared.follower}` });
  });
}

async function close(deps: DrainDeps, letter: DeadLetter, status: 'skipped' | 'resolved'): Promise<true> {
  await commit(deps, letter, NOTHING, { status });
  return true;
}

async function bury(deps: DrainDeps, letter: DeadLetter, reason: string): Promise<false> {
  await commit(deps, letter, NOTHING, { status: 'dead', reason });
  deps.log.warn({ projection: deps.prepared.name, eventId: letter.eventId, reason }, 'a parked event failed again');
  return false;
}
