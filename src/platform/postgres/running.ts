import { type Backoff, delayAfter, isOver, rest } from '../backoff.ts';
import type { Logger } from '../log.ts';
import { mustFit } from './fit.ts';
import { createSession, type Queryable } from './pool.ts';
import type { Session } from './session.ts';
import { giveLock, holdersOf, takeLock } from './schemaLocks.ts';

/** How long a process waits at its start while an operator takes data back. */
const START_WAIT_MS = 60_000;
const RETRY: Backoff = { delayMs: 200, delayMaxMs: 5_000 };
/** SQLSTATE of a missing table. */
const UNDEFINED_TABLE = '42P01';

/** A process that works on the shop, as other processes see it. */
export interface Running {
  close(): Promise<void>;
}

interface Announcing {
  /** Refuses while another process works on the shop. */
  readonly refusal?: string | undefined;
  /** Refuses a database that cannot hold a shop. */
  readonly check?: boolean;
}

async function announce(url: string, { refusal, check = false }: Announcing = {}): Promise<Session> {
  const session = createSession({ url, name: 'shop' });
  try {
    await session.connect();
    if (check) await mustFit(session, url);
    if (refusal !== undefined) await aloneOn(session, refusal);
    if (await takeLock(session, { lock: 'running', shared: true, waitMs: START_WAIT_MS })) {
      if (refusal !== undefined) await giveLock(session, 'running');
      return session;
    }
    throw new Error(
      `Data of this shop are being taken back (${(await holdersOf(session, 'running')).join(', ')}): start again when that has ended.`,
    );
  } catch (error) {
    await session.end().catch(() => undefined);
    throw error;
  }
}

/**
 * Shows that this process works on the shop, so that no operator takes the tables from under it. One connection holds a shared
 * lock; when it breaks, another takes its place. Throws `UnfitDatabase`
 * where no shop can be. With `refusal` it throws when another process works on the shop already.
 */
export async function showRunning(url: string, log: Logger, refusal?: string): Promise<Running> {
  const closing = new AbortController();
  let session = await announce(url, { refusal, check: true });
  const again = async (): Promise<void> => {
    for (let failures = 1; !isOver(closing.signal); failures += 1) {
      await rest(delayAfter(RETRY, failures), closing.signal);
      if (isOver(closing.signal)) return;
      try {
        session = await announce(url);
        return;
      } catch (error) {
        log.debug({ err: error, failures }, 'cannot show that this process works on the shop; trying again');
      }
    }
  };
  const keep = async (): Promise<void> => {
    while (!isOver(closing.signal)) {
      const current = session;
      await new Promise<void>((resolve) => current.once('end', () => resolve()));
      await again();
    }
  };
  const keeping = keep();
  return {
    async close() {
      closing.abort();
      await session.end().catch(() => undefined);
      await keeping;
    },
  };
}

/** A process of an older version does not hold the lock, but its followers hold leases. */
async function followerAtWork(db: Queryable): Promise<string | undefined> {
  try {
    const { rows } = await db.query<{ name: string }>(
      'SELECT name FROM checkpoints WHERE owner IS NOT NULL AND lease_until > now() ORDER BY name LIMIT 1',
    );
    return rows[0]?.name;
  } catch (error) {
    if ((error as { code?: string }).code === UNDEFINED_TABLE) return undefined;
    throw error;
  }
}

/** Makes sure that no other process works on the shop while this connection is open. Throws with `refusal` when one does. */
export async function aloneOn(connection: Queryable, refusal: string): Promise<void> {
  const alone = await takeLock(connection, { lock: 'running', waitMs: 0 });
  const others = alone
    ? await followerAtWork(connection)
    : (await holdersOf(connection, 'running')).join(', ') || 'a process that has just ended';
  if (others === undefined) return;
  throw new Error(`${refusal} (${others} is at work). Stop it first.`);
}
