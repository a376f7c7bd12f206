import { createHash, createHmac, hkdfSync, randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { sessionDecider } from '../../src/aggregates/session.ts';
import { commandContext } from '../../src/compose/shop.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { must, openWriteSide, request, serveShop, type Answer } from '../support/shop.ts';

const OLD = 'the signing secret of last year is long enough';
const NEW = 'the signing secret of this year is as long';
const PASSWORD = 'correct horse battery';

interface Pair {
  readonly access_token: string;
  readonly refresh_token: string;
}

describe('the signing secret', function () {
  this.timeout(90_000);
  let database: TestDatabase;
  let shop: Awaited<ReturnType<typeof serveShop>> | undefined;
  const email = `ada-${randomUUID()}@example.com`;
  let userId: string;

  before(async () => {
    database = await freshDatabase();
    await serveWith(OLD);
    const body = { email, password: PASSWORD, name: 'Ada' };
    userId = must(await request(url(), 'POST', '/auth/register', { body }), 201).data.id;
  });
  after(async () => {
    await shop?.stop();
    await database.drop();
  });

  const url = (): string => shop!.url;
  /** Starts the shop again with these secrets. */
  async function serveWith(secrets: string): Promise<void> {
    await shop?.stop();
    shop = await serveShop(database.url, { JWT_SECRET: secrets });
  }
  const logIn = async (): Promise<Pair> =>
    must(await request(url(), 'POST', '/auth/login', { body: { email, password: PASSWORD } }), 200).data;
  const me = (token: string): Promise<Answer> => request(url(), 'GET', '/users/me', { token });
  const refresh = (token: string): Promise<Answer> =>
    request(url(), 'POST', '/auth/refresh', { body: { refresh_token: token } });

  /** A session as earlier versions started it: its refresh token follows from the secret and the command's id. */
  async function derivedToken(secret: string): Promise<string> {
    const sessionId = randomUUID();
    const id = randomUUID();
    const key = hkdfSync('sha256', secret, '', 'cartulary refresh tokens', 32);
    const made = createHmac('sha256', Buffer.from(key)).update(`${sessionId}\n${id}`).digest('base64url');
    const token = `${sessionId}.${made}`;
    const write = await openWriteSide(database.url);
    try {
      const context = commandContext(write.services, { actor: { id: 'anonymous', role: 'anonymous' }, id });
      const tokenHash = createHash('sha256').update(token).digest('hex');
      const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
      const data = { userId, tokenHash, expiresAt, passwordChanges: 0, rolesTaken: 0, deactivations: 0 };
      await context.handle(sessionDecider, sessionId, { type: 'StartSession', data });
    } finally {
      await write.close();
    }
    return token;
  }

  it('is changed without signing anybody out: the first signs, all verify, and a removed one verifies nothing', async () => {
    const before = await logIn();
    await serveWith(`${NEW},${OLD}`);
    must(await me(before.access_token), 200);
    const between = await logIn();
    must(await me(between.access_token), 200);
    await serveWith(NEW);
    must(await me(before.access_token), 401);
    must(await me(between.access_token), 200);
    const after = must(await refresh(before.refresh_token), 200).data as Pair;
    must(await me(after.access_token), 200);
  });

  it('makes no refresh token: one that is spent ends its session, whatever the secrets are', async () => {
    await serveWith(OLD);
    const { refresh_token: first } = await logIn();
    const { refresh_token: second } = must(await refresh(first), 200).data as Pair;
    await serveWith(NEW);
    must(await refresh(first), 401);
    must(await refresh(second), 401);
  });

  it('takes a refresh token that an earlier version derived from it, once, and only while it is listed', async () => {
    await serveWith(`${NEW},${OLD}`);
    const [listed, removed] = [await derivedToken(OLD), await derivedToken(OLD)];
    const { refresh_token: next } = must(await refresh(listed), 200).data as Pair;
    must(await refresh(next), 200);
    must(await refresh(listed), 401);
    await serveWith(NEW);
    expect(must(await refresh(removed), 401).body.type).to.equal('/problems/RefreshTokenInvalid');
  });
});
