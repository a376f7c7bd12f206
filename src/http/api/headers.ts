import type { IncomingMessage, ServerResponse } from 'node:http';
import cors from 'cors';
import helmet from 'helmet';

/** Headers that scripts of other origins may read. */
const EXPOSED_HEADERS = [
  'ETag',
  'Location',
  'X-Request-ID',
  'Event-Position',
  'Projection-Position',
  'Idempotency-Replayed',
  'Retry-After',
  'RateLimit',
  'RateLimit-Policy',
];
const ALLOWED_HEADERS = [
  'Authorization',
  'Content-Type',
  'Idempotency-Key',
  'If-Match',
  'If-None-Match',
  'Last-Event-ID',
  'Min-Position',
  'X-Request-ID',
  'traceparent',
];
const ALLOWED_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
const PREFLIGHT_MAX_AGE_S = 600;

const API_POLICY = { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } };

/** The headers that helmet sets on an answer of the API, computed once: name, value, name, value, … */
export function securityHeaders(): readonly string[] {
  const headers: string[] = [];
  const recorder = {
    setHeader: (name: string, value: string | number | readonly string[]) => headers.push(name, String(value)),
    removeHeader: () => undefined,
  };
  helmet({ contentSecurityPolicy: API_POLICY })(
    { headers: {} } as unknown as IncomingMessage,
    recorder as unknown as ServerResponse,
    (error?: unknown) => {
      if (error !== undefined) throw new Error('helmet refuses its options', { cause: error });
    },
  );
  return headers;
}

/** Sets the CORS headers for a listed origin. Answers a preflight and then returns true: nothing is left to do. */
export type Cors = (req: IncomingMessage, res: ServerResponse) => boolean;

/** Matches listed origins exactly; every other origin, `null` included, gets no CORS header at all. */
export function corsFor(origins: readonly string[]): Cors {
  const listed = new Set(origins);
  const mark = cors({
    origin: [...origins],
    methods: ALLOWED_METHODS,
    allowedHeaders: ALLOWED_HEADERS,
    exposedHeaders: EXPOSED_HEADERS,
    maxAge: PREFLIGHT_MAX_AGE_S,
  });
  return (req, res) => {
    const { origin } = req.headers;
    if (origin === undefined || !listed.has(origin)) return false;
    if (req.method === 'OPTIONS' && req.headers['access-control-request-method'] === undefined) return false;
    mark(req, res, () => undefined);
    return res.writableEnded;
  };
}
