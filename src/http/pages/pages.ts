import type { ErrorRequestHandler, Express, RequestHandler, Response, Router } from 'express';
import type { Logger } from 'pino';
import { JSON_TYPE, envelope, type Answering, type Exchange } from '../api/exchange.ts';
import type { SecurityLog } from '../auth/securityLog.ts';
import { createAccountPages } from './account.ts';
import type { Pictures } from '../../pictures/pictures.ts';
import { addImages } from './images.ts';
import { createHome } from './home.ts';
import { createReadiness, type Probe } from './health.ts';
import { DOCS_PATHS, DOCUMENTS } from './docs.ts';
import { redirectUnversioned } from './oldPaths.ts';
import { type Insight, noInsight, nothingAt, seesInside } from './insight.ts';
import type { Metrics } from './metrics.ts';
import { invalidRequest, ProblemError } from '../api/problem.ts';

export interface PagesDeps {
  readonly security: Pick<SecurityLog, 'noInsight'>;
  readonly answering: Answering;
  readonly metrics: Metrics;
  readonly probes: readonly Probe[];
  readonly logger: Logger;
  readonly version: string;
  /** The API's documentation; absent in a process without the API. */
  readonly docs?: Router;
  readonly draining: () => boolean;
  readonly insight: Insight;
  /** Counts a request to a page that is not about this process's health. */
  /** Reads the files of pictures; absent in a process without the API. */
  readonly pictures?: Pick<Pictures, 'read'>;
  readonly count?: (exchange: Exchange) => void | Promise<void>;
}

const PAGE_HEADERS = ['Content-Type', JSON_TYPE, 'Cache-Control', 'no-store'];
const DOCS_ROUTE = '/docs';
const ACCOUNT_ROUTE = '/account';
const METRICS_ROUTE = '/metrics';

const exchangeOf = (res: Response): Exchange => res.locals['exchange'] as Exchange;

/** Counts and logs a static file once it was sent: Express sends it itself. */
function recording({ answering }: PagesDeps, route: string): RequestHandler {
  return (_, res, next) => {
    const exchange = exchangeOf(res);
    exchange.route = route;
    res.setHeader('X-Request-ID', exchange.requestId);
    res.once('finish', () => {
      // A request that was answered with a problem is already recorded.
      if (!exchange.done) answering.record(exchange, res.statusCode);
    });
    next();
  };
}

/** The refusal of a caller that may not see metrics. */
function unseen({ insight, security }: PagesDeps, exchange: Exchange): Error {
  if (insight !== 'closed') security.noInsight(exchange);
  return noInsight(insight, METRICS_ROUTE);
}

/** Adds the pages outside the API: health, metrics, documentation, and a problem for every other path. */
export function addPages(app: Express, deps: PagesDeps): void {
  const { answering, metrics, logger } = deps;
  const startedAt = performance.now();
  const readiness = createReadiness(deps.probes, (name, err) => logger.warn({ err, probe: name }, 'a probe failed'));

  const page = (path: string, serve: (exchange: Exchange) => void | Promise<void>): void => {
    app.get(path, async (_, res) => {
      const exchange = exchangeOf(res);
      exchange.route = path;
      await serve(exchange);
    });
    app.all(path, (req, res) => {
      if (path === METRICS_ROUTE && !seesInside(deps.insight, req)) throw unseen(deps, exchangeOf(res));
      throw new ProblemError('METHOD_NOT_ALLOWED', 'MethodNotAllowed', `${req.method} is not allowed here.`, {
        headers: ['Allow', 'GET, HEAD'],
      });
    });
  };
  const json = (exchange: Exchange, status: number, data: unknown): void =>
    answering.send(exchange, status, PAGE_HEADERS, envelope(exchange.requestId, JSON.stringify(data)));

  page('/health', (exchange) => {
    const uptime_s = Math.round((performance.now() - startedAt) / 1_000);
    json(exchange, 200, { status: 'ok', version: deps.version, uptime_s });
  });
  page('/livez', (exchange) => json(exchange, 200, { status: 'ok' }));
  page('/readyz', async (exchange) => {
    const ready = await readiness(deps.draining());
    const shown = seesInside(deps.insight, exchange.req) ? ready : { status: ready.status };
    json(exchange, ready.status === 'ok' || ready.status === 'degraded' ? 200 : 503, shown);
  });
  page(METRICS_ROUTE, async (exchange) => {
    if (!seesInside(deps.insight, exchange.req)) {
      await deps.count?.(exchange);
      throw unseen(deps, exchange);
    }
    const text = await metrics.text();
    answering.send(exchange, 200, ['Content-Type', metrics.contentType, 'Cache-Control', 'no-store'], text);
  });
  // The pages below are for anyone, so they count against the limits. Probes do not: a limit would make the process look dead.
  app.use(async (_req, res, next) => {
    await deps.count?.(exchangeOf(res));
    next();
  });
  if (deps.pictures !== undefined) addImages(app, { ...deps, pictures: deps.pictures, exchangeOf });
  if (deps.docs !== undefined) {
    app.use(createHome({ exchangeOf, send: (...given) => answering.send(...given), missing: nothingAt }));
    app.use('/account', recording(deps, ACCOUNT_ROUTE));
    app.use(createAccountPages());
    app.use([...DOCS_PATHS, ...DOCUMENTS, '/api'], recording(deps, DOCS_ROUTE));
    app.use(redirectUnversioned);
    app.use(deps.docs);
  }
  app.use((req) => {
    throw nothingAt(exchangeOf(req.res as Response).path);
  });

  // Express recognises an error handler by its four parameters.
  const onError: ErrorRequestHandler = (error: unknown, _req, res, _next) => {
    const { status } = (error ?? {}) as { status?: unknown };
    const exchange = exchangeOf(res);
    const unreadable = !(error instanceof ProblemError) && status === 400;
    answering.fail(
      exchange,
      unreadable ? invalidRequest([{ code: 'VALIDATION_ERROR', message: 'The path is not readable.' }]) : error,
    );
  };
  app.use(onError);
}
