import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import os from 'node:os';
import type { AddressInfo } from 'node:net';
import type { Cache } from './cache/cache.ts';
import { openCache } from './compose/openCache.ts';
import { createAdminOnce, type FirstAdmin } from './compose/admin.ts';
import { version } from './platform/version.ts';
import { formsOf } from './commands/forms.ts';
import { commands } from './commands/index.ts';
import type { Config } from './config/config.ts';
import type { LastChanges } from './engine/ask/changes.ts';
import { armFailpoint } from './platform/failpoint.ts';
import { createApp } from './http/app.ts';
import { masterKeysOf } from './eventstore/masterKeys.ts';
import { logKeysInUse } from './http/auth/securityLog.ts';
import { createMetrics, type Metrics } from './http/pages/metrics.ts';
import { insightAtMetricsPort, insightAtPort } from './http/pages/insight.ts';
import { createMonitor } from './http/pages/monitor.ts';
import { createRedisLimiter } from './http/limits/redisLimiter.ts';
import { createLogger, type Logger } from './platform/log.ts';
import { collectorsOf, probesOf } from './compose/observe.ts';
import { openDatabase } from './platform/postgres/database.ts';
import { migrateShop } from './compose/migrate.ts';
import { showRunning } from './platform/postgres/running.ts';
import { projectionNames } from './projections/index.ts';
import { queries } from './queries/index.ts';
import { createRedisChanges } from './cache/redis/changes.ts';
import { createRedisWriters } from './cache/redis/writers.ts';
import type { RedisConnection } from './platform/redis/connection.ts';
import { openRedis } from './compose/openRedis.ts';
import { openSecrets } from './compose/openSecrets.ts';
import { type Parts, startParts } from './compose/parts.ts';
import type { Secrets } from './platform/secrets.ts';
import { openShop, type Shop } from './compose/shop.ts';
import { startTracing } from './platform/otel.ts';
import { createShutdown, type Shutdown } from './platform/shutdown.ts';

/** How long requests in flight may take to finish once the process is asked to stop, ms. */
const DRAIN_MS = 3_000;
/** How long a start waits until the read models show what was acknowledged before it, ms. A longer backlog does not keep it from serving. */
const LEVEL_WAIT_MAX_MS = 2_000;

export interface StartOptions {
  readonly log?: Logger;
  readonly metrics?: Metrics;
  /** Opens no port: another process serves this one's metrics. */
  readonly faceless?: boolean;
}

export interface Running {
  /** Empty when it opens no port. */
  readonly url: string;
  /** Undefined where workers find it out. */
  readonly firstAdmin?: FirstAdmin;
  /** Stops accepting requests, lets those in flight finish, releases the leases, closes the database. */
  stop(): Promise<void>;
}

/** The composition root of a server: creates its parts and connects them. Resolves once requests are served. */
export async function start(config: Config, options: StartOptions = {}): Promise<Running> {
  const log = options.log ?? createLogger(config.logLevel);
  armFailpoint(config.failpoint);
  const shutdown = createShutdown();
  try {
    shutdown.push(await startTracing(config.tracing, { log, version: version() }));
    const database = await openDatabase(config, log);
    shutdown.push(() => database.close());
    const served = await serveOn({ ...options, config, databaseUrl: database.url, log, shutdown });
    return { ...served, stop: () => shutdown.run(log) };
  } catch (error) {
    await shutdown.run(log);
    throw error;
  }
}

interface ServeOptions extends StartOptions {
  readonly config: Config;
  readonly databaseUrl: string;
  readonly log: Logger;
  readonly shutdown: Shutdown;
}

type Serving = Omit<Running, 'stop'>;

async function serveOn({ config, databaseUrl, log, shutdown, ...options }: ServeOptions): Promise<Serving> {
  const running = await showRunning(databaseUrl, log);
  shutdown.push(() => running.close());
  const applied = await migrateShop(databaseUrl);
  if (applied.length > 0) log.info({ applied }, 'database migrated');
  const secrets = await openSecrets({ config, log, url: databaseUrl, mayMake: true });
  const [{ mark: master }] = masterKeysOf(secrets.masterKey);
  logKeysInUse(log, { jwtSecret: secrets.jwtSecret, master });
  const metrics = options.metrics ?? createMetrics();
  const shop = await openShop({
    ...{ url: databaseUrl, config, secrets, log },
    onAppend: (seconds) => metrics.observeAppend(seconds),
  });
  shutdown.push(() => shop.close());
  const firstAdmin = await createAdminOnce(shop.services, shop.db, config.admin, log);

  const owner = `${os.hostname()}:${process.pid}:${randomUUID()}`;
  const redis = await openRedis({ url: config.redisUrl, store: shop.store, log });
  if (redis !== undefined) shutdown.push(() => redis.close());
  const changes = redis === undefined ? shop.changes : createRedisChanges(redis, shop.changes);
  const { progress } = shop;
  const readModels = { own: () => progress.own(), others: () => progress.others(projectionNames) };
  const cache = openCache({ redis, readModels, log });
  shutdown.push(() => cache.close());
  const parts = await startParts({ shop, config, cache, owner, log, shutdown });
  for (const collector of collectorsOf({ cache, redis, ...parts, db: shop.db })) metrics.collect(collector);
  if (options.faceless === true) return { url: '', firstAdmin };
  const face = { config, secrets, shop, changes, redis, cache, owner, log, metrics, parts, shutdown };
  const serves = config.roles.includes('http');
  if (serves) await progress.waitFor(projectionNames, (await shop.store.head()).position, LEVEL_WAIT_MAX_MS);
  const facing = serves ? await openEdge(face) : openMonitor(face);
  const url = await listen(facing.server, { host: config.http.host, port: config.http.port, setting: 'PORT' });
  shutdown.push(() => facing.drain(DRAIN_MS));
  await openMetricsPort(face);
  return { url, firstAdmin };
}

/** A listener of its own for metrics and probes, so that the port of the shop can be shown to all the world. */
async function openMetricsPort(face: Face): Promise<void> {
  const { config, shutdown } = face;
  const { port } = config.metrics;
  if (port === undefined) return;
  const monitor = createMonitor({ ...shown(face), insight: insightAtMetricsPort(config.metrics) });
  await listen(monitor.server, { host: config.http.host, port, setting: 'METRICS_PORT' });
  shutdown.push(() => monitor.drain(DRAIN_MS));
}

/** The parts that a process's HTTP server needs. */
interface Face {
  readonly config: Config;
  readonly secrets: Secrets;
  readonly shop: Shop;
  readonly changes: LastChanges;
  readonly redis: RedisConnection | undefined;
  readonly cache: Cache;
  readonly owner: string;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly parts: Parts;
  readonly shutdown: Shutdown;
}

interface Facing {
  readonly server: Server;
  drain(graceMs: number): Promise<void>;
}

const shown = ({ config, log, metrics, shop, redis, parts }: Face) => ({
  config,
  logger: log,
  version: version(),
  metrics,
  probes: probesOf(shop, { redis, ...parts }),
  insight: insightAtPort(config.metrics),
  masterKey: shop.indexKey,
});

async function openEdge(face: Face): Promise<Facing> {
  const { secrets, shop, changes, redis, cache, owner, shutdown } = face;
  const app = createApp({
    ...shown(face),
    owner,
    jwtSecret: secrets.jwtSecret,
    contracts: { commands, queries },
    services: shop.services,
    pictures: shop.pictures,
    forms: formsOf({ ...face.config.auth, ...shop.services.settings }),
    store: shop.store,
    db: shop.db,
    pool: shop.pool,
    cache,
    progress: shop.progress,
    changes,
    ...(redis === undefined ? {} : { writers: createRedisWriters(redis), limiter: createRedisLimiter(redis) }),
  });
  await app.start();
  shutdown.push(() => app.close());
  return app;
}

const openMonitor = (face: Face): Facing => createMonitor(shown(face));

interface Place {
  readonly host: string;
  readonly port: number;
  /** The setting that says the port. */
  readonly setting: string;
}

function listen(server: Server, { host, port, setting }: Place): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      reject(
        taken ? new Error(`Port ${port} on ${host} is in use: set ${setting} to another.`, { cause: error }) : error,
      );
    });
    server.listen(port, host, () => {
      const { address, port: bound, family } = server.address() as AddressInfo;
      const open = address === '0.0.0.0' || address === '::';
      const name = open || address === '127.0.0.1' ? 'localhost' : family === 'IPv6' ? `[${address}]` : address;
      resolve(`http://${name}:${bound}`);
    });
  });
}
