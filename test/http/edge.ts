import { randomUUID } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { createMemoryCache } from '../../src/cache/memoryCache.ts';
import type { Cache } from '../../src/cache/cache.ts';
import { createAggregates } from '../../src/engine/decide/handle.ts';
import type { AccessClaims, Services } from '../../src/commands/contract.ts';
import type { EventStore } from '../../src/eventstore/eventStore.ts';
import { createApp, type App, type AppDeps } from '../../src/http/app.ts';
import type { Idempotency } from '../../src/http/api/idempotency.ts';
import { createRevocations } from '../../src/http/auth/revocation.ts';
import { createTokens } from '../../src/http/auth/tokens.ts';
import type { Pool } from '../../src/platform/postgres/pool.ts';
import type { Progress } from '../../src/engine/ask/reach.ts';
import { createMemoryEventStore } from '../support/memoryStore.ts';
import type { Json } from '../support/shop.ts';
import { example } from './example.ts';
import { memoryPersonalData } from '../support/personalData.ts';

export const JWT_SECRET = 'a secret of the tests that is long enough';
const ACCESS_TTL_MS = 900_000;
const RATE_LIMITS_OFF = { public: 0, auth: 0, address: 0, login: 0, register: 0, refresh: 0 };

/** The error of one field in a problem answer. */
export interface Wrong {
  readonly code: string;
  readonly field?: string;
  readonly message: string;
}

export interface Reply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
  readonly json: Json;
}

export interface Request {
  readonly headers?: http.OutgoingHttpHeaders;
  /** Sent as JSON; `text` is sent as it is. */
  readonly body?: unknown;
  readonly text?: string | Buffer;
  readonly token?: string;
}

/** A projection's progress that the test moves by hand. Unless held, it is ahead of the log. */
interface HandMoved extends Progress {
  hold(): void;
  moveTo(position: bigint): void;
  readonly waited: bigint[];
}

function createHandMovedProgress(): HandMoved {
  let position = 1_000_000n;
  const waited: bigint[] = [];
  const waiters = new Set<() => void>();
  return {
    waited,
    hold: () => (position = 0n),
    moveTo(next) {
      position = next;
      waiters.forEach((wake) => wake());
    },
    position: () => position,
    isOwn: () => true,
    doubts: 0,
    waitFor(_names, wanted, timeoutMs) {
      waited.push(wanted);
      return new Promise((resolve) => {
        const settle = (reached: boolean): void => {
          clearTimeout(timer);
          waiters.delete(wake);
          resolve(reached);
        };
        const wake = (): void => {
          if (position >= wanted) settle(true);
        };
        const timer = setTimeout(() => settle(false), timeoutMs);
        waiters.add(wake);
        wake();
      });
    },
  };
}

/** For tests that are not about idempotency keys and send none. */
const noIdempotency: Idempotency = {
  hashOf: () => Buffer.alloc(0),
  once: () => Promise.reject(new Error('this test has no idempotency')),
  start: () => Promise.resolve(),
  stop: () => Promise.resolve(),
  purge: () => Promise.resolve(0),
};

const noRows = { query: () => Promise.resolve({ rows: [], rowCount: 0 }) } as unknown as Pool;

export interface Edge {
  readonly app: App;
  readonly url: string;
  readonly store: EventStore;
  readonly cache: Cache;
  readonly progress: HandMoved;
  readonly logs: Json[];
  request(method: string, path: string, request?: Request): Promise<Reply>;
  /** An access token for a person with these claims. */
  token(claims?: Partial<AccessClaims>): string;
  close(): Promise<void>;
}

export type EdgeOptions = Partial<Omit<AppDeps, 'config'>> & {
  readonly http?: Partial<AppDeps['config']['http']>;
  readonly rateLimits?: Partial<AppDeps['config']['rateLimits']>;
};

export function send(url: string, method: string, path: string, request: Request = {}): Promise<Reply> {
  const { body, token, headers = {} } = request;
  const text = request.text ?? (body === undefined ? undefined : JSON.stringify(body));
  const sent: http.OutgoingHttpHeaders = {
    ...(text === undefined ? {} : { 'content-type': 'application/json' }),
    ...(text === undefined || 'transfer-encoding' in headers ? {} : { 'content-length': Buffer.byteLength(text) }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...headers,
  };
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const outgoing = http.request({ hostname, port, path, method, headers: sent, agent: false, timeout: 10_000 });
    outgoing.once('timeout', () => outgoing.destroy(new Error(`no answer to ${method} ${path}`)));
    outgoing.once('error', reject);
    outgoing.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('end', () => {
        const received = Buffer.concat(chunks).toString();
        const isJson = /json/.test(response.headers['content-type'] ?? '') && received !== '';
        const json: Json = isJson ? JSON.parse(received) : undefined;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: received, json });
      });
    });
    outgoing.end(text);
  });
}

/** The HTTP edge over a log in memory, on a free port. */
export async function openEdge(options: EdgeOptions = {}): Promise<Edge> {
  const { http: httpSettings, rateLimits, ...given } = options;
  const store = given.store ?? createMemoryEventStore();
  const cache = createMemoryCache({ entriesMax: 1_000, bytesMax: 1_000_000 });
  const progress = createHandMovedProgress();
  const tokens = createTokens({ secret: JWT_SECRET, accessTtlMs: ACCESS_TTL_MS, refreshTtlMs: 1_000_000 });
  const logs: Json[] = [];
  const logger = pino({ level: 'info' }, { write: (line: string) => void logs.push(JSON.parse(line)) });
  const app = createApp({
    config: {
      http: {
        host: '127.0.0.1',
        port: 0,
        trustProxy: 0,
        corsOrigins: [],
        requestTimeoutMs: 5_000,
        bodyLimitBytes: 10_000,
        ...httpSettings,
      },
      rateLimits: { ...RATE_LIMITS_OFF, ...rateLimits },
      auth: { accessTtlMs: ACCESS_TTL_MS, passwordMinLength: 8 },
    },
    jwtSecret: JWT_SECRET,
    masterKey: Buffer.alloc(32, 3),
    logger,
    version: '0.0.0',
    contracts: example,
    services: {
      aggregates: createAggregates({ store }),
      personalData: memoryPersonalData(),
      tokens,
      settings: { signIn: { secondFactor: 'nobody' } },
    } as unknown as Services,
    store,
    db: { rows: () => Promise.resolve([]) },
    pool: noRows,
    cache,
    progress,
    idempotency: noIdempotency,
    revocations: createRevocations({ store, db: noRows, accessTtlMs: ACCESS_TTL_MS, logger }),
    insight: 'open',
    checkResults: true,
    ...given,
  });
  await app.start();
  await new Promise<void>((resolve) => app.server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  return {
    app,
    url,
    store,
    cache,
    progress,
    logs,
    request: (method, path, request) => send(url, method, path, request),
    token: (claims) =>
      tokens.issue({ userId: randomUUID(), role: 'buyer', sessionId: randomUUID(), revision: -1n, ...claims }).token,
    async close() {
      await app.drain(1_000);
      await app.close();
      await store.close();
    },
  };
}

/** A promise, and a function that resolves it. */
export function gate(): { promise: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const promise = new Promise<void>((resolve) => (open = resolve));
  return { promise, open };
}
