import { reconcile, skippedEvents, type Parking } from '../follow/deadLetters.ts';
import { EVENTS_COUNTED_MAX } from '../../eventstore/scan.ts';
import { failpoint } from '../../platform/failpoint.ts';
import type { Connection } from '../../platform/postgres/pool.ts';
import { recheck, type Comparison } from './compare.ts';
import type { Prepared } from '../project/validate.ts';
import { exchange, liveTable } from './shadow.ts';
import { mustHaveSameShape } from './shape.ts';

/** Longest wait for a lock in one attempt to swap. Readers may queue behind it that long. */
const SWAP_LOCK_TIMEOUT_MS = 500;
/** Events that are applied to the rebuilt table during the swap, at most. The live projector waits meanwhile. */
export const REMAINDER_EVENTS_MAX = BigInt(EVENTS_COUNTED_MAX);

/** The live table is too far ahead of the rebuilt one for a swap now. */
export class TooFarBehind extends Error {
  constructor() {
    super('the rebuilt table is too far behind the live one');
    this.name = 'TooFarBehind';
  }
}

export interface Rebuilt {
  readonly prepared: Prepared;
  /** The log's epoch. */
  readonly epoch: string;
  readonly comparison: Comparison;
  readonly parkings: readonly Parking[];
  readonly skipped: ReadonlySet<string>;
  /** Position of the rebuilt table. */
  readonly position: bigint;
  /** Events between the rebuilt table and this position, as `eventsBetween` counts them. */
  behind(upTo: bigint): Promise<bigint>;
  /** Applies the events up to this position to the rebuilt table. */
  catchUp(upTo: bigint): Promise<void>;
}

/**
 * Replaces the live table by the rebuilt one, with its checkpoint and dead letters, in one transaction. Returns the number of
 * rows that differed. The raised fencing token ends the live projector's lease; the next owner starts on the new table. Locks
 * first stop writers, then the checkpoint, in the order in which the projector takes them. Only the last step stops readers.
 */
export async function swap(connection: Connection, rebuilt: Rebuilt): Promise<number> {
  const { prepared } = rebuilt;
  await connection.query('BEGIN');
  try {
    await connection.query(`SET LOCAL lock_timeout = ${SWAP_LOCK_TIMEOUT_MS}`);
    await connection.query(`LOCK TABLE ${liveTable(prepared)} IN SHARE ROW EXCLUSIVE MODE`);
    // The lock keeps migrations out from here on.
    await mustHaveSameShape(connection, prepared);
    const live = await lockCheckpoint(connection, prepared, rebuilt.epoch);
    if ((await rebuilt.behind(live)) > REMAINDER_EVENTS_MAX) throw new TooFarBehind();
    if (live > rebuilt.position) await rebuilt.catchUp(live);
    const shadow = rebuilt.position;
    const differences = await recheck(connection, prepared, rebuilt.comparison, { live, shadow });
    await settleDeadLetters(connection, rebuilt);
    await exchange(connection, prepared);
    await connection.query(
      `UPDATE checkpoints SET position = $2, epoch = $3, lease_epoch = lease_epoch + 1, owner = NULL, lease_until = NULL,
         last_error = NULL, updated_at = now()
       WHERE name = $1`,
      [prepared.follower, String(shadow), rebuilt.epoch],
    );
    // A rebuild that is reported as finished is on the disk, with everything that it wrote before.
    await connection.query('SET LOCAL synchronous_commit = on');
    failpoint('rebuild:before-swap');
    await connection.query('COMMIT');
    return differences;
  } catch (error) {
    await connection.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** Locks the checkpoint and returns its position; 0 when it belongs to another log. */
async function lockCheckpoint(connection: Connection, { follower }: Prepared, epoch: string): Promise<bigint> {
  await connection.query('INSERT INTO checkpoints (name, epoch) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
    follower,
    epoch,
  ]);
  const { rows } = await connection.query<{ position: string; epoch: string }>(
    'SELECT position::text, epoch FROM checkpoints WHERE name = $1 FOR UPDATE',
    [follower],
  );
  const row = rows[0]!;
  return row.epoch === epoch ? BigInt(row.position) : 0n;
}

async function settleDeadLetters(connection: Connection, rebuilt: Rebuilt): Promise<void> {
  const { follower, name } = rebuilt.prepared;
  for (const id of await skippedEvents(connection, follower)) {
    if (rebuilt.skipped.has(id)) continue;
    throw new Error(`an event of ${name} was skipped while it was being rebuilt; rebuild it again`);
  }
  await reconcile(connection, follower, { parkings: rebuilt.parkings, actor: 'system:rebuild' });
}
