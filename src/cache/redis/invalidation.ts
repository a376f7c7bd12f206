import { setTimeout as delay } from 'node:timers/promises';
import { type Backoff, delayAfter } from '../../platform/backoff.ts';
import type { Logger } from '../../platform/log.ts';
import type { RedisConnection } from '../../platform/redis/connection.ts';

const RETRY: Backoff = { delayMs: 50, delayMaxMs: 1_000 };

export interface Trust {
  /** Whether what Redis holds may be answered with. */
  holds(): boolean;
  /** Removes keys by which entries hold. What cannot be removed now costs the trust until everything has been. */
  remove(keys: readonly string[]): Promise<void>;
  /** With a last attempt to make up for what may not have arrived. */
  close(): Promise<void>;
}

/**
 * Redis is trusted only while it has everything that this process ever removed. After a removal that may not have arrived,
 * and after each reconnect (another server may have taken over, without the last writes), the generation that all entries
 * hang on is removed first.
 */
export function createTrust(connection: RedisConnection, { all, log }: { all: string; log: Logger }): Trust {
  let holds = false;
  let closed = false;
  let renewing = false;
  /** Removals that may not have arrived, ever; and how many of these the last renewal has made up for. */
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
