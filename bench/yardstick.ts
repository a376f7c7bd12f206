import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import express from 'express';
import { Redis } from 'ioredis';
import { bodyCheck } from '../src/http/api/validate.ts';
import { authenticateBy } from '../src/http/auth/authenticate.ts';
import { createVerifier } from '../src/http/auth/tokens.ts';
import { createServer } from '../src/http/server.ts';

/**
 * The yardstick of the HTTP benches, in a process of its own, compiled like the server:
 * `node dist/bench/bench/yardstick.js bytes|express|redis`, with the answer as JSON on stdin. Prints its URL.
 */
export interface BytesYardstick {
  readonly headers: readonly string[];
  readonly body: string;
}
export interface ExpressYardstick {
  readonly path: string;
  readonly jwtSecret: string;
  readonly schema: object;
  /** The answer that our own server would send. */
  readonly data: unknown;
}

export interface RedisYardstick {
  readonly path: string;
  readonly redisUrl: string;
  /** The Redis key of the answer. */
  readonly key: string;
  readonly headers: readonly string[];
}

/** Bare node:http. Answers every request with the same bytes. */
function bytes({ headers, body }: BytesYardstick): http.Server {
  return http.createServer((_req, res) => {
    res.writeHead(200, [...headers]);
    res.end(body);
  });
}

/** Express on the same server set-up. Checks the token, parses and validates the body, answers, and does nothing else. */
function bareExpress({ path, jwtSecret, schema, data }: ExpressYardstick): http.Server {
  const authenticate = authenticateBy(createVerifier({ secret: jwtSecret, isRevoked: () => false }));
  const check = bodyCheck(schema as Parameters<typeof bodyCheck>[0]);
  const app = express().disable('x-powered-by').disable('etag');
  app.post(path, express.json(), (req, res) => {
    const { role } = authenticate(req);
    const errors = check(req.body);
    if (role !== 'buyer') res.status(403).end();
    else if (errors.length > 0) res.status(400).json({ errors });
    else res.json({ data, meta: { request_id: 'none', timestamp: new Date().toISOString() } });
  });
  return createServer(app);
}

/** Express on the same server set-up. Answers with the value of one GET of ioredis. */
function expressOnRedis({ path, redisUrl, key, headers }: RedisYardstick): http.Server {
  const redis = new Redis(redisUrl);
  const app = express().disable('x-powered-by').disable('etag');
  app.get(path, async (_req, res) => {
    const body = await redis.get(key);
    res.writeHead(200, [...headers]);
    res.end(body);
  });
  return createServer(app);
}

const given: unknown = JSON.parse(await text(process.stdin));
const kinds: Record<string, () => http.Server> = {
  bytes: () => bytes(given as BytesYardstick),
  express: () => bareExpress(given as ExpressYardstick),
  redis: () => expressOnRedis(given as RedisYardstick),
};
const kind = kinds[process.argv[2] ?? ''];
if (kind === undefined) throw new Error('say which: bytes, express or redis');
const server = kind();
server.listen(0, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
