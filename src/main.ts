import { randomUUID } from 'node:crypto';
import os from 'node:os';
import type { AddressInfo } from 'node:net';
import { openBus } from './bus/open.ts';
import type { Cache } from './cache/cache.ts';
import { openCache } from './cache/open.ts';
import { createAdminOnce } from './cli/admin.ts';
import { version } from './cli/package.ts';
import { commands } from './commands/index.ts';
import type { Config } from './config.ts';
import { armFailpoint } from './failpoint.ts';
import { createDeadlines } from './handlers/deadlines.ts';
import { handlers } from './handlers/index.ts';
import { createApp } from './http/app.ts';
import { createMetrics } from './http/metrics.ts';
import { createLogger, type Logger } from './log.ts';
import { collectorsOf, probesOf } from './observe.ts';
import { openDatabase } from './postgres/database.ts';
import { migrateUp } from './postgres/migrate.ts';
import { createProjector } from './projections/follow.ts';
import { projections } from './projections/index.ts';
import { queries } from './queries/index.ts';
import { keepSecrets } from './secrets.ts';
import { openShop, type Shop } from './shop.ts';

/** How long requests in flight may take to finish once the process is asked to stop. */
const DRAIN_MS = 3_000;

export interface Running {
  readonly url: string;
  /** Stops accepting, lets what is in flight finish, gives back leases, closes the database. */
  stop(): Promise<void>;
}

/** Things to undo, last first; every one is tried. */
function undoing() {
  const steps: (() => Promise<unknown>)[] = [];
  return {
    push: (step: () => Promise<unknown>): unknown => steps.push(step),
    async run(log: Logger): Promise<void> {
      for (const step of steps.splice(0).reverse()) {
        await step().catch((error: unknown) => log.error({ err: error }, 'a part did not stop cleanly'));
      }
    },
  };
}

type Undoing = ReturnType<typeof undoing>;

/** The composition root: the only place where real things are made and joined. Resolves once requests are served. */
export async function start(config: Config, options: { log?: Logger } = {}): Promise<Running> {
  const log = options.log ?? createLogger(config.logLevel);
  armFailpoint(config.failpoint);
  const undo = undoing();
  try {
    const database = await openDatabase(config, log);
    undo.push(() => database.close());
    const url = await serveOn(config, database.url, log, undo);
    return { url, stop: () => undo.run(log) };
  } catch (error) {
    await undo.run(log);
    throw error;
  }
}

async function serveOn(config: Config, databaseUrl: string, log: Logger, undo: Undoing): Promise<string> {
  const applied = await migrateUp(databaseUrl);
  if (applied.length > 0) log.info({ applied }, 'database migrated');
  const secrets = await keepSecrets(config, log);
  const metrics = createMetrics();
  const shop = await openShop({
    ...{ url: databaseUrl, config, secrets, log },
    onAppend: (seconds) => metrics.observeAppend(seconds),
  });
  undo.push(() => shop.close());
  await createAdminOnce(shop.services, shop.db, config.admin, log);

  const { store, services, pool, db, progress } = shop;
  const owner = `${os.hostname()}:${process.pid}:${randomUUID()}`;
  const cache = await openCache({ redisUrl: config.redisUrl, log });
  undo.push(() => cache.close());
  const { projector, bus } = await startFollowers(shop, { config, cache, owner, log, undo });
  const app = createApp({
    config,
    owner,
    jwtSecret: secrets.jwtSecret,
    masterKey: secrets.masterKey,
    logger: log,
    version: version(),
    contracts: { commands, queries },
    services,
    store,
    db,
    pool,
    cache,
    progress,
    metrics,
    probes: probesOf({ store, pool }),
    collectors: collectorsOf({ cache, projector, bus }),
  });
  await app.start();
  undo.push(() => app.close());
  const url = await listen(app.server, config);
  undo.push(() => app.drain(DRAIN_MS));
  return url;
}

interface FollowerDeps {
  readonly config: Config;
  readonly cache: Cache;
  readonly owner: string;
  readonly log: Logger;
  readonly undo: Undoing;
}

/** Everything that runs by itself: read models, handlers, deadlines. */
async function startFollowers(shop: Shop, { config, cache, owner, log, undo }: FollowerDeps) {
  const { store, services, pool, readPool, progress } = shop;
  const now = (): string => new Date().toISOString();
  const projector = createProjector({ pool: readPool, store, projections, cache, owner, log, progress });
  const bus = await openBus({ natsUrls: config.natsUrls, pool, store, owner, log });
  for (const subscription of handlers({ services, pool, config, log, now })) bus.subscribe(subscription);
  const deadlines = createDeadlines({ pool, services, store, owner, log, now });
  await projector.start();
  undo.push(() => projector.stop());
  await bus.start();
  undo.push(() => bus.stop());
  deadlines.start();
  undo.push(() => deadlines.stop());
  return { projector, bus };
}

function listen(server: ReturnType<typeof createApp>['server'], { http: { host, port } }: Config): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      reject(taken ? new Error(`Port ${port} on ${host} is in use: set PORT to another.`, { cause: error }) : error);
    });
    server.listen(port, host, () => {
      const { address, port: bound, family } = server.address() as AddressInfo;
      const open = address === '0.0.0.0' || address === '::';
      const name = open || address === '127.0.0.1' ? 'localhost' : family === 'IPv6' ? `[${address}]` : address;
      resolve(`http://${name}:${bound}`);
    });
  });
}
