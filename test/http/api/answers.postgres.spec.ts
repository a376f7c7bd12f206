import { expect } from 'chai';
import { outcomeUnknown } from '../../../src/eventstore/appendQueue.ts';
import { randomUUID } from 'node:crypto';
import { type RefusalKind, unavailable } from '../../../src/errors.ts';
import { gate, openEdge, type Edge } from '../edge.ts';
import { stage } from '../example.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Longer than the pauses between all runs of a command, 350 ms at most, with room for a busy machine. */
const REQUEST_TIMEOUT_MS = 1_500;

describe('an answer of the API', () => {
  let edge: Edge;
  before(async () => {
    edge = await openEdge({ http: { requestTimeoutMs: REQUEST_TIMEOUT_MS } });
  });
  after(() => edge.close());

  it('has the data and its meta', async () => {
    const { status, headers, json } = await edge.request('POST', '/api/v1/accounts', { body: { amount: 3 } });
    expect(status).to.equal(201);
    expect(headers['content-type']).to.equal('application/json; charset=utf-8');
    expect(json).to.have.all.keys('data', 'meta');
    expect(json.data).to.deep.include({ balance: 3, changes: 1 });
    expect(json.meta).to.have.all.keys('request_id', 'timestamp');
    expect(json.meta.request_id).to.equal(headers['x-request-id']).and.to.match(UUID);
    expect(Math.abs(Date.now() - Date.parse(json.meta.timestamp))).to.be.below(10_000);
  });

  it('tells the revision, the position, and where to find what was created', async () => {
    const { headers, json } = await edge.request('POST', '/api/v1/accounts', { body: { amount: 3 } });
    expect(headers.etag).to.equal('"0"');
    expect(headers.location).to.equal(`/api/v1/accounts/${json.data.id}`);
    expect(BigInt(String(headers['event-position'])) > 0n).to.equal(true);
    const found = await edge.request('GET', String(headers.location));
    expect(found.json.data).to.deep.equal(json.data);
    expect(found.headers.etag).to.match(/^"0\.[\w-]+"$/);
  });

  it('pages lists', async () => {
    const { json } = await edge.request('GET', '/api/v1/labels?page=3&per_page=20&on=true');
    expect(json.data).to.deep.equal([{ page: 3, per_page: 20, on: true }]);
    expect(json.meta.pagination).to.deep.equal({ current_page: 3, per_page: 20, total_items: 41, total_pages: 3 });
  });

  it('takes a sane request id and replaces any other', async () => {
    const sane = await edge.request('GET', '/api/v1/labels', { headers: { 'x-request-id': 'trace.A-1_b' } });
    expect([sane.headers['x-request-id'], sane.json.meta.request_id]).to.deep.equal(['trace.A-1_b', 'trace.A-1_b']);
    for (const bad of ['a b', '"', 'x'.repeat(129), '<script>']) {
      const { headers } = await edge.request('GET', '/api/v1/labels', { headers: { 'x-request-id': bad } });
      expect(headers['x-request-id'], bad).to.match(UUID);
    }
  });

  it('leaves its request id and a valid traceparent with the events', async () => {
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const write = async (trace: string) => {
      const headers = { 'x-request-id': 'why-1', traceparent: trace };
      const { json } = await edge.request('POST', '/api/v1/accounts', { body: { amount: 1 }, headers });
      return (await edge.store.read(`account-${json.data.id}`))[0]?.metadata;
    };
    expect(await write(traceparent)).to.include({ correlationId: 'why-1', traceparent, actor: 'anonymous' });
    expect(await write(`00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`)).to.not.have.property('traceparent');
    expect(await write('rubbish')).to.not.have.property('traceparent');
  });

  const REFUSALS: [RefusalKind, string | undefined, number, string][] = [
    ['invalid', undefined, 400, 'VALIDATION_ERROR'],
    ['unauthenticated', undefined, 401, 'UNAUTHORIZED'],
    ['forbidden', undefined, 403, 'FORBIDDEN'],
    ['notFound', undefined, 404, 'NOT_FOUND'],
    ['rejected', undefined, 409, 'CONFLICT'],
    ['rejected', 'INSUFFICIENT_STOCK', 409, 'INSUFFICIENT_STOCK'],
    ['rejected', 'INVALID_STATUS', 400, 'INVALID_STATUS'],
    ['rejected', 'EMPTY_CART', 400, 'EMPTY_CART'],
    ['stale', undefined, 412, 'PRECONDITION_FAILED'],
    ['unavailable', undefined, 503, 'SERVICE_UNAVAILABLE'],
  ];
  for (const [kind, code, status, shown] of REFUSALS) {
    it(`to what is ${kind}${code === undefined ? '' : ` (${code})`} is ${status} ${shown}`, async () => {
      stage.refusal = { kind, code };
      const reply = await edge.request('POST', '/api/v1/refusals');
      expect(reply.status).to.equal(status);
      expect(reply.headers['content-type']).to.equal('application/problem+json; charset=utf-8');
      expect(reply.json).to.have.all.keys('type', 'title', 'status', 'detail', 'instance', 'errors', 'meta');
      expect(reply.json).to.deep.include({
        type: '/problems/StageRefuses',
        status,
        detail: 'The stage refuses.',
        instance: '/api/v1/refusals',
        errors: [{ code: shown, message: 'The stage refuses.' }],
      });
      expect(reply.headers['www-authenticate']).to.equal(status === 401 ? 'Bearer' : undefined);
      expect(reply.headers['retry-after']).to.equal(status === 503 ? '1' : undefined);
    });
  }

  it('to a bug says nothing, while the log says all', async () => {
    const { status, text, json } = await edge.request('POST', '/api/v1/bugs');
    expect([status, json.errors[0].code]).to.deep.equal([500, 'INTERNAL_ERROR']);
    expect(text).to.not.match(/secret|SELECT|TypeError|at /);
    const logged = edge.logs.find(({ request_id: id, err }) => id === json.meta.request_id && err !== undefined);
    expect(logged.err.message).to.equal('SELECT secret FROM people failed');
    expect(logged.err.stack).to.include('example.ts');
  });

  it('that is not what its contract declares is a bug', async () => {
    expect((await edge.request('POST', '/api/v1/lies')).status).to.equal(500);
    expect(edge.logs.some(({ err }) => /Lie does not match its schema/.test(err?.message))).to.equal(true);
  });

  it('comes in time or is 504, and comes once', async () => {
    const held = gate();
    stage.gate = held.promise;
    const reply = await edge.request('POST', '/api/v1/accounts', { body: { amount: 9 } });
    stage.gate = undefined;
    held.open();
    expect([reply.status, reply.json.errors[0].code]).to.deep.equal([504, 'REQUEST_TIMEOUT']);
    expect((await edge.request('GET', '/api/v1/labels')).status).to.equal(200);
  });

  describe('after the effect', () => {
    const broken = unavailable('DatabaseUnavailable', 'The database does not answer; try again.');
    const deposits = async (id: string) => (await edge.store.read(`account-${id}`)).length;
    afterEach(() => (stage.afterEffect = undefined));

    it('is the success, when it can be made a moment later', async () => {
      let failures = 0;
      stage.afterEffect = () => ((failures += 1) < 3 ? Promise.reject(broken) : Promise.resolve());
      const { status, json } = await edge.request('POST', '/api/v1/accounts', { body: { amount: 3 } });
      expect([status, json.data.balance, await deposits(json.data.id)]).to.deep.equal([201, 3, 1]);
    });

    for (const [what, error] of [
      ['a dependency that does not answer', broken],
      ['a bug', new TypeError('SELECT secret')],
    ] as const) {
      it(`says that it is recorded, where to look, and never to try again: ${what}`, async () => {
        stage.afterEffect = () => Promise.reject(error);
        const made = await edge.request('POST', '/api/v1/accounts', { body: { amount: 3 } });
        expect(made.status).to.equal(202);
        expect(made.headers).to.not.have.property('retry-after');
        expect(made.text).to.not.match(/try again|secret/);
        expect(made.json.data).to.include({ recorded: true, seen_at: made.headers.location });
        expect(BigInt(String(made.headers['event-position'])) > 0n).to.equal(true);
        const { json } = await edge.request('GET', String(made.headers.location));
        expect(json.data.balance).to.equal(3);
        const path = `/api/v1/accounts/${json.data.id}`;
        const added = await edge.request('PUT', path, { body: { amount: 4 } });
        expect([added.status, added.headers.location, await deposits(json.data.id)]).to.deep.equal([202, path, 2]);
        const logged = edge.logs.find(({ request_id: id, err }) => id === made.headers['x-request-id'] && err);
        expect(logged?.msg).to.equal('a command is recorded, but its answer could not be made');
      });
    }

    it('says that it is recorded when the time is over', async () => {
      const held = gate();
      stage.afterEffect = () => held.promise;
      const { status, headers } = await edge.request('POST', '/api/v1/accounts', { body: { amount: 9 } });
      held.open();
      expect([status, headers['retry-after']]).to.deep.equal([202, undefined]);
      expect((await edge.request('GET', String(headers.location))).json.data.balance).to.equal(9);
    });

    it('is 504 without Retry-After while nobody knows whether there is an effect', async () => {
      stage.afterEffect = () => Promise.reject(outcomeUnknown());
      const reply = await edge.request('POST', '/api/v1/unknown');
      expect([reply.status, reply.json.type]).to.deep.equal([504, '/problems/OutcomeUnknown']);
      expect(reply.headers).to.not.have.property('retry-after');
    });
  });

  it('is logged in one line, without the query string', async () => {
    const { headers } = await edge.request('GET', '/api/v1/labels?search=hush');
    const lines = edge.logs.filter(({ request_id: id }) => id === headers['x-request-id']);
    expect(lines).to.have.length(1);
    expect(lines[0]).to.include({ method: 'GET', route: '/api/v1/labels', status: 200, msg: 'request' });
    expect(lines[0].ms).to.be.a('number');
    expect(JSON.stringify(lines)).to.not.include('hush');
  });

  it('carries the security headers and does not say what made it', async () => {
    const { headers } = await edge.request('GET', `/api/v1/accounts/${randomUUID()}`);
    expect(headers).to.not.have.property('x-powered-by');
    expect(headers).to.include({
      'content-security-policy': "default-src 'none';frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'SAMEORIGIN',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
    });
    expect(headers['strict-transport-security']).to.match(/max-age=\d+/);
  });
});

describe('the routes of the API', () => {
  let edge: Edge;
  before(async () => {
    edge = await openEdge({ http: { corsOrigins: ['https://shop.example'] } });
  });
  after(() => edge.close());

  it('answer 404 where there is nothing', async () => {
    for (const path of ['/api/v1/nothing', '/api/v1/', '/api/v1', '/elsewhere', '/api/v1/accounts/a/b/c']) {
      const { status, json } = await edge.request('GET', path);
      expect([path, status, json.errors[0].code]).to.deep.equal([path, 404, 'NOT_FOUND']);
    }
  });

  it('answer 405 with what is allowed', async () => {
    const { status, headers, json } = await edge.request('DELETE', `/api/v1/accounts/${randomUUID()}`);
    expect([status, headers.allow, json.errors[0].code]).to.deep.equal([
      405,
      'GET, HEAD, OPTIONS, PUT',
      'METHOD_NOT_ALLOWED',
    ]);
    expect((await edge.request('PATCH', '/api/v1/accounts', { body: {} })).status).to.equal(405);
    expect((await edge.request('POST', '/health')).status).to.equal(405);
  });

  it('answer HEAD like GET, without the body', async () => {
    const get = await edge.request('GET', '/api/v1/labels', { headers: { 'x-request-id': 'same' } });
    const head = await edge.request('HEAD', '/api/v1/labels', { headers: { 'x-request-id': 'same' } });
    expect([head.status, head.text]).to.deep.equal([200, '']);
    expect(head.headers['content-length']).to.equal(get.headers['content-length']);
  });

  it('answer OPTIONS with what is allowed', async () => {
    const { status, headers } = await edge.request('OPTIONS', '/api/v1/accounts');
    expect([status, headers.allow]).to.deep.equal([204, 'OPTIONS, POST']);
  });

  it('have aliases that answer the same', async () => {
    expect((await edge.request('POST', '/api/v1/konten', { body: { amount: 1 } })).status).to.equal(201);
    const token = edge.token();
    const [own, alias] = [
      await edge.request('GET', '/api/v1/users/me', { token }),
      await edge.request('GET', '/api/v1/users/profile', { token }),
    ];
    expect(alias.json.data).to.deep.equal(own.json.data);
  });

  it('tell scripts of listed origins what they may read, and nobody else', async () => {
    const asked = (origin: string) => edge.request('GET', '/api/v1/labels', { headers: { origin } });
    const listed = await asked('https://shop.example');
    expect(listed.headers['access-control-allow-origin']).to.equal('https://shop.example');
    expect(listed.headers['access-control-expose-headers']).to.include('Event-Position');
    expect(listed.headers.vary).to.equal('Origin');
    for (const origin of ['https://shop.example.evil.test', 'http://shop.example', 'null', 'https://evil.test']) {
      const { headers } = await asked(origin);
      expect(headers, origin).to.not.have.property('access-control-allow-origin');
      expect(headers.vary).to.equal('Origin');
    }
  });

  it('answer the preflight of a listed origin', async () => {
    const headers = { origin: 'https://shop.example', 'access-control-request-method': 'PUT' };
    const reply = await edge.request('OPTIONS', '/api/v1/accounts', { headers });
    expect(reply.status).to.equal(204);
    expect(reply.headers['access-control-allow-methods']).to.include('PUT');
    expect(reply.headers['access-control-allow-headers']).to.include('Idempotency-Key');
  });
});
