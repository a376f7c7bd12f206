import { setTimeout as delay } from 'node:timers/promises';
import { isAlive } from '../lock.ts';
import type { Logger } from '../log.ts';
import { findRunning, startPostmaster, type Cluster, type Postmaster } from './postmaster.ts';

const LOOK_INTERVAL_MS = 500;
/** Restarts within the window, at most. More deaths than this are no accident. */
const RESTARTS_MAX = 5;
const RESTARTS_WINDOW_MS = 300_000;

export interface Supervised {
  readonly cluster: Cluster;
  readonly postmaster: Postmaster;
  readonly log: Logger;
  /** Runs work under the turn lock, so that no other process starts or stops the cluster meanwhile. */
  readonly turn: <T>(work: () => Promise<T>) => Promise<T>;
}

export interface Supervisor {
  /** Ends the watch and returns the current postmaster. */
  stop(): Promise<Postmaster>;
}

/**
 * Restarts a postmaster that died (killed, out of memory) on its old port, so that pools reconnect by themselves. After five
 * restarts within five minutes it gives up at the next death and logs that. All work then fails as unavailable.
 */
export function supervise({ cluster, postmaster, log, turn }: Supervised): Supervisor {
  const ending = new AbortController();
  const restarts: number[] = [];
  let current = postmaster;

  const revive = async (): Promise<void> => {
    await turn(async () => {
      if (ending.signal.aborted) return;
      current = (await findRunning(cluster)) ?? (await startPostmaster(cluster, postmaster.port));
    });
    log.warn({ ...current }, 'postgres had died and runs again');
  };

  const look = async (): Promise<boolean> => {
    if (isAlive(current.pid)) return true;
    const now = performance.now();
    if (restarts.filter((at) => now - at < RESTARTS_WINDOW_MS).length >= RESTARTS_MAX) {
      log.fatal({ log: cluster.place.logFile }, `postgres died more than ${RESTARTS_MAX} times: no further restart`);
      return false;
    }
    restarts.push(now);
    await revive().catch((error: unknown) => log.error({ err: error }, 'postgres died and does not start'));
    return true;
  };

  const watch = async (): Promise<void> => {
    do {
      const waited = await delay(LOOK_INTERVAL_MS, true, { ref: false, signal: ending.signal }).catch(() => false);
      if (!waited) return;
    } while (await look());
  };

  const watching = watch();
  return {
    stop: async () => {
      ending.abort();
      await watching;
      return current;
    },
  };
}
