import type { Logger } from '../../platform/log.ts';
import type { EventStore } from '../../eventstore/eventStore.ts';
import { isPassing, type Pool, type Queryable } from '../../platform/postgres/pool.ts';
import { createExpiry } from './leaseExpiry.ts';
import { arrive, type Presence, PRESENCE_LOCK } from './liveness.ts';

/** How long a lease outlives its last renewal; how often it is renewed. */
const LEASE_MS = 7_000;
const LEASE_RENEW_MS = 2_000;

/** Another process owns the follower now, or its checkpoint may not be where this process left it. The work must not commit. */
export class LeaseLost extends Error {
  constructor(name: string) {
    super(`the lease of ${name} is lost: another owner took it, its checkpoint moved, or a connection broke`);
    this.name = 'LeaseLost';
  }
}

/** The checkpoint belongs to another log than the connected one. Going on would skip or repeat events. */
class RestoredLog extends Error {
  constructor(sentence: string) {
    super(sentence);
    this.name = 'RestoredLog';
  }
}

/** Replaces the log's epoch in a checkpoint during an import into the log. Until it ends, no process gets that lease. */
export const IMPORTING = '00000000-0000-0000-0000-000000000000';

export interface LeaseOptions {
  /** The follower's permanent name, for example `projection:orders`, `consumer:payment` or `deadlines`. */
  readonly name: string;
  /** Unique to this run of the process. */
  readonly owner: string;
  /** Its `head()` gives the log's epoch and last position. */
  readonly store: Pick<EventStore, 'head'>;
  readonly log: Logger;
  readonly leaseMs?: number;
  readonly renewMs?: number;
}

/** The right to move one follower's checkpoint. */
export interface Lease {
  readonly name: string;
  /** Fencing token: raised at each acquisition, checked in each transaction. */
  readonly epoch: bigint;
  /** Position in the checkpoint's row, according to this owner's commits. */
  readonly position: bigint;
  /** Moves the checkpoint inside the caller's transaction. Throws `LeaseLost` unless this lease holds and the row is at `position`. */
  advance(tx: Queryable, position: bigint): Promise<void>;
  /** Call it after the transaction of `advance` has committed. Without it the next `advance` throws, so no work is repeated. */
  moved(position: bigint): void;
  /** For callers that check the token in their own statement: aborts `lost` and returns the error to throw. */
  lose(): LeaseLost;
  /** Frees the follower at once for the next owner. */
  release(): Promise<void>;
  /** Aborts when the lease is known to be lost. */
  readonly lost: AbortSignal;
}

const ACQUIRE = `
  INSERT INTO checkpoints AS c (name, epoch, owner, lease_epoch, lease_until)
  VALUES ($1, $2, $3, 1, clock_timestamp() + $4 * interval '1 millisecond')
  ON CONFLICT (name) DO UPDATE
    SET owner = $3, lease_epoch = c.lease_epoch + 1,
        lease_until = clock_timestamp() + $4 * interval '1 millisecond', updated_at = now()
    WHERE c.epoch = $2 AND CASE
      WHEN c.owner IS NULL OR c.owner = $3 OR c.lease_until IS NULL OR c.lease_until < now() THEN true
      ELSE pg_try_advisory_xact_lock(${PRESENCE_LOCK}, hashtext(c.owner))
    END
  RETURNING lease_epoch::text, position::text`;

const ADVANCE = `
  UPDATE checkpoints
  SET position = $4, lease_until = clock_timestamp() + $5 * interval '1 millisecond', updated_at = now(), last_error = NULL
  WHERE name = $1 AND lease_epoch = $2 AND position = $3`;

const RENEW = `
  UPDATE checkpoints SET lease_until = clock_timestamp() + $3 * interval '1 millisecond'
  WHERE name = $1 AND lease_epoch = $2`;

const RELEASE = `UPDATE checkpoints SET owner = NULL, lease_until = NULL WHERE name = $1 AND lease_epoch = $2`;

/**
 * Takes the follower's lease, or returns undefined while another process has it. A lease is free when it has expired by
 * the database's clock, or at once when its owner's presence connection is gone. Throws `RestoredLog` when the checkpoint
 * belongs to another log or is ahead of this one.
 */
export async function acquireLease(pool: Pool, options: LeaseOptions): Promise<Lease | undefined> {
  const { name, owner, leaseMs = LEASE_MS } = options;
  const { epoch } = await options.store.head();
  const presence = await arrive(pool, owner);
  const beganAt = performance.now();
  try {
    const { rows } = await pool.query<{ lease_epoch: string; position: string }>(ACQUIRE, [
      name,
      epoch,
      owner,
      leaseMs,
    ]);
    const row = rows[0];
    if (row === undefined) {
      await refuseOtherLog(pool, name, epoch);
      presence.leave();
      return undefined;
    }
    const lease = hold(pool, options, {
      epoch: BigInt(row.lease_epoch),
      position: BigInt(row.position),
      presence,
      beganAt,
    });
    await refuseAhead(lease, options.store);
    return lease;
  } catch (error) {
    presence.leave();
    throw error;
  }
}

async function refuseOtherLog(pool: Pool, name: string, epoch: string): Promise<void> {
  const { rows } = await pool.query<{ epoch: string }>('SELECT epoch FROM checkpoints WHERE name = $1', [name]);
  const found = rows[0]?.epoch;
  if (found === IMPORTING) {
    throw new RestoredLog(`${name} waits: an import into this log has not ended. Run "cartulary import events" again.`);
  }
  if (found !== undefined && found !== epoch) {
    throw new RestoredLog(
      `the checkpoint of ${name} belongs to another log (epoch ${found}, this log is ${epoch}): ` +
        `the log was restored or replaced. ${whatToDo(name)}`,
    );
  }
}

const PROJECTION = 'projection:';

const whatToDo = (name: string): string =>
  name.startsWith(PROJECTION)
    ? `Run "cartulary rebuild ${name.slice(PROJECTION.length)}".`
    : 'Run "cartulary handlers from-here" to go on with what comes from now on, or "cartulary handlers replay" to handle all of it again.';

async function refuseAhead(lease: Lease, store: Pick<EventStore, 'head'>): Promise<void> {
  const head = await store.head();
  if (lease.position <= head.position) return;
  await lease.release();
  throw new RestoredLog(
    `the checkpoint of ${lease.name} is at ${lease.position}, ahead of the log's head ${head.position}: ` +
      `the log was restored to an earlier point. ${whatToDo(lease.name)}`,
  );
}

interface HeldLease {
  readonly epoch: bigint;
  readonly position: bigint;
  readonly presence: Presence;
  /** From here on the lease runs, by this process's own clock: before the database was asked. */
  readonly beganAt: number;
}

function hold(pool: Pool, options: LeaseOptions, held: HeldLease): Lease {
  const { name, log, leaseMs = LEASE_MS, renewMs = LEASE_RENEW_MS } = options;
  const { epoch } = held;
  const lost = new AbortController();
  let position = held.position;
  let renewing = false;
  let released = false;

  const lose = (): LeaseLost => {
    const error = new LeaseLost(name);
    if (!released && !lost.signal.aborted) log.warn({ lease: name }, 'lease lost');
    end();
    lost.abort(error);
    return error;
  };
  const renew = async (): Promise<void> => {
    if (renewing) return;
    renewing = true;
    try {
      await held.presence.stay();
      const beganAt = performance.now();
      const { rowCount } = await pool.query(RENEW, [name, epoch, leaseMs]);
      if (rowCount === 0 && !released) lose();
      else expiry.runFrom(beganAt);
    } catch (error) {
      // The lease runs on until it expires, so a short database outage loses nothing.
      if (!released) log.warn({ lease: name, err: error, passing: isPassing(error) }, 'lease not renewed');
    } finally {
      renewing = false;
    }
  };
  const expiry = createExpiry(leaseMs, lose);
  expiry.runFrom(held.beganAt);
  const timer = setInterval(() => void renew(), renewMs);
  timer.unref();
  const end = (): void => {
    clearInterval(timer);
    expiry.end();
    held.presence.leave();
  };

  return {
    name,
    epoch,
    lost: lost.signal,
    get position() {
      return position;
    },
    advance: async (tx, to) => {
      const { rowCount } = await tx.query(ADVANCE, [name, epoch, position, to, leaseMs]);
      if (rowCount !== 1) throw lose();
    },
    moved: (to) => {
      position = to;
    },
    lose,
    release: async () => {
      if (released) return;
      released = true;
      end();
      if (!lost.signal.aborted) await pool.query(RELEASE, [name, epoch]);
    },
  };
}
