import { reconcile, skippedEvents, type Parking } from '../follow/deadLetters.ts';
import { EVENTS_COUNTED_MAX } from '../../eventstore/scan.ts';
import { failpoint } from '../../platform/failpoint.ts';
import type { Connection } from '../../platform/postgres/pool.ts';
import { recheck, type Comparison } from './compare.ts';
import type { Prepared } from '../project/validate.ts';
import { exchange, liveTable } from './shadow.ts';

/** Longest wait for the live table in one attempt to swap: readers queue behind it that long. */
export const SWAP_LOCK_TIMEOUT_MS = 500;
/** The live projector stands still while this many events, at most, are applied to the rebuilt table. */
export const REMAINDER_EVENTS_MAX = BigInt(EVENTS_COUNTED_MAX);

/** The live table is too far ahead for a swap now. */
export class TooFarBehind extends Error {
  constructor() {
    super('the rebuilt table is too far behind the live one');
    this.name = 'TooFarBehind';
  }
}

export interface Rebuilt {
  readonly prepared: Prepared;
  /** Of the log. */
  readonly epoch: string;
  readonly comparison: Comparison;
  readonly parkings: readonly Parking[];
  readonly skipped: ReadonlySet<string>;
  /** How far the rebuilt table is. */
  readonly position: bigint;
  /** Events between the rebuilt table and this position, as `eventsBetween` counts them. */
  behind(upTo: bigint): Promise<bigint>;
  /** Brings the rebuilt table further. */
  catchUp(upTo: bigint): Promise<void>;
}

/**
 * Puts the rebuilt table in the place of the live one, with its checkpoint and its dead letters, in one transaction; answers
 * how many rows differed. Raising the token deposes the live projector; whoever owns it next begins on the new table. Writers are held up
 * first, then the checkpoint, in the order in which the projector takes them; readers only by the last step.
 */
export async function swap(connection: Connection, rebuilt: Rebuilt): Promise<number> {
  const { prepared } = rebuilt;
  await connection.query('BEGIN');
  try {
    await connection.query(`SET LOCAL lock_timeout = ${SWAP_LOCK_TIMEOUT_MS}`);
    await connection.query(`LOCK TABLE ${liveTable(prepared)} IN SHARE ROW EXCLUSIVE MODE`);
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
    failpoint('rebuild:before-swap');
    await connection.query('COMMIT');
    return differences;
  } catch (error) {
    await connection.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** Where the live table is; 0 when that cannot be compared with this log. */
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
