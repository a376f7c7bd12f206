import { expect } from 'chai';
import type { Json } from '../../support/shop.ts';
import { openEdge, type Edge } from '../edge.ts';

describe('security events in the log', () => {
  let edge: Edge;
  beforeEach(async () => {
    edge = await openEdge({ http: { trustProxy: 1 } });
  });
  afterEach(() => edge.close());
  const signIn = (email: string, wrong: boolean, address = '192.0.2.7:4711') =>
    edge.request('POST', '/api/v1/sign-in', { body: { email, wrong }, headers: { 'x-forwarded-for': address } });
  const told = (): Json[] => edge.logs.filter((line) => line.security !== undefined);

  it('tell a failed login with the address and a keyed mark of the account, never the account itself', async () => {
    expect((await signIn('Ada@example.com ', true)).status).to.equal(401);
    await signIn('ada@example.com', true, '192.0.2.8');
    await signIn('bob@example.com', true);
    const lines = told();
    expect(lines[0]).to.deep.include({
      ...{ level: 40, security: 'login', rule: 'WrongCredentials', address: '192.0.2.7', route: '/api/v1/sign-in' },
    });
    expect(lines[0].account).to.match(/^[0-9a-f]{16}$/);
    expect(lines.map(({ account }) => account === lines[0].account)).to.deep.equal([true, true, false]);
    expect(lines.map(({ address }) => String(address))).to.deep.equal(['192.0.2.7', '192.0.2.8', '192.0.2.7']);
    expect(JSON.stringify(edge.logs)).to.not.include('example.com');
  });

  it('mark accounts with a key, so that an address cannot be tried against the log', async () => {
    const other = await openEdge({ masterKey: Buffer.alloc(32, 4) });
    await signIn('ada@example.com', true);
    await other.request('POST', '/api/v1/sign-in', { body: { email: 'ada@example.com', wrong: true } });
    expect(told()[0].account).to.not.equal(other.logs.find((line) => line.security !== undefined).account);
    await other.close();
  });

  it('tell a login that succeeded, and each lockout once', async () => {
    await signIn('ada@example.com', false);
    expect(told()[0]).to.deep.include({ level: 30, security: 'login', address: '192.0.2.7' });
    await edge.close();
    edge = await openEdge({ rateLimits: { login: 1 } });
    for (let turn = 0; turn < 4; turn += 1) await signIn('ada@example.com', true);
    const refused = told().filter((line) => line.security === 'rate limit refused');
    expect(refused).to.have.length(1);
    expect(refused[0]).to.deep.include({ level: 40, limit: 'login', address: '127.0.0.1' });
  });
});
