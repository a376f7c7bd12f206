import { setTimeout as delay } from 'node:timers/promises';
import { type Backoff, delayAfter } from '../../platform/backoff.ts';
import type { Logger } from '../../platform/log.ts';
import type { RedisConnection } from '../../platform/redis/connection.ts';

const RETRY: Backoff = { delayMs: 50, delayMaxMs: 1_000 };

export interface Trust {
  /** Whether entries in Redis may be used for answers. */
  holds(): boolean;
  /** Removes generation keys. If that fails, Redis is not trusted until the common generation was removed. Never rejects. */
  remove(keys: readonly string[]): Promise<void>;
  /** Closes, after one last attempt to repair missed removals. */
  close(): Promise<void>;
}

/**
 * Redis is trusted only while it has applied all removals of this process. A removal may be lost when a call fails, or when a
 * server that lacks the last writes takes over (so after each reconnect). Then the common generation is removed first, which
 * makes all entries invalid.
 */
export function createTrust(connection: RedisConnection, { all, log }: { all: string; log: Logger }): Trust {
  let holds = false;
  let closed = false;
  let renewing = false;
  /** Number of removals that may have been lost, and how many of these the last renewal has repaired. */
  let missed = 1;
  let repaired = 0;

  async function renewOnce(): Promise<void> {
    const upTo = missed;
    if (repaired !== upTo) await connection.unlink([all]);
    repaired = upTo;
    if (missed === upTo) holds = true;
  }

  async function renew(): Promise<void> {
    if (renewing) return;
    renewing = true;
    for (let failures = 1; !holds && !closed && connection.up; failures += 1) {
      try {
        await renewOnce();
      } catch (error) {
        log.warn({ reason: (error as Error).message }, 'the cache in Redis could not be emptied; trying again');
        await delay(delayAfter(RETRY, failures), undefined, { ref: false });
      }
    }
    renewing = false;
  }

  connection.listen({
    up(reconnected) {
      if (reconnected) missed += 1;
      void renew();
    },
    down() {
      holds = false;
    },
  });
  if (connection.up) void renew();

  const lose = (): void => {
    missed += 1;
    holds = false;
    void renew();
  };

  return {
    holds: () => holds,
    async remove(keys) {
      if (!holds) {
        lose();
        return;
      }
      await connection.unlink(keys).catch(lose);
    },
    async close() {
      closed = true;
      holds = false;
      if (connection.up && repaired !== missed) await connection.unlink([all]).catch(() => undefined);
    },
  };
}
