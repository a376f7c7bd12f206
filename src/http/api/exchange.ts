import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { performance } from 'node:perf_hooks';
import { lineWriter, type Logger, timestamp } from '../../platform/log.ts';
import { type Actor, ANONYMOUS } from '../../engine/decide/context.ts';
import { type OpenSpan, startSpan } from '../../platform/trace.ts';
import type { Metrics } from '../pages/metrics.ts';
import { isOutcomeUnknown } from '../../errors.ts';
import type { FinishedAnswer } from './idempotency.ts';
import { CODES, PROBLEM_TYPE, ProblemError, problemJson, problemOf } from './problem.ts';

export const JSON_TYPE = 'application/json; charset=utf-8';
const SANE_REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
/** The route of a request that matched none, in logs and metrics. */
const NO_ROUTE = '(none)';

/** One request and the state of its answer. */
export interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly requestId: string;
  /** The caller's; once the request is traced, that of the request's own span. */
  traceparent: string | undefined;
  span: OpenSpan | undefined;
  readonly startedAt: number;
  readonly path: string;
  /** Without the question mark. */
  readonly search: string;
  /** The route's pattern, once it is known. */
  route: string;
  actor: Actor;
  /** Headers for any answer: name, value, name, value, … */
  readonly headers: string[];
  /** How many more requests the tightest rate limit allows. */
  rateRemaining: number;
  timer: NodeJS.Timeout | undefined;
  /** The answer when the time is over: undefined as long as the command that the request asks for has had no effect. */
  late: (() => FinishedAnswer | undefined) | undefined;
  done: boolean;
}

/** The origin of a request target in absolute form (RFC 9112, 3.2.2), which names the same resource as its path. */
const ORIGIN = /^https?:\/\/[^/?#]*/i;

/** The request target without its origin: a path, and perhaps a query. */
function targetOf({ url = '/' }: IncomingMessage): string {
  if (url.startsWith('/')) return url;
  const target = url.replace(ORIGIN, '');
  return target.startsWith('?') || target === '' ? `/${target}` : target;
}

export function begin(req: IncomingMessage, res: ServerResponse): Exchange {
  const url = targetOf(req);
  const mark = url.indexOf('?');
  const given = req.headers['x-request-id'];
  const trace = req.headers['traceparent'];
  return {
    req,
    res,
    requestId: typeof given === 'string' && SANE_REQUEST_ID.test(given) ? given : randomUUID(),
    traceparent: typeof trace === 'string' && TRACEPARENT.test(trace) ? trace : undefined,
    span: undefined,
    startedAt: performance.now(),
    path: mark < 0 ? url : url.slice(0, mark),
    search: mark < 0 ? '' : url.slice(mark + 1),
    route: NO_ROUTE,
    actor: ANONYMOUS,
    headers: [],
    rateRemaining: Infinity,
    timer: undefined,
    late: undefined,
    done: false,
  };
}

/** Opens a span for the request, when tracing is on; later spans of this request become its children. */
export function beginTrace(exchange: Exchange): void {
  const { req, path, traceparent: parent } = exchange;
  const method = req.method ?? '';
  exchange.span = startSpan(() => ({
    ...{ kind: 'server', name: method, parent },
    attributes: { 'http.request.method': method, 'url.path': path, 'url.scheme': 'http' },
  }));
  if (exchange.span !== undefined) exchange.traceparent = exchange.span.traceparent;
}

function endTrace({ req, route }: Exchange, span: OpenSpan, status: number): void {
  const failed = status >= CODES.INTERNAL_ERROR.status;
  const routed = route === NO_ROUTE ? {} : { 'http.route': route };
  span.end({
    ...(route === NO_ROUTE ? {} : { name: `${req.method ?? ''} ${route}` }),
    attributes: {
      'http.response.status_code': status,
      ...routed,
      ...(failed ? { 'error.type': String(status) } : {}),
    },
    failed,
  });
}

/** JSON text of an answer's `meta`; `pagination` is JSON text already. */
export const metaJson = (requestId: string, pagination?: string): string =>
  `{"request_id":"${requestId}","timestamp":"${timestamp()}"${
    pagination === undefined ? '' : `,"pagination":${pagination}`
  }}`;

/** The body of a success; `data` is JSON text already and is sent as it is. */
export const envelope = (requestId: string, data: string, pagination?: string): string =>
  `{"data":${data},"meta":${metaJson(requestId, pagination)}}`;

export interface Answering {
  /** Sends the first answer; later ones (such as one after the time-out) are dropped. */
  send(exchange: Exchange, status: number, headers: readonly string[], body: string | Buffer): void;
  /** Answers with a problem; an error that becomes a 500 or 503 is logged in full. */
  fail(exchange: Exchange, error: unknown): void;
  /** Logs an error that the caller is not told, because the command has had its effect. */
  noteAfterEffect(exchange: Exchange, error: unknown): void;
  /** Starts the time limit of the configuration, after which the caller gets a time-out. */
  startClock(exchange: Exchange): void;
  /** Logs and counts a request that was not answered through `send`. */
  record(exchange: Exchange, status: number): void;
}

export interface AnsweringOptions {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly requestTimeoutMs: number;
  /** Set on every answer. */
  readonly staticHeaders: readonly string[];
  readonly draining: () => boolean;
}

const RESOURCE_POLICY = 'Cross-Origin-Resource-Policy';

/** Pages of other origins may show files, such as those of a shop whose pages have an origin of their own. */
const forFiles = (headers: readonly string[]): readonly string[] =>
  headers.map((value, at) => (headers[at - 1] === RESOURCE_POLICY ? 'cross-origin' : value));

export function createAnswering(options: AnsweringOptions): Answering {
  const { logger, metrics, requestTimeoutMs, staticHeaders } = options;
  const fileHeaders = forFiles(staticHeaders);
  const log = createAccessLog(logger);

  const record = (exchange: Exchange, status: number): void => {
    const ms = performance.now() - exchange.startedAt;
    metrics.observe(exchange.route, exchange.req.method ?? '', status, ms / 1_000);
    log({ exchange, status, ms });
    if (exchange.span !== undefined) endTrace(exchange, exchange.span, status);
  };

  const send: Answering['send'] = (exchange, status, headers, body) => {
    if (exchange.done) return;
    exchange.done = true;
    clearTimeout(exchange.timer);
    const { res } = exchange;
    if (!res.headersSent && !res.destroyed) {
      const isFile = typeof body !== 'string';
      const all = (isFile ? fileHeaders : staticHeaders).concat(
        'X-Request-ID',
        exchange.requestId,
        exchange.headers,
        headers,
      );
      const bytes = Buffer.byteLength(body);
      if (status !== 204 && status !== 304) all.push('Content-Length', String(bytes));
      if (options.draining()) all.push('Connection', 'close');
      res.writeHead(status, all);
      // ASCII is the same bytes either way; for UTF-8, Node reserves three times its length.
      res.end(body, bytes === body.length ? 'latin1' : 'utf8');
    }
    record(exchange, status);
  };

  const fail: Answering['fail'] = (exchange, error) => {
    if (exchange.done) return;
    const problem = problemOf(error);
    if (problem.status === CODES.INTERNAL_ERROR.status) {
      logger.error({ err: error, request_id: exchange.requestId, route: exchange.route }, 'request failed');
    } else if (problem.status === CODES.SERVICE_UNAVAILABLE.status || isOutcomeUnknown(error)) {
      logger.warn({ err: error, request_id: exchange.requestId, route: exchange.route }, 'request refused for now');
    }
    const body = problemJson(problem, exchange.path, metaJson(exchange.requestId));
    send(
      exchange,
      problem.status,
      ['Content-Type', PROBLEM_TYPE, 'Cache-Control', 'no-store', ...problem.headers],
      body,
    );
  };

  const timeOut = (exchange: Exchange): void => {
    const answer = exchange.late?.();
    if (answer === undefined) fail(exchange, tooSlow());
    else send(exchange, answer.status, answer.headers, answer.body);
  };

  return {
    send,
    fail,
    record,
    noteAfterEffect({ requestId, route }, error) {
      logger.warn(
        { err: error, request_id: requestId, route },
        'a command is recorded, but its answer could not be made',
      );
    },
    startClock: (exchange) => {
      exchange.timer ??= setTimeout(timeOut, requestTimeoutMs, exchange);
    },
  };
}

const tooSlow = (): ProblemError =>
  new ProblemError('REQUEST_TIMEOUT', 'RequestTimeout', 'The request took too long; it may still be carried out.');

interface Line {
  readonly exchange: Exchange;
  readonly status: number;
  readonly ms: number;
}

/** One line per request. Its fields are not secret, and hold nothing that JSON escapes: percent-encoded ASCII, or our own names. */
function createAccessLog(logger: Logger): (line: Line) => void {
  const write = lineWriter(logger);
  return ({ exchange: { req, route, requestId, actor }, status, ms }) => {
    const user = actor.role === 'anonymous' ? '' : `,"user":"${actor.id}"`;
    const rounded = Math.round(ms * 100) / 100;
    write(
      `"method":"${req.method}","route":"${route}","status":${status},"ms":${rounded},"request_id":"${requestId}"${user}`,
      'request',
    );
  };
}
