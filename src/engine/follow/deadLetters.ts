import type { RecordedEvent } from '../../eventstore/eventStore.ts';
import { poisonOf } from '../../eventstore/upcast.ts';
import { derivedId } from '../../platform/ids.ts';
import type { Queryable } from '../../platform/postgres/pool.ts';

/** Parked events of one stream that are loaded at once, at most. */
export const PARKED_PAGE = 50;

/**
 * `dead`: failed, waits for an operator. `waiting`: behind an open dead letter of the same stream. `retry`, `skip`: an
 * operator has asked for it. `resolved`, `skipped`: closed.
 */
type DeadLetterStatus = 'dead' | 'waiting' | 'retry' | 'skip' | 'resolved' | 'skipped';

export interface DeadLetter {
  readonly id: string;
  readonly consumer: string;
  readonly stream: string;
  readonly eventId: string;
  readonly type: string;
  readonly position: bigint;
  readonly revision: bigint;
  readonly status: DeadLetterStatus;
  readonly reason: string | null;
  readonly attempts: number;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** An event that a consumer sets aside. */
export interface Parking {
  readonly event: RecordedEvent;
  readonly status: 'dead' | 'waiting';
  readonly reason: string;
  readonly attempts: number;
}

/** Always the same for one consumer and event, so parking an event twice makes one dead letter. */
const deadLetterId = (consumer: string, eventId: string): string => derivedId(consumer, eventId);

/** Matches NUL and lone surrogates as `JSON.stringify` escapes them. Postgres text can hold neither. */
const UNTAKEN = /(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})/g;

/** The event as a dead letter stores it. For an unreadable event: its raw data and metadata texts. */
function payloadOf(event: RecordedEvent): object {
  const unread = poisonOf(event);
  const { id, stream, type } = event;
  const place = { id, stream, type, position: String(event.position), revision: String(event.revision) };
  return unread === undefined
    ? { ...place, data: event.data, metadata: event.metadata }
    : { ...place, unreadable: { data: unread.data, metadata: unread.metadata } };
}

/** The parked events as the one JSON parameter of `PARK`. */
export const parkingsJson = (consumer: string, parkings: readonly Parking[]): string =>
  JSON.stringify(
    parkings.map(({ event, status, reason, attempts }) => ({
      id: deadLetterId(consumer, event.id),
      consumer,
      stream: event.stream,
      event_id: event.id,
      type: event.type,
      position: String(event.position),
      revision: String(event.revision),
      status,
      reason,
      attempts,
      payload: payloadOf(event),
    })),
  ).replace(UNTAKEN, '$1\\ufffd');

/** SQL that parks the events in `parameter` (`$n`) if the SQL `condition` is true. Usable inside a larger statement. */
export const parkSql = (parameter: string, condition: string): string => `
  INSERT INTO dead_letters AS d (id, consumer, stream, event_id, type, position, revision, status, reason, attempts, payload)
  SELECT p.* FROM json_to_recordset(${parameter}::json) AS p (
    id uuid, consumer text, stream text, event_id uuid, type text, position bigint, revision bigint, status text,
    reason text, attempts int, payload jsonb)
  WHERE ${condition}
  ON CONFLICT (consumer, event_id) DO UPDATE
    SET status = CASE WHEN d.status IN ('retry', 'skip') THEN d.status ELSE EXCLUDED.status END,
        reason = EXCLUDED.reason, attempts = d.attempts + EXCLUDED.attempts, updated_at = now()`;

/** Parks events. A known dead letter is opened again, except that an operator's pending request on it stays. */
export async function park(tx: Queryable, consumer: string, parkings: readonly Parking[]): Promise<void> {
  if (parkings.length > 0) await tx.query(parkSql('$1', 'true'), [parkingsJson(consumer, parkings)]);
}

/** Ids of the events that operators have skipped. */
export async function skippedEvents(db: Queryable, consumer: string): Promise<Set<string>> {
  const { rows } = await db.query<{ id: string }>(
    `SELECT event_id AS id FROM dead_letters WHERE consumer = $1 AND status = 'skipped'`,
    [consumer],
  );
  return new Set(rows.map(({ id }) => id));
}

/** For use after all events were applied again: parks exactly these events and resolves every other open dead letter. */
export async function reconcile(
  tx: Queryable,
  consumer: string,
  { parkings, actor }: { parkings: readonly Parking[]; actor: string },
): Promise<void> {
  await park(tx, consumer, parkings);
  await tx.query(
    `WITH closed AS (
       UPDATE dead_letters SET status = 'resolved', updated_at = now()
       WHERE consumer = $1 AND status NOT IN ('resolved', 'skipped') AND event_id <> ALL ($2::uuid[]) RETURNING id
     )
     INSERT INTO dead_letter_acts (dead_letter, act, actor) SELECT id, 'resolved', $3 FROM closed`,
    [consumer, parkings.map(({ event }) => event.id), actor],
  );
}

/** Every stream with a parked event. `dead`: its oldest one waits for an operator. */
export async function blockedStreams(db: Queryable, consumer: string): Promise<{ stream: string; dead: boolean }[]> {
  const { rows } = await db.query<{ stream: string; dead: boolean }>(
    `SELECT DISTINCT ON (stream) stream, status = 'dead' AS dead FROM dead_letters
     WHERE consumer = $1 AND status NOT IN ('resolved', 'skipped') ORDER BY stream, position`,
    [consumer],
  );
  return rows;
}

/** The streams of these consumers on which an operator's request (`retry`, `skip`) is pending. */
export async function pendingRequests(
  db: Queryable,
  consumers: readonly string[],
): Promise<{ consumer: string; stream: string }[]> {
  const { rows } = await db.query<{ consumer: string; stream: string }>(
    `SELECT DISTINCT consumer, stream FROM dead_letters WHERE consumer = ANY($1) AND status IN ('retry', 'skip')`,
    [consumers],
  );
  return rows;
}

export interface LetterRow {
  readonly id: string;
  readonly consumer: string;
  readonly stream: string;
  readonly event_id: string;
  readonly type: string;
  readonly position: string;
  readonly revision: string;
  readonly status: DeadLetterStatus;
  readonly reason: string | null;
  readonly attempts: number;
  readonly created_at: string;
  readonly updated_at: string;
}

export const LETTER_COLUMNS = `id, consumer, stream, event_id, type, position::text, revision::text, status, reason, attempts,
  created_at, updated_at`;

export const toLetter = (row: LetterRow): DeadLetter => ({
  id: row.id,
  consumer: row.consumer,
  stream: row.stream,
  eventId: row.event_id,
  type: row.type,
  position: BigInt(row.position),
  revision: BigInt(row.revision),
  status: row.status,
  reason: row.reason,
  attempts: row.attempts,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
});

/** The parked events of one stream, oldest first, at most `PARKED_PAGE`. */
export async function parkedOf(db: Queryable, consumer: string, stream: string): Promise<DeadLetter[]> {
  const { rows } = await db.query<LetterRow>(
    `SELECT ${LETTER_COLUMNS} FROM dead_letters
     WHERE consumer = $1 AND stream = $2 AND status NOT IN ('resolved', 'skipped') ORDER BY dead_letters.position LIMIT $3`,
    [consumer, stream, PARKED_PAGE],
  );
  return rows.map(toLetter);
}

/** Sets the outcome of a parked event, and records it as an act. */
export async function settle(
  tx: Queryable,
  id: string,
  to: { status: 'resolved' | 'skipped' | 'dead'; actor: string; reason?: string },
): Promise<void> {
  await tx.query(
    `WITH settled AS (
       UPDATE dead_letters
       SET status = $2::text, reason = coalesce($3, reason), attempts = attempts + ($2 = 'dead')::int, updated_at = now()
       WHERE id = $1 RETURNING id
     )
     INSERT INTO dead_letter_acts (dead_letter, act, actor, note) SELECT id, $2, $4, $3 FROM settled`,
    [id, to.status, to.reason ?? null, to.actor],
  );
}
