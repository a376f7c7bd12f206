import { createHmac, randomUUID } from 'node:crypto';
import { expect } from 'chai';
import jwt from 'jsonwebtoken';
import { toNewEvents } from '../../../src/engine/decide/batch.ts';
import { type Edge, JWT_SECRET, openEdge } from '../edge.ts';

const CLAIMS = { sub: randomUUID(), role: 'admin', sid: randomUUID(), jti: randomUUID() };
const SIGNING: jwt.SignOptions = {
  algorithm: 'HS256',
  issuer: 'cartulary',
  audience: 'cartulary-api',
  expiresIn: 60,
  header: { alg: 'HS256', typ: 'at+jwt' },
};
const forge = (claims: object, options: jwt.SignOptions = {}, secret = JWT_SECRET): string =>
  jwt.sign({ ...CLAIMS, ...claims }, secret, { ...SIGNING, ...options });
const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const without = (claim: keyof typeof CLAIMS): string => {
  const { [claim]: _, ...rest } = CLAIMS;
  return jwt.sign(rest, JWT_SECRET, SIGNING);
};
const future = Math.floor(Date.now() / 1_000) + 600;
const unsigned = `${encoded({ alg: 'none', typ: 'at+jwt' })}.${encoded({ ...CLAIMS, iss: 'cartulary', aud: 'cartulary-api', iat: 1, exp: future })}.`;
const swapped = (): string => {
  const [, payload = '', signature = ''] = forge({ role: 'buyer' }).split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
  return `${encoded({ alg: 'HS256', typ: 'at+jwt' })}.${encoded({ ...claims, role: 'admin' })}.${signature}`;
};

const FORGED: Record<string, string> = {
  'unsigned (alg none)': unsigned,
  'signed by HS512': forge({}, { algorithm: 'HS512', header: { alg: 'HS512', typ: 'at+jwt' } }),
  'signed with another secret': forge({}, {}, 'another secret that is long enough too!!'),
  'changed after signing': swapped(),
  'of another audience': forge({}, { audience: 'elsewhere' }),
  'of another issuer': forge({}, { issuer: 'somebody' }),
  'of another type': forge({}, { header: { alg: 'HS256', typ: 'JWT' } }),
  expired: forge({ iat: Math.floor(Date.now() / 1_000) - 100 }, { expiresIn: 60 }),
  'not valid yet': forge({}, { notBefore: 600 }),
  'without an end': jwt.sign({ ...CLAIMS, iss: 'cartulary', aud: 'cartulary-api' }, JWT_SECRET, {
    algorithm: 'HS256',
    header: { alg: 'HS256', typ: 'at+jwt' },
  }),
  'without a user': without('sub'),
  'without a session': without('sid'),
  'without a role': without('role'),
  'without an id': without('jti'),
  'of an unknown role': forge({ role: 'system' }),
  'of a user that is no id': forge({ sub: 'anonymous' }),
  'a refresh token': `${randomUUID()}.${createHmac('sha256', 'x').digest('base64url')}`,
  'far too long': forge({ more: 'x'.repeat(5_000) }),
  nonsense: 'x.y.z',
  empty: '',
};

describe('who may do what', () => {
  let edge: Edge;
  before(async () => {
    edge = await openEdge();
  });
  after(() => edge.close());

  const me = (headers: Record<string, string>) => edge.request('GET', '/api/v1/users/me', { headers });

  it('is known by the token', async () => {
    const userId = randomUUID();
    const { status, json } = await edge.request('GET', '/api/v1/users/me', {
      token: edge.token({ userId, role: 'seller' }),
    });
    expect([status, json.data]).to.deep.equal([200, { id: userId, role: 'seller' }]);
    expect((await me({ authorization: `Bearer ${forge({})}` })).status).to.equal(200);
  });

  it('without a token is 401 where one is needed', async () => {
    const { status, headers, json } = await me({});
    expect([status, headers['www-authenticate'], json.errors[0].code]).to.deep.equal([401, 'Bearer', 'UNAUTHORIZED']);
    expect((await edge.request('POST', '/api/v1/admin/things')).status).to.equal(401);
  });

  for (const [what, token] of Object.entries(FORGED)) {
    it(`is not told by a token that is ${what}`, async () => {
      const { status, headers, json } = await me({ authorization: `Bearer ${token}` });
      expect([status, headers['www-authenticate'], json.errors[0].code]).to.deep.equal([401, 'Bearer', 'UNAUTHORIZED']);
    });
  }

  it('is 401 with anything else in Authorization, even where no token is needed', async () => {
    for (const authorization of [edge.token(), `Basic ${encoded({})}`, 'Bearer', `Bearer a b`, 'Bearer x']) {
      const { status } = await edge.request('GET', '/api/v1/labels', { headers: { authorization } });
      expect(status, authorization).to.equal(401);
    }
  });

  it('is 403 for the wrong role, and exactly the listed roles otherwise', async () => {
    const as = (role: 'buyer' | 'seller' | 'admin') =>
      edge.request('POST', '/api/v1/admin/things', { token: edge.token({ role }) });
    for (const role of ['buyer', 'seller'] as const) {
      const { status, json } = await as(role);
      expect([status, json.errors[0].code]).to.deep.equal([403, 'FORBIDDEN']);
    }
    expect((await as('admin')).status).to.equal(200);
  });

  const record = async (stream: string, type: string, data: object): Promise<bigint> => {
    const now = new Date().toISOString();
    const command = { type: 'Test', data: {}, id: randomUUID(), actor: 'test', now, correlationId: 'test' };
    const result = await edge.store.append(stream, -1n, toNewEvents(command, [{ type, data }]));
    if (result.outcome !== 'appended') throw new Error('conflict');
    return result.position;
  };

  it('ends with the session, at once, for that session alone', async () => {
    const [userId, sessionId] = [randomUUID(), randomUUID()];
    const [ended, other] = [edge.token({ userId, sessionId }), edge.token({ userId })];
    expect((await me({ authorization: `Bearer ${ended}` })).status).to.equal(200);
    const position = await record(`session-${sessionId}`, 'SessionEnded', { userId, reason: 'logout' });
    expect(await edge.app.revocations.passed(position)).to.equal(true);
    expect((await me({ authorization: `Bearer ${ended}` })).status).to.equal(401);
    expect((await me({ authorization: `Bearer ${other}` })).status).to.equal(200);
  });

  it('ends with a change of password for every session but the one that changed it', async () => {
    const [userId, kept] = [randomUUID(), randomUUID()];
    const [own, other] = [edge.token({ userId, sessionId: kept }), edge.token({ userId })];
    const data = { passwordHash: 'x', keptSession: kept, at: new Date().toISOString() };
    await edge.app.revocations.passed(await record(`user-${userId}`, 'PasswordChanged', data));
    expect((await me({ authorization: `Bearer ${own}` })).status).to.equal(200);
    expect((await me({ authorization: `Bearer ${other}` })).status).to.equal(401);
  });

  it('ends with deactivation, and begins again with tokens issued after it', async () => {
    const userId = randomUUID();
    const before = edge.token({ userId });
    await edge.app.revocations.passed(await record(`user-${userId}`, 'UserDeactivated', {}));
    expect((await me({ authorization: `Bearer ${before}` })).status).to.equal(401);
    expect((await me({ authorization: `Bearer ${edge.token({ userId, revision: 0n })}` })).status).to.equal(200);
  });
});
