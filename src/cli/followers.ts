import { checkpointOf } from '../bus/consumers.ts';
import { RELAY } from '../bus/bus.ts';
import type { EventStore, Head } from '../eventstore/eventStore.ts';
import { createLag } from '../eventstore/scan.ts';
import { DEADLINES } from '../handlers/deadlines.ts';
import { handlers } from '../handlers/index.ts';
import { followerOf } from '../engine/project/validate.ts';
import { projectionNames } from '../projections/index.ts';
import type { Queryable } from '../platform/postgres/pool.ts';

/** The state of a handler as the database has it, whichever process runs the handler. */
export interface HandlerStatus {
  readonly name: string;
  readonly position: bigint;
  readonly head: bigint;
  readonly lag: bigint;
  readonly state: 'running' | 'stopped';
  /** Parked events: open dead letters, and the events that wait behind them. */
  readonly parked: number;
  readonly lastError?: string;
}

export interface DeadlinesStatus {
  readonly state: 'running' | 'stopped';
  readonly waiting: number;
  /** Due, but not handled yet. */
  readonly overdue: number;
  /** ISO 8601 UTC. */
  readonly next: string | null;
}

/** Stands in for the handlers' dependencies: only their names are read here, so nothing uses it. */
const NOTHING = {} as never;
const handlerNames = (): readonly string[] =>
  handlers({
    ...{ services: NOTHING, pool: NOTHING, config: NOTHING, log: NOTHING, gateway: NOTHING, senders: NOTHING },
    now: () => '',
  }).map(({ name }) => name);

/** The checkpoint and lease names of the handlers, the relay and the deadlines. */
export const followerNames = (): readonly string[] => [...handlerNames().map(checkpointOf), RELAY, DEADLINES];

/** What can set events of this version's aside: its handlers, by their names, and its read models, as `projection:<name>`. */
export const consumerNames = (): readonly string[] => [...handlerNames(), ...projectionNames.map(followerOf)];

/** The consumers that have left a checkpoint or a dead letter in this database, those of other versions included. */
export async function consumersIn(db: Queryable): Promise<readonly string[]> {
  const { rows } = await db.query<{ consumer: string }>(
    `SELECT DISTINCT consumer FROM dead_letters
     UNION SELECT substr(name, length($1) + 1) FROM checkpoints WHERE starts_with(name, $1)
     UNION SELECT name FROM checkpoints WHERE starts_with(name, $2)`,
    [checkpointOf(''), followerOf('')],
  );
  return rows.map(({ consumer }) => consumer);
}

const OWNED = 'coalesce(c.owner IS NOT NULL AND c.lease_until > now(), false)';

/** The status of every handler of this version, and of every other that has left a checkpoint. */
export async function handlerStatus(db: Queryable, store: EventStore, head: Head): Promise<HandlerStatus[]> {
  interface Row {
    readonly name: string;
    readonly position: string;
    readonly here: boolean;
    readonly owned: boolean;
    readonly parked: number;
    readonly last_error: string | null;
  }
  const { rows } = await db.query<Row>(
    `SELECT substr(names.follower, length($2) + 1) AS name, coalesce(c.position, 0)::text AS position,
       coalesce(c.epoch = $3, true) AS here, ${OWNED} AS owned,
       count(d.id)::int AS parked,
       coalesce(c.last_error, (array_agg(d.reason ORDER BY d.updated_at DESC) FILTER (WHERE d.status = 'dead'))[1]) AS last_error
     FROM (
       SELECT unnest($1::text[]) UNION SELECT c.name FROM checkpoints c WHERE starts_with(c.name, $2)
     ) AS names (follower)
     LEFT JOIN checkpoints c ON c.name = names.follower
     LEFT JOIN dead_letters d
       ON d.consumer = substr(names.follower, length($2) + 1) AND d.status NOT IN ('resolved', 'skipped')
     GROUP BY names.follower, c.name ORDER BY names.follower`,
    [handlerNames().map(checkpointOf), checkpointOf(''), head.epoch],
  );
  const lagOf = createLag(store, head.position);
  return Promise.all(
    rows.map(async ({ name, position, here, owned, parked, last_error: error }) => ({
      ...{ name, position: BigInt(position), head: head.position, parked },
      lag: await lagOf(here ? BigInt(position) : 0n),
      state: owned ? ('running' as const) : ('stopped' as const),
      ...(error === null ? {} : { lastError: error }),
    })),
  );
}

/** The status of the deadlines: how many are open and overdue, and whether a process handles them. */
export async function deadlinesStatus(db: Queryable): Promise<DeadlinesStatus> {
  interface Row {
    readonly owned: boolean;
    readonly waiting: number;
    readonly overdue: number;
    readonly next: string | null;
  }
  const { rows } = await db.query<Row>(
    `SELECT coalesce((SELECT ${OWNED} FROM checkpoints c WHERE c.name = 'deadlines'), false) AS owned,
       count(*)::int AS waiting, (count(*) FILTER (WHERE due_at <= now()))::int AS overdue, min(due_at) AS next
     FROM deadlines`,
  );
  const { owned, ...figures } = rows[0]!;
  return { state: owned ? 'running' : 'stopped', ...figures };
}
