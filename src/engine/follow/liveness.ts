import type { Connection, Pool } from '../../platform/postgres/pool.ts';

/** Namespace of the advisory locks that show that an owner's process still has a connection. */
export const PRESENCE_LOCK = 0x6c656173;

/** The connection that holds the lock is asked for a sign of life this often, when a holder says that it stays. */
const SIGN_MS = 1_500;

/** One lease holder's share in the owner's presence lock. */
export interface Presence {
  /** Takes the lock again if the connection has broken. A silent connection is cut, and the lock is taken again later. */
  stay(): Promise<void>;
  leave(): void;
}

interface Holding {
  /** Asks the connection for a sign of life, without waiting for it. */
  sign(): void;
  close(): void;
}

interface Shown {
  connection: Promise<Holding> | undefined;
  holders: number;
}

const shownBy = new WeakMap<Pool, Map<string, Shown>>();

/**
 * Shows other processes that this owner is alive: one connection of the pool holds an advisory lock for the owner's name
 * until the last holder leaves. When the process dies, the lock ends, and its leases are free at once. The lock is only a
 * hint: the fencing token keeps an outdated owner from committing.
 */
export async function arrive(pool: Pool, owner: string): Promise<Presence> {
  const owners = shownBy.get(pool) ?? new Map<string, Shown>();
  shownBy.set(pool, owners);
  const shown = owners.get(owner) ?? { connection: undefined, holders: 0 };
  owners.set(owner, shown);
  shown.holders += 1;
  let present = true;
  const presence: Presence = {
    stay: async () => {
      if (!present) return;
      const forget = (): void => {
        shown.connection = undefined;
      };
      shown.connection ??= show(pool, owner, forget);
      (await shown.connection).sign();
    },
    leave: () => {
      if (!present) return;
      present = false;
      shown.holders -= 1;
      if (shown.holders > 0) return;
      owners.delete(owner);
      shown.connection?.then(
        (connection) => connection.close(),
        () => undefined,
      );
    },
  };
  try {
    await presence.stay();
    return presence;
  } catch (error) {
    presence.leave();
    throw error;
  }
}

async function show(pool: Pool, owner: string, forget: () => void): Promise<Holding> {
  let connection: Connection | undefined;
  let open = true;
  const close = (): void => {
    if (!open) return;
    open = false;
    forget();
    connection?.release(true);
  };
  try {
    connection = await pool.connect();
    connection.once('end', close);
    await connection.query('SELECT pg_advisory_lock_shared($1, hashtext($2))', [PRESENCE_LOCK, owner]);
    const holder = connection;
    let signedAt = performance.now();
    const sign = (): void => {
      if (!open || performance.now() - signedAt < SIGN_MS) return;
      signedAt = Infinity;
      holder.query('SELECT 1').then(() => (signedAt = performance.now()), close);
    };
    return { sign, close };
  } catch (error) {
    close();
    throw error;
  }
}
