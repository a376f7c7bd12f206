import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { openEdge, type Edge, type EdgeOptions } from '../edge.ts';

describe('rate limits', () => {
  let edge: Edge;
  const open = async (options: EdgeOptions): Promise<void> => {
    edge = await openEdge(options);
  };
  afterEach(() => edge.close());
  const get = (headers: Record<string, string> = {}, token?: string) =>
    edge.request('GET', '/api/v1/labels', { headers, ...(token === undefined ? {} : { token }) });
  const statuses = async (count: number, ask: () => ReturnType<typeof get>): Promise<number[]> => {
    const found: number[] = [];
    for (let index = 0; index < count; index += 1) found.push((await ask()).status);
    return found;
  };

  it('are told with every answer, and refuse the request after the last', async () => {
    await open({ rateLimits: { public: 3 } });
    const first = await get();
    expect(first.headers['ratelimit-policy']).to.equal('"public";q=3;w=60');
    expect(first.headers['ratelimit']).to.match(/^"public";r=2;t=6[01]$/);
    expect(await statuses(2, get)).to.deep.equal([200, 200]);
    const { status, headers, json } = await get();
    expect([status, json.errors[0].code]).to.deep.equal([429, 'RATE_LIMITED']);
    expect(Number(headers['retry-after'])).to.be.within(1, 61);
    expect(headers['ratelimit']).to.match(/^"public";r=0;t=\d+$/);
  });

  it('count by account for signed-in callers', async () => {
    await open({ rateLimits: { public: 1, auth: 2 } });
    const [ada, bob] = [edge.token(), edge.token()];
    expect(await statuses(3, () => get({}, ada))).to.deep.equal([200, 200, 429]);
    expect((await get({}, bob)).headers['ratelimit-policy']).to.equal('"auth";q=2;w=60');
    expect(await statuses(2, get)).to.deep.equal([200, 429]);
  });

  it('slow down callers that guess tokens', async () => {
    await open({ rateLimits: { public: 2 } });
    expect(await statuses(3, () => get({}, 'guess'))).to.deep.equal([401, 401, 429]);
  });

  const attempt = (email: string, address: string) =>
    edge.request('POST', '/api/v1/sign-in', { body: { email }, headers: { 'x-forwarded-for': address } });
  const security = () => edge.logs.filter((line) => String(line.security).startsWith('rate limit'));

  it('let the owner in from elsewhere, after an address spent its attempts at the account', async () => {
    await open({ rateLimits: { login: 10 }, http: { trustProxy: 1 } });
    const guesses = await statuses(12, () => attempt('ada@example.com', '10.0.0.1'));
    expect(guesses).to.deep.equal([...Array.from({ length: 10 }, () => 200), 429, 429]);
    const began = performance.now();
    expect((await attempt('ada@example.com', '10.0.0.2')).status).to.equal(200);
    expect(performance.now() - began).to.be.below(1_000);
  });

  it('slow down attempts at one account from many addresses, and never refuse its owner', async () => {
    await open({ rateLimits: { login: 2 }, http: { trustProxy: 1 } });
    const timed = async (email: string, host: number): Promise<number> => {
      const began = performance.now();
      expect((await attempt(email, `10.0.0.${host}`)).status, `${email} from ${host}`).to.equal(200);
      return performance.now() - began;
    };
    for (let host = 1; host <= 6; host += 1) expect(await timed('Ada@example.com ', host)).to.be.below(1_500);
    const waits = await Promise.all([7, 8, 9].map((host) => timed('ada@example.com', host)));
    for (const ms of waits) expect(ms).to.be.within(2_400, 4_900);
    expect(await timed('bob@example.com', 20)).to.be.below(1_500);
    expect(security()).to.have.length(1);
    expect(security()[0]).to.deep.include({ security: 'rate limit delayed', limit: 'login', route: '/api/v1/sign-in' });
  }).timeout(20_000);

  it('limit guesses of a signed-in caller by session, from however many addresses they come', async () => {
    await open({ rateLimits: { login: 3 }, http: { trustProxy: 1 } });
    const [stolen, other] = [randomUUID(), randomUUID()];
    const userId = randomUUID();
    let host = 0;
    const guess = (sessionId: string) =>
      edge.request('PUT', '/api/v1/secrets', {
        token: edge.token({ userId, sessionId }),
        headers: { 'x-forwarded-for': `10.0.1.${(host += 1)}` },
      });
    expect(await statuses(5, () => guess(stolen))).to.deep.equal([200, 200, 200, 429, 429]);
    expect((await guess(other)).status, 'the owner in a session of their own').to.equal(200);
    expect(security()).to.have.length(1);
    expect(security()[0]).to.deep.include({
      ...{ security: 'rate limit refused', address: '10.0.1.4', limit: 'login', user: userId, level: 40 },
    });
  });

  it('count an address as one, whatever port or spelling the proxy gives it', async () => {
    await open({ rateLimits: { public: 3 }, http: { trustProxy: 1 } });
    const spellings = ['192.0.2.1:1111', '192.0.2.1:2222', '[::ffff:192.0.2.1]:3333', '192.0.2.1'];
    const found: number[] = [];
    for (const address of spellings) found.push((await get({ 'x-forwarded-for': address })).status);
    expect(found).to.deep.equal([200, 200, 200, 429]);
    const invented = await statuses(5, () => get({ 'x-forwarded-for': `a.b.c.d:${Math.random()}` }));
    expect(invented).to.deep.equal([200, 200, 200, 429, 429]);
  });

  it('count signed-in callers of one address together too', async () => {
    await open({ rateLimits: { auth: 5, address: 4 } });
    expect(await statuses(6, () => get({}, edge.token()))).to.deep.equal([200, 200, 200, 200, 429, 429]);
  });

  it('count every route: unknown ones, wrong methods, OPTIONS and pages, but no probes', async () => {
    const asks: [string, string, number][] = [
      ['GET', '/api/v1/nothing', 404],
      ['GET', '/api/v1/labels/not%zza', 400],
      ['DELETE', '/api/v1/labels', 405],
      ['OPTIONS', '/api/v1/labels', 204],
      ['GET', '/api/v1/docs', 308],
      ['GET', '/nothing', 404],
      ['GET', '/openapi.json', 200],
      ['GET', '/docs/', 200],
    ];
    for (const [method, path, status] of asks) {
      await open({ rateLimits: { public: 2 } });
      const found = await statuses(4, () => edge.request(method, path));
      expect(found, `${method} ${path}`).to.deep.equal([status, status, 429, 429]);
      expect(await statuses(3, () => edge.request('GET', '/livez'))).to.deep.equal([200, 200, 200]);
      await edge.close();
    }
    await open({});
  });

  it('are no limits when they are 0', async () => {
    await open({});
    const { headers } = await get();
    expect(headers).to.not.have.any.keys('ratelimit', 'ratelimit-policy');
  });

  it('see the address behind as many proxies as are trusted, and nothing that a client writes itself', async () => {
    const spoofed = (address: string) => get({ 'x-forwarded-for': address });
    await open({ rateLimits: { public: 1 } });
    expect(await statuses(1, () => spoofed('1.1.1.1'))).to.deep.equal([200]);
    expect(await statuses(1, () => spoofed('2.2.2.2'))).to.deep.equal([429]);
    await edge.close();
    await open({ rateLimits: { public: 1 }, http: { trustProxy: 1 } });
    expect((await spoofed('1.1.1.1')).status).to.equal(200);
    expect((await spoofed('2.2.2.2')).status).to.equal(200);
    expect((await spoofed('9.9.9.9, 2.2.2.2')).status).to.equal(429);
    await edge.close();
    await open({ rateLimits: { public: 1 }, http: { trustProxy: ['10.0.0.0/8'] } });
    expect((await spoofed('1.1.1.1')).status).to.equal(200);
    expect((await spoofed('2.2.2.2')).status).to.equal(429);
  });
});
