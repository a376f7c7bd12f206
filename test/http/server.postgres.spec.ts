import { randomUUID } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { openEdge, send, type Edge, type Reply, type Request } from './edge.ts';

/** A reply without the parts that differ from one transmission to the next. */
const steady = ({ status, headers, text, json }: Reply) => {
  const { date: _date, etag, 'last-modified': _modified, ...rest } = headers;
  const body = json?.meta === undefined ? text : { ...json, meta: { ...json.meta, timestamp: '' } };
  return { status, headers: { ...rest, etag: typeof etag }, body };
};

describe('the server', () => {
  let edge: Edge;
  let plain: http.Server;
  let plainUrl: string;
  before(async () => {
    edge = await openEdge({ http: { corsOrigins: ['https://shop.example'], trustProxy: 1 } });
    // The same app on a server as Express's documentation creates it, with the same timeouts.
    plain = http.createServer({ keepAliveTimeout: 65_000 }, edge.app.app);
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
    plainUrl = `http://127.0.0.1:${(plain.address() as AddressInfo).port}`;
  });
  after(async () => {
    await new Promise((resolve) => {
      plain.close(resolve);
      plain.closeAllConnections();
    });
    await edge.close();
  });

  const id = randomUUID();
  const CASES: [string, string, Request?][] = [
    ['GET', '/health'],
    ['GET', '/livez'],
    ['GET', '/docs'],
    ['GET', '/docs/'],
    ['GET', '/docs/init.js'],
    ['GET', '/docs/assets/swagger-ui.css'],
    ['HEAD', '/docs/assets/swagger-ui.css'],
    ['GET', '/docs/assets/nothing.css'],
    ['GET', '/openapi.json'],
    ['GET', '/nothing'],
    ['GET', '/%E0%A4%A'],
    ['POST', '/health'],
    ['GET', '/api/v1/docs'],
    ['GET', `/api/v1/labels/${id}`],
    ['HEAD', `/api/v1/labels/${id}`],
    ['GET', '/api/v1/labels?page=2&on=true'],
    ['GET', '/api/v1/labels?page=x'],
    ['GET', '/api/v1/labels', { headers: { origin: 'https://shop.example' } }],
    [
      'OPTIONS',
      '/api/v1/labels',
      { headers: { origin: 'https://shop.example', 'access-control-request-method': 'GET' } },
    ],
    ['OPTIONS', '/api/v1/labels'],
    ['PATCH', '/api/v1/labels'],
    ['GET', '/api/v1/users/me'],
    ['GET', `/api/v1/accounts/${id}`],
    ['POST', '/api/v1/accounts', { body: { amount: 'x' } }],
    ['POST', '/api/v1/accounts', { text: '{' }],
    ['POST', '/api/v1/accounts', { text: 'x'.repeat(20_000) }],
    ['POST', '/api/v1/refusals'],
    ['POST', '/api/v1/bugs'],
  ];
  for (const [method, path, request = {}] of CASES) {
    it(`answers ${method} ${path} as Express on a plain server does`, async () => {
      const fixed = { ...request, headers: { ...request.headers, 'x-request-id': 'same' } };
      const ours = await send(edge.url, method, path, fixed);
      expect(steady(ours)).to.deep.equal(steady(await send(plainUrl, method, path, fixed)));
    });
  }

  it('gives requests and responses the prototypes that Express would give them', async () => {
    const seen = await new Promise<boolean[]>((resolve, reject) => {
      edge.app.server.prependOnceListener('request', (req, res) =>
        resolve([
          Object.getPrototypeOf(req) === edge.app.app.request,
          Object.getPrototypeOf(res) === edge.app.app.response,
          req instanceof http.IncomingMessage,
          res instanceof http.ServerResponse,
        ]),
      );
      send(edge.url, 'GET', '/health').catch(reject);
    });
    expect(seen).to.deep.equal([true, true, true, true]);
  });

  it('sets every time-out', () => {
    const { headersTimeout, requestTimeout, keepAliveTimeout } = edge.app.server;
    expect([headersTimeout, requestTimeout, keepAliveTimeout]).to.deep.equal([15_000, 60_000, 65_000]);
  });
});
