import { randomUUID } from 'node:crypto';
import os from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { createEmbeddedBus } from '../bus/consumers.ts';
import { openCache } from '../compose/openCache.ts';
import type { Config } from '../config/config.ts';
import { handlers } from '../handlers/index.ts';
import { keeper } from '../handlers/senders/mailer.ts';
import type { Logger } from '../platform/log.ts';
import { createProjector } from '../engine/project/projector.ts';
import { projectionNames, projections } from '../projections/index.ts';
import { openRedis } from '../compose/openRedis.ts';
import type { Shop } from '../compose/shop.ts';

const POLL_MS = 50;

export interface Workers {
  /** Waits until handlers and read models have processed the whole log, in whichever process; false after `timeoutMs`. */
  caughtUp(timeoutMs: number): Promise<boolean>;
  stop(): Promise<void>;
}

/**
 * Runs read models and handlers in this process, except those that a server already runs: leases give each one owner.
 * Messages are stored, not sent.
 */
export async function startWorkers(shop: Shop, config: Config, log: Logger): Promise<Workers> {
  const { store, services, pool, readPool, progress } = shop;
  const owner = `${os.hostname()}:${process.pid}:${randomUUID()}`;
  // This process answers no queries, but what it projects must be invalidated in the cache that servers share.
  const redis = await openRedis({ url: config.redisUrl, store, log });
  const readModels = { own: () => progress.own(), others: () => progress.others(projectionNames) };
  const cache = openCache({ redis, readModels, log });
  const projector = createProjector({ pool: readPool, store, projections, cache, owner, log, progress });
  const bus = createEmbeddedBus({ pool, store, owner, log });
  const senders = { email: keeper(log, 'mail'), sms: keeper(log, 'text message') };
  const now = (): string => new Date().toISOString();
  for (const subscription of handlers({ services, pool, config, log, now, senders })) bus.subscribe(subscription);
  await projector.start();
  await bus.start();
  return {
    async caughtUp(timeoutMs) {
      const until = performance.now() + timeoutMs;
      for (;;) {
        const idle = (await bus.status()).every(({ lag }) => lag === 0n);
        const { position } = await store.head();
        if (idle) return progress.waitFor(projectionNames, position, Math.max(0, until - performance.now()));
        if (performance.now() > until) return false;
        await delay(POLL_MS);
      }
    },
    async stop() {
      await Promise.all([bus.stop(), projector.stop()]);
      await cache.close();
      await redis?.close();
    },
  };
}
