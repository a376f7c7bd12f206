import { IMPORTING } from '../engine/follow/lease.ts';
import type { EventStore } from '../eventstore/eventStore.ts';
import { withTx, type Connection, type Pool } from '../platform/postgres/pool.ts';

/** Where handlers start in a log that is new to them: after its last event, or at its first, handling all events again. */
export type HandlersFrom = 'from-here' | 'replay';

const LETTERS_PAGE = 500;
/** Excludes projections: after a change of log they are rebuilt instead. */
const NO_PROJECTION = `name NOT LIKE 'projection:%'`;
const OPEN = `consumer NOT LIKE 'projection:%' AND status NOT IN ('resolved', 'skipped')`;

/** Name of a follower whose lease is held now, if there is one. */
export async function followerAtWork(pool: Pool): Promise<string | undefined> {
  const { rows } = await pool.query<{ name: string }>(
    'SELECT name FROM checkpoints WHERE owner IS NOT NULL AND lease_until > now() ORDER BY name LIMIT 1',
  );
  return rows[0]?.name;
}

/** Stops these followers, and all others with a checkpoint except projections, from following the log until `setFollowers`. */
export async function barFollowers(pool: Pool, names: readonly string[]): Promise<void> {
  await withTx(pool, async (tx) => {
    await tx.query(
      'INSERT INTO checkpoints (name, epoch) SELECT unnest($1::text[]), $2 ON CONFLICT (name) DO NOTHING',
      [names, IMPORTING],
    );
    await tx.query(
      `UPDATE checkpoints SET epoch = $1, owner = NULL, lease_until = NULL, lease_epoch = lease_epoch + 1, updated_at = now()
       WHERE ${NO_PROJECTION} AND epoch <> $1`,
      [IMPORTING],
    );
  });
}

export async function areFollowersBarred(pool: Pool): Promise<boolean> {
  const { rows } = await pool.query('SELECT 1 FROM checkpoints WHERE epoch = $1 LIMIT 1', [IMPORTING]);
  return rows.length > 0;
}

/**
 * Lets all followers except projections continue in this log, from its head or from its beginning. Forgets the single events
 * that they had handled. Their open dead letters stay, and get the positions that their events have in this log.
 */
export async function setFollowers(
  pool: Pool,
  store: EventStore,
  { names, from }: { names: readonly string[]; from: HandlersFrom },
): Promise<void> {
  const { epoch, position: head } = await store.head();
  await withTx(pool, async (tx) => {
    await tx.query(`DELETE FROM handled_events`);
    await moveLetters(tx, store);
    await tx.query(
      'INSERT INTO checkpoints (name, epoch) SELECT unnest($1::text[]), $2 ON CONFLICT (name) DO NOTHING',
      [names, epoch],
    );
    await tx.query(
      `UPDATE checkpoints SET epoch = $1, position = $2, owner = NULL, lease_until = NULL, lease_epoch = lease_epoch + 1,
         last_error = NULL, updated_at = now()
       WHERE ${NO_PROJECTION}`,
      [epoch, String(from === 'from-here' ? head : 0n)],
    );
  });
}

async function moveLetters(tx: Connection, store: EventStore): Promise<void> {
  for (let after = '00000000-0000-0000-0000-000000000000'; ;) {
    const { rows } = await tx.query<{ id: string; stream: string; revision: string; event_id: string }>(
      `SELECT id, stream, revision::text, event_id FROM dead_letters WHERE ${OPEN} AND id > $1 ORDER BY id LIMIT ${LETTERS_PAGE}`,
      [after],
    );
    for (const { id, stream, revision, event_id: eventId } of rows) {
      const [event] = await store.read(stream, BigInt(revision), 1);
      if (event?.id !== eventId) continue;
      await tx.query('UPDATE dead_letters SET position = $2 WHERE id = $1', [id, String(event.position)]);
    }
    if (rows.length < LETTERS_PAGE) return;
    after = rows.at(-1)!.id;
  }
}
