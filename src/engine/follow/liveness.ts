import type { Connection, Pool } from '../../platform/postgres/pool.ts';

/** Namespace of the advisory locks by which an owner shows that its process still has a connection. */
export const PRESENCE_LOCK = 0x6c656173;

/** One holder's share in its process's presence. */
export interface Presence {
  /** Shows it again when the connection has broken. */
  stay(): Promise<void>;
  leave(): void;
}

interface Shown {
  connection: Promise<{ close(): void }> | undefined;
  holders: number;
}

const shownBy = new WeakMap<Pool, Map<string, Shown>>();

/**
 * Shows the database that this owner is alive: one connection of the pool holds an advisory lock of the owner's name for
 * as long as anybody is present. When the process dies, so does the lock, and its leases are free at once. It is a hint:
 * what keeps a zombie out is the fencing token.
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
      await shown.connection;
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

async function show(pool: Pool, owner: string, forget: () => void): Promise<{ close(): void }> {
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
    return { close };
  } catch (error) {
    close();
    throw error;
  }
}
