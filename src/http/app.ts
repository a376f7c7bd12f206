import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import type { Express } from 'express';
import type { Logger } from 'pino';
import type { Cache } from '../cache/cache.ts';
import type { Services } from '../commands/contract.ts';
import type { Config } from '../config/config.ts';
import type { EventStore } from '../eventstore/eventStore.ts';
import type { Pool } from '../platform/postgres/pool.ts';
import { type Ask, createAsk } from '../engine/ask/ask.ts';
import type { Pictures } from '../pictures/pictures.ts';
import type { Progress } from '../engine/ask/reach.ts';
import type { QueryContract, ReadDb } from '../engine/ask/query.ts';
import type { Writers } from '../engine/ask/writers.ts';
import type { LastChanges } from '../engine/ask/changes.ts';
import { BASE_PATH, type Contracts, createApi } from './api/api.ts';
import { authenticateBy } from './auth/authenticate.ts';
import { createDocs } from './pages/docs.ts';
import { assertResult, type EndpointDeps } from './api/endpoint.ts';
import { begin, beginTrace, createAnswering } from './api/exchange.ts';
import { corsFor, securityHeaders } from './api/headers.ts';
import type { Probe } from './pages/health.ts';
import type { Insight } from './pages/insight.ts';
import { createIdempotency, type Idempotency } from './api/idempotency.ts';
import { type Collector, createMetrics, type Metrics } from './pages/metrics.ts';
import { createUploads } from './api/upload.ts';
import { openapiOf } from './api/openapi.ts';
import { addPages } from './pages/pages.ts';
import { createLimits } from './limits/limits.ts';
import { createMemoryLimiter, type RateLimiter } from './limits/rateLimit.ts';
import { createRevocations, type Revocations } from './auth/revocation.ts';
import { createSecurityLog } from './auth/securityLog.ts';
import { addressReader, createServer, drained, expressApp } from './server.ts';
import { createVerifier } from './auth/tokens.ts';
import type { Forms } from './api/expected.ts';
import { resultCheck } from './api/validate.ts';

/** The dependencies of the HTTP edge; `src/main.ts` passes the real ones, tests may pass doubles. */
export interface AppDeps {
  readonly config: Pick<Config, 'http' | 'rateLimits'> & {
    readonly auth: Pick<Config['auth'], 'accessTtlMs' | 'passwordMinLength'>;
  };
  /** The same secret that `createTokens` was given. */
  readonly jwtSecret: string | Buffer;
  readonly masterKey: Buffer;
  readonly logger: Logger;
  readonly version: string;
  readonly contracts: Contracts;
  readonly services: Services;
  readonly store: EventStore;
  /** Read-only SQL for queries. */
  readonly db: ReadDb;
  /** For idempotency keys and revocations; one of its connections is held for as long as the process lives. */
  readonly pool: Pool;
  /** The name of this process in leases and claims. */
  readonly owner?: string;
  readonly cache: Cache;
  /** Reads the files of pictures. Default: there are none. */
  readonly pictures?: Pick<Pictures, 'read'>;
  readonly progress: Progress;
  readonly probes?: readonly Probe[];
  readonly collectors?: readonly Collector[];
  readonly metrics?: Metrics;
  /** Whether callers see metrics and dependencies at this port. Default: not. */
  readonly insight?: Insight;
  readonly limiter?: RateLimiter;
  /** The forms of inputs that depend on settings, in words. Default: none. */
  readonly forms?: Forms;
  /** The last position that each actor wrote; by default, only this process remembers it. */
  readonly writers?: Writers;
  readonly changes?: LastChanges;
  readonly idempotency?: Idempotency;
  readonly revocations?: Revocations;
  readonly now?: () => Date;
  /** Checks every answer against its contract. This costs time, so it is for tests. */
  readonly checkResults?: boolean;
}

export interface App {
  readonly app: Express;
  /** Not listening yet. */
  readonly server: Server;
  readonly metrics: Metrics;
  readonly ask: Ask;
  /** The OpenAPI document. */
  readonly openapi: object;
  readonly revocations: Revocations;
  /** Call before listening: loads the revocations and registers this process as an owner of claims. */
  start(): Promise<void>;
  /** Ends readiness at once and accepts nothing new. Resolves when all requests in flight are answered, or after `graceMs`. */
  drain(graceMs: number): Promise<void>;
  /** Call after draining: releases what `start` acquired. */
  close(): Promise<void>;
}

/** Checks each query's answer before it is serialised. */
function inspector(checkResults: boolean) {
  if (!checkResults) return undefined;
  const checks = new Map<string, ReturnType<typeof resultCheck>>();
  return (query: QueryContract, { data }: { data: unknown }): void => {
    const check = checks.get(query.name) ?? resultCheck(query.result);
    checks.set(query.name, check);
    assertResult(query.name, check(data));
  };
}

/** The parts of the edge: each is taken from `deps` when given there, or created. */
function enginesOf(deps: AppDeps, app: Express, draining: () => boolean) {
  const { config, logger, services, store, db, pool, cache, progress } = deps;
  const metrics = deps.metrics ?? createMetrics();
  deps.collectors?.forEach((collector) => metrics.collect(collector));
  const { checkResults = false, now = () => new Date() } = deps;
  const inspect = inspector(checkResults);
  const { requestTimeoutMs, bodyLimitBytes, corsOrigins } = config.http;
  const addressOf = addressReader(app, config.http.trustProxy);
  const security = createSecurityLog({ logger, masterKey: deps.masterKey, addressOf });
  const staticHeaders = [...securityHeaders(), ...(corsOrigins.length > 0 ? ['Vary', 'Origin'] : [])];
  const answering = createAnswering({ logger, metrics, requestTimeoutMs, staticHeaders, draining });
  const revocations =
    deps.revocations ?? createRevocations({ store, db: pool, accessTtlMs: config.auth.accessTtlMs, logger });
  const endpoints: EndpointDeps = {
    answering,
    revocations,
    authenticate: authenticateBy(createVerifier({ secret: deps.jwtSecret, isRevoked: revocations.isRevoked }), (use) =>
      security.olderKey(use),
    ),
    limits: createLimits({
      limiter: deps.limiter ?? createMemoryLimiter(),
      perMinute: config.rateLimits,
      addressOf,
      onLimited: (exchange, limited) => security.limited(exchange, limited),
      requestTimeoutMs,
    }),
    security,
    ask: createAsk({
      ...{ cache, db, store, services, progress, now, changes: deps.changes, cursorKey: deps.masterKey },
      ...(inspect === undefined ? {} : { inspect }),
      ...(deps.writers === undefined ? {} : { writers: deps.writers }),
    }),
    services,
    idempotency:
      deps.idempotency ??
      createIdempotency({ pool, masterKey: deps.masterKey, logger, owner: deps.owner ?? randomUUID() }),
    clientOf: (req) => ({ address: addressOf(req), agent: req.headers['user-agent'] }),
    bodyLimitBytes,
    uploads: createUploads(),
    forms: deps.forms,
    now,
    checkResults,
  };
  return { metrics, answering, revocations, endpoints };
}

/** Assembles the edge: one Express app, its server and one table of routes. */
export function createApp(deps: AppDeps): App {
  const state = { draining: false };
  const draining = (): boolean => state.draining;
  const app = expressApp(deps.config.http.trustProxy);
  const { metrics, answering, revocations, endpoints } = enginesOf(deps, app, draining);
  const { ask, idempotency } = endpoints;
  const api = createApi(deps.contracts, endpoints);
  const openapi = openapiOf(api.routes, deps.version, { ...deps.config.auth, forms: endpoints.forms });
  const cors = corsFor(deps.config.http.corsOrigins);
  app.use((req, res, next) => {
    const exchange = begin(req, res);
    if (cors(req, res)) answering.record(exchange, res.statusCode);
    else if (exchange.path.startsWith(`${BASE_PATH}/`)) {
      beginTrace(exchange);
      api.handle(exchange);
    } else {
      res.locals['exchange'] = exchange;
      next();
    }
  });
  addPages(app, {
    answering,
    metrics,
    probes: deps.probes ?? [],
    logger: deps.logger,
    version: deps.version,
    docs: createDocs(JSON.stringify(openapi)),
    draining,
    insight: deps.insight ?? 'closed',
    security: endpoints.security,
    count: (exchange) => endpoints.limits.take(exchange),
    ...(deps.pictures === undefined ? {} : { pictures: deps.pictures }),
  });
  const server = createServer(app);
  const close = async (): Promise<void> => {
    await Promise.all([revocations.stop(), idempotency.stop()]);
  };

  return {
    app,
    server,
    metrics,
    ask,
    openapi,
    revocations,
    async start() {
      try {
        await revocations.start();
        await idempotency.start();
      } catch (error) {
        await close();
        throw error;
      }
    },
    drain(graceMs) {
      state.draining = true;
      return drained(server, graceMs);
    },
    close,
  };
}
