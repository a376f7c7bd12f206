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

  it('count attempts at one account from wherever they come', async () => {
    await open({ rateLimits: { login: 2 }, http: { trustProxy: 1 } });
    let from = 0;
    const attempt = (email: string) =>
      edge.request('POST', '/api/v1/sign-in', {
        body: { email },
        headers: { 'x-forwarded-for': `10.0.0.${(from += 1)}` },
      });
    expect(await statuses(3, () => attempt('Ada@example.com '))).to.deep.equal([200, 200, 429]);
    expect((await attempt('ada@example.com')).status).to.equal(429);
    expect((await attempt('bob@example.com')).status).to.equal(200);
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
