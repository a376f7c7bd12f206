import type { Server } from 'node:http';
import type { Logger } from 'pino';
import type { Config } from '../../config/config.ts';
import { begin, createAnswering } from '../api/exchange.ts';
import { securityHeaders } from '../api/headers.ts';
import { createSecurityLog } from '../auth/securityLog.ts';
import type { Probe } from './health.ts';
import type { Insight } from './insight.ts';
import type { Metrics } from './metrics.ts';
import { addPages } from './pages.ts';
import { addressReader, createServer, drained, expressApp } from '../server.ts';

export interface MonitorDeps {
  readonly config: Pick<Config, 'http'>;
  readonly logger: Logger;
  readonly version: string;
  readonly metrics: Metrics;
  readonly probes: readonly Probe[];
  readonly insight: Insight;
  /** Marks in the log are derived from it. */
  readonly masterKey: Buffer;
}

export interface Monitor {
  /** Not listening yet. */
  readonly server: Server;
  /** Ends readiness at once. Resolves when all requests in flight are answered, or after `graceMs`. */
  drain(graceMs: number): Promise<void>;
}

/** An HTTP server without the API: it serves only health and metrics. */
export function createMonitor({ config, masterKey, ...deps }: MonitorDeps): Monitor {
  const { logger, metrics } = deps;
  const state = { draining: false };
  const draining = (): boolean => state.draining;
  const { trustProxy, requestTimeoutMs } = config.http;
  const answering = createAnswering({ logger, metrics, requestTimeoutMs, staticHeaders: securityHeaders(), draining });
  const app = expressApp(trustProxy);
  app.use((req, res, next) => {
    res.locals['exchange'] = begin(req, res);
    next();
  });
  const security = createSecurityLog({ logger, masterKey, addressOf: addressReader(app, trustProxy) });
  addPages(app, { ...deps, answering, draining, security });
  const server = createServer(app);
  return {
    server,
    drain(graceMs) {
      state.draining = true;
      return drained(server, graceMs);
    },
  };
}
