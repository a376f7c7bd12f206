import type { Logger } from '../../platform/log.ts';
import type { EventStore } from '../../eventstore/eventStore.ts';
import { isPassing, type Pool, type Queryable } from '../../platform/postgres/pool.ts';
import { arrive, type Presence, PRESENCE_LOCK } from './liveness.ts';

export { PRESENCE_LOCK };

/** How long a lease outlives its last renewal; how often it is renewed. */
export const LEASE_MS = 7_000;
export const LEASE_RENEW_MS = 2_000;

/** Somebody else owns the follower now, or its checkpoint is not where we left it: nothing of ours may be committed. */
export class LeaseLost extends Error {
  constructor(name: string) {
    super(`the lease of ${name} is lost: another owner took it, or its checkpoint moved`);
    this.name = 'LeaseLost';
  }
}

/** The checkpoint belongs to another log than the one we are connected to: going on would skip or repeat events. */
export class RestoredLog extends Error {
  constructor(sentence: string) {
    super(sentence);
    this.name = 'RestoredLog';
  }
}

/** In place of a log's epoch while an import into it has not ended: until then nobody may follow it under such a checkpoint. */
export const IMPORTING = '00000000-0000-0000-0000-000000000000';

export interface LeaseOptions {
  /** `projection:orders`, `consumer:payment`, `deadlines`: the follower's name, for ever. */
  readonly name: string;
  /** Unique to this process's life. */
  readonly owner: string;
  /** Whose `head()` says which log this is and how far it goes. */
  readonly store: Pick<EventStore, 'head'>;
  readonly log: Logger;
  readonly leaseMs?: number;
  readonly renewMs?: number;
}

/** The right to move one follower's checkpoint. */
export interface Lease {
  readonly name: string;
  /** Fencing token: raised at each acquisition, checked inside each transaction. */
  readonly epoch: bigint;
  /** Where the checkpoint's row stands, as far as our commits tell. */
  readonly position: bigint;
  /** Moves the checkpoint inside the caller's transaction; throws `LeaseLost` unless we own it at `position`. */
  advance(tx: Queryable, position: bigint): Promise<void>;
  /** After the transaction of `advance` has committed. Not told, the next `advance` throws, so doubt never repeats work. */
  moved(position: bigint): void;
  /** For those who check the token in a statement of their own: aborts `lost` and answers what to throw. */
  lose(): LeaseLost;
  /** Gives the follower free for the next owner at once. */
  release(): Promise<void>;
  /** Aborts when somebody else is known to own it. */
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
 * Takes the follower's lease, or answers undefined while somebody else has it. A lease is free when it has run out by
 * the database's clock, or at once when its owner's connections are gone.
 */
export async function acquireLease(pool: Pool, options: LeaseOptions): Promise<Lease | undefined> {
  const { name, owner, leaseMs = LEASE_MS } = options;
  const { epoch } = await options.store.head();
  const presence = await arrive(pool, owner);
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
      const { rowCount } = await pool.query(RENEW, [name, epoch, leaseMs]);
      if (rowCount === 0 && !released) lose();
    } catch (error) {
      // Our token stays good until somebody takes over, so a database that is away for a while costs nothing.
      if (!released) log.warn({ lease: name, err: error, passing: isPassing(error) }, 'lease not renewed');
    } finally {
      renewing = false;
    }
  };
  const timer = setInterval(() => void renew(), renewMs);
  timer.unref();
  const end = (): void => {
    clearInterval(timer);
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
