import type { Logger } from '../platform/log.ts';
import type { Pool } from '../platform/postgres/pool.ts';

/** A folded state, and the revision of the last event in it. */
export interface Snapshot {
  readonly revision: bigint;
  /** The id of that event. A log that was restored and grew again has another event at this revision. */
  readonly eventId: string;
  readonly state: unknown;
}

/** Snapshots shorten cold starts. Best effort: neither call ever rejects, and losing all snapshots costs only time. */
export interface Snapshots {
  load(stream: string, version: number): Promise<Snapshot | undefined>;
  save(stream: string, version: number, snapshot: Snapshot): Promise<void>;
}

const LOAD = `
  SELECT revision::text AS revision, event_id AS "eventId", state FROM snapshots
  WHERE stream = $1 AND decider_version = $2 AND epoch = $3 AND event_id IS NOT NULL`;
const SAVE = `
  INSERT INTO snapshots AS s (stream, decider_version, revision, epoch, state, event_id)
  VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT (stream) DO UPDATE SET decider_version = excluded.decider_version, revision = excluded.revision,
    epoch = excluded.epoch, state = excluded.state, event_id = excluded.event_id, updated_at = now()
  WHERE s.revision < excluded.revision OR s.decider_version <> excluded.decider_version OR s.epoch <> excluded.epoch
    OR s.event_id IS NULL`;

type Row = Omit<Snapshot, 'revision'> & { readonly revision: string };

/** Snapshots in Postgres. One of another decider version, of another log's epoch, or without an event's id is ignored. */
export function createSnapshots(options: {
  readonly pool: Pool;
  readonly epoch: string;
  readonly log?: Logger;
}): Snapshots {
  const { pool, epoch, log } = options;
  return {
    async load(stream, version) {
      try {
        const { rows } = await pool.query<Row>(LOAD, [stream, version, epoch]);
        const row = rows[0];
        return row && { ...row, revision: BigInt(row.revision) };
      } catch (error) {
        log?.warn({ err: error, stream }, 'a snapshot could not be read; folding the whole stream');
        return undefined;
      }
    },
    async save(stream, version, { revision, eventId, state }) {
      try {
        await pool.query(SAVE, [stream, version, revision, epoch, JSON.stringify(state), eventId]);
      } catch (error) {
        log?.warn({ err: error, stream }, 'a snapshot could not be saved');
      }
    },
  };
}
