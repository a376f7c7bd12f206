import type { Queryable } from '../platform/postgres/pool.ts';

/** The events above `after` that this consumer has done with, whatever became of them. */
export async function doneAfter(
  db: Queryable,
  consumer: string,
  after: bigint,
): Promise<{ id: string; position: bigint }[]> {
  const { rows } = await db.query<{ id: string; position: bigint }>(
    `SELECT event_id AS id, position FROM handled_events WHERE consumer = $1 AND position > $2
     UNION SELECT event_id, position FROM dead_letters WHERE consumer = $1 AND position > $2`,
    [consumer, String(after)],
  );
  return rows;
}

export async function remember(
  tx: Queryable,
  consumer: string,
  events: readonly { id: string; position: bigint }[],
): Promise<void> {
  if (events.length === 0) return;
  await tx.query(
    `INSERT INTO handled_events (consumer, event_id, position)
     SELECT $1, * FROM unnest($2::uuid[], $3::bigint[]) ON CONFLICT DO NOTHING`,
    [consumer, events.map(({ id }) => id), events.map(({ position }) => String(position))],
  );
}

/** The checkpoint alone tells what was handled up to here. */
export async function forget(tx: Queryable, consumer: string, upTo: bigint): Promise<void> {
  await tx.query('DELETE FROM handled_events WHERE consumer = $1 AND position <= $2', [consumer, String(upTo)]);
}
