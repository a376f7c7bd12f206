import {
  createServer as createHttpServer,
  IncomingMessage,
  ServerResponse,
  STATUS_CODES,
  type Server,
} from 'node:http';
import type { Socket } from 'node:net';
import express, { type Express } from 'express';
import type { Config } from '../config/config.ts';
import { clientAddress, type Trust } from './limits/addresses.ts';
import { PROBLEM_TYPE } from './api/problem.ts';

const HEADERS_TIMEOUT_MS = 15_000;
/** How long a whole request may take to arrive. */
const REQUEST_TIMEOUT_MS = 60_000;
/** Longer than the 60 s for which load balancers keep connections. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
const HEADER_BYTES_MAX = 16_384;
const TIMEOUT_CHECK_INTERVAL_MS = 5_000;

/**
 * Request and response classes with the prototypes that the app needs. They must be derived classes: V8 makes a new hidden
 * class for each object of `Reflect.construct` with any other target, which costs 100 µs a request.
 */
function adopt(app: Express) {
  class Request extends IncomingMessage {}
  class Response extends ServerResponse {}
  Object.setPrototypeOf(Request.prototype, app.request);
  Object.setPrototypeOf(Response.prototype, app.response);
  Object.assign(app, { request: Request.prototype, response: Response.prototype });
  return { IncomingMessage: Request, ServerResponse: Response };
}

/** Returns the reader of a client's address. Without proxies in front, forwarded addresses are not looked at. */
export function addressReader(
  app: Express,
  trustProxy: Config['http']['trustProxy'],
): (req: IncomingMessage) => string {
  if (trustProxy === 0) return ({ socket }) => socket.remoteAddress ?? '';
  const trust = app.get('trust proxy fn') as Trust;
  return (req) => clientAddress(req, trust);
}

const STATUS_OF_PARSER_ERROR: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** Answers a request that cannot be parsed as HTTP with a problem; such a request never reaches the app. */
function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  const { _httpMessage: answering } = socket as { _httpMessage?: ServerResponse | null };
  if (error.code === 'ECONNRESET' || !socket.writable || answering?.headersSent === true) {
    socket.destroy();
    return;
  }
  const status = STATUS_OF_PARSER_ERROR[error.code ?? ''] ?? 400;
  const title = STATUS_CODES[status] ?? '';
  const errors = [{ code: 'VALIDATION_ERROR', message: 'The request is not readable as HTTP.' }];
  const body = JSON.stringify({ type: '/problems/UnreadableRequest', title, status, detail: title, errors });
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

/** An Express app without Express's own ETags, query parsing and `X-Powered-By`. */
export function expressApp(trustProxy: Config['http']['trustProxy']): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.set('trust proxy', trustProxy);
  return app;
}

/** Accepts nothing new. Resolves when all requests in flight are answered, or after `graceMs`. */
export async function drained(server: Server, graceMs: number): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(timer);
}

/**
 * A server for an Express app, with every timeout set. Express swaps the prototype of each request and response, which
 * costs more than all else it does. Here the objects are created with that prototype, so the swap changes nothing.
 */
export function createServer(app: Express): Server {
  const server = createHttpServer(
    {
      ...adopt(app),
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      maxHeaderSize: HEADER_BYTES_MAX,
      connectionsCheckingInterval: TIMEOUT_CHECK_INTERVAL_MS,
    },
    app,
  );
  server.on('clientError', answerUnreadable);
  return server;
}
