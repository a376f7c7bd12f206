import type { EventStore } from '../../eventstore/eventStore.ts';
import { createLag, EVENTS_COUNTED_MAX } from '../../eventstore/scan.ts';
import type { Queryable } from '../../platform/postgres/pool.ts';
import { lockKey, REBUILD_LOCK } from '../../platform/postgres/schemaLocks.ts';
import { followerOf } from './validate.ts';

/** A projection with more lag than this is catching up. */
const FOLLOWING_LAG_MAX = BigInt(EVENTS_COUNTED_MAX);

/** `standby`: another process owns the projection. `stopped`: no process does. */
export type ProjectionState = 'following' | 'catching up' | 'standby' | 'stopped' | 'rebuilding';

export interface ProjectionStatus {
  readonly name: string;
  readonly position: bigint;
  readonly head: bigint;
  /** Events between the position and the head, as `eventsBetween` counts them. */
  readonly lag: bigint;
  readonly state: ProjectionState;
  /** Open dead letters: events that failed and events that wait behind them. */
  readonly parked: number;
  readonly lastError?: string;
}

interface StatusRow {
  readonly name: string;
  readonly position: string;
  /** Of the checkpoint's log; null when there is no checkpoint. */
  readonly epoch: string | null;
  readonly owned: boolean;
  readonly rebuilding: boolean;
  readonly parked: number;
  readonly last_error: string | null;
}

const STATUS = `
  SELECT wanted.name, coalesce(c.position, 0)::text AS position, c.epoch::text AS epoch, c.last_error,
    coalesce(c.owner IS NOT NULL AND c.lease_until > now(), false) AS owned,
    EXISTS (
      SELECT FROM pg_locks l
      WHERE l.locktype = 'advisory' AND l.classid = ${REBUILD_LOCK} AND l.objid = ${lockKey('wanted.name')}::oid
        AND l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ) AS rebuilding,
    (SELECT count(*)::int FROM dead_letters d
     WHERE d.consumer = wanted.name AND d.status NOT IN ('resolved', 'skipped')) AS parked
  FROM unnest($1::text[]) WITH ORDINALITY AS wanted (name, n)
  LEFT JOIN checkpoints c ON c.name = wanted.name
  ORDER BY wanted.n`;

/** The status of the projections from the database alone, for any process. Positions may be half a second old. */
export async function projectionStatus(
  db: Queryable,
  store: Pick<EventStore, 'contiguous' | 'head' | 'readAll'>,
  names: readonly string[],
): Promise<ProjectionStatus[]> {
  const { rows } = await db.query<StatusRow>(STATUS, [names.map(followerOf)]);
  const { position: head, epoch } = await store.head();
  const lagOf = createLag(store, head);
  return Promise.all(
    rows.map(async (row, index) => {
      const position = BigInt(row.position);
      // A checkpoint of another log says nothing about this one.
      const lag = await lagOf(row.epoch === null || row.epoch === epoch ? position : 0n);
      return {
        name: names[index]!,
        position,
        head,
        lag,
        state: row.rebuilding ? 'rebuilding' : row.owned ? followingState(lag) : 'stopped',
        parked: row.parked,
        ...(row.last_error === null ? {} : { lastError: row.last_error }),
      };
    }),
  );
}

export const followingState = (lag: bigint): ProjectionState => (lag > FOLLOWING_LAG_MAX ? 'catching up' : 'following');
