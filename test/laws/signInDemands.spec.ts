import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { sealedInEvent } from '../../src/aggregates/sealed.ts';
import { commands } from '../../src/commands/index.ts';
import { createAdmin, endFactorByEmail } from '../../src/compose/admin.ts';
import { routesOf } from '../../src/http/api/api.ts';
import { queries } from '../../src/queries/index.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { enrolBy } from '../support/enrolling.ts';
import { keptMails } from '../support/mails.ts';
import { rejection } from '../support/rejection.ts';
import {
  type Answer,
  type Json,
  must,
  openWriteSide,
  PASSWORD,
  request,
  serveShop,
  type Served,
} from '../support/shop.ts';

const OPERATOR = { id: 'cli:test', role: 'system' };
const STRICT = { REQUIRE_SECOND_FACTOR: 'admin', REQUIRE_VERIFIED_EMAIL: 'true' };
/** The routes by which an administrator without a second factor sets it up. */
const ENROLMENT = [
  'GET /users/me/second-factor',
  'POST /users/me/second-factor',
  'POST /users/me/second-factor/confirm',
];

// The lax shop asks for nothing but passwords. The strict one is the same shop after its settings were changed.
describe('what the settings demand of a login', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  let lax: Served;
  let strict: Served;
  let mails: Awaited<ReturnType<typeof keptMails>>;

  before(async () => {
    database = await freshDatabase();
    lax = await serveShop(database.url);
    strict = await serveShop(database.url, { ...STRICT, ROLES: 'http' });
    mails = await keptMails(database.url);
  });
  after(async () => {
    await mails.close();
    await strict.stop();
    await lax.stop();
    await database.drop();
  });

  const post = (path: string, body: object, token?: string): Promise<Answer> =>
    request(strict.url, 'POST', path, { body, ...(token === undefined ? {} : { token }) });
  const logIn = (email: string, password = PASSWORD): Promise<Answer> => post('/auth/login', { email, password });
  const as = (token: string, method: string, path: string, body?: object): Promise<Answer> =>
    request(strict.url, method, path, { token, ...(body === undefined ? {} : { body }) });
  /** Tokens of a person from before the settings demanded anything. */
  const formerly = async (email: string): Promise<Json> =>
    must(await request(lax.url, 'POST', '/auth/login', { body: { email, password: PASSWORD } }), 200).data;
  const codeOf = ({ body }: Answer): string => body.errors[0].code;
  const registered = async (): Promise<{ id: string; email: string }> => {
    const email = `new-${randomUUID()}@example.com`;
    return must(await post('/auth/register', { email, password: PASSWORD, name: 'New' }), 201).data;
  };

  describe('REQUIRE_VERIFIED_EMAIL', () => {
    it('is off by default: nobody is mailed a link or kept from signing in', async () => {
      const ann = await lax.people.buyer();
      expect((await ann.call('GET', '/users/me')).data.email_verified).to.equal(false);
      must(await ann.call('PUT', '/users/me', { name: 'Ann' }), 200);
      expect(await mails.mails(ann.id, 'verification of address')).to.deep.equal([]);
    });

    it('keeps a person without tokens until the link of the registration was used, and tells only who knows the password', async () => {
      const ann = await registered();
      const refused = must(await logIn(ann.email), 403);
      expect(codeOf(refused)).to.equal('EMAIL_NOT_VERIFIED');
      expect(refused.text).not.to.match(/token|challenge/);
      must(await logIn(ann.email, 'not the password'), 401);
      must(await request(strict.url, 'GET', '/products'), 200);
      must(await post('/auth/verify-email', { token: await mails.token(ann.id, 'verification of address') }), 200);
      const { user } = must(await logIn(ann.email), 200).data;
      expect(user).to.include({ id: ann.id, email_verified: true });
    });

    it('lets a person ask for another link, or reset the password by mail, which verifies the address too', async () => {
      const ann = await registered();
      must(await post('/auth/verify-email/request', { email: ann.email }), 202);
      must(await post('/auth/verify-email', { token: await mails.token(ann.id, 'verification of address', 2) }), 200);
      must(await logIn(ann.email), 200);
      const ben = await registered();
      must(await post('/auth/password-reset/request', { email: ben.email }), 202);
      const token = await mails.token(ben.id, 'password reset');
      must(await post('/auth/password-reset', { token, new_password: 'a lantern on the harbour' }), 200);
      must(await logIn(ben.email, 'a lantern on the harbour'), 200);
    });

    it('ends what a session of an unverified person can be renewed to, once it is turned on', async () => {
      const ann = await lax.people.buyer();
      const { refresh_token } = await formerly(ann.email);
      const refused = must(await post('/auth/refresh', { refresh_token }), 403);
      expect(codeOf(refused)).to.equal('EMAIL_NOT_VERIFIED');
      must(await post('/auth/verify-email/request', { email: ann.email }), 202);
      must(await post('/auth/verify-email', { token: await mails.token(ann.id, 'verification of address') }), 200);
      must(await post('/auth/refresh', { refresh_token }), 200);
    });
  });

  describe('REQUIRE_SECOND_FACTOR=admin', () => {
    it('demands nothing of others', async () => {
      const seller = await lax.people.seller();
      must(await seller.call('GET', '/seller/orders'), 200);
      const { access_token: token } = await formerly(seller.email);
      must(await as(token, 'GET', '/seller/orders'), 200);
    });

    it('refuses every route to an administrator without it, also by a token from before, but those that set it up', async () => {
      const admin = await lax.people.admin();
      const { access_token: token, refresh_token } = await formerly(admin.email);
      must(await request(lax.url, 'GET', '/admin/users', { token }), 200);
      const open: string[] = [];
      for (const { method, path, contract } of routesOf({ commands, queries })) {
        if (contract.access === 'anyone') continue;
        const answer = await fetch(`${strict.url}/api/v1${path.replaceAll(/:\w+/g, randomUUID())}`, {
          ...{ method, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' } },
          ...(method === 'GET' ? {} : { body: '{}' }),
        });
        const text = await answer.text();
        const isForAdmins = contract.access === 'user' || contract.access.includes('admin');
        const code = answer.status === 403 ? JSON.parse(text).errors[0].code : undefined;
        if (code !== (isForAdmins ? 'SECOND_FACTOR_REQUIRED' : 'FORBIDDEN')) open.push(`${method} ${path}`);
      }
      expect(open.sort()).to.deep.equal([...ENROLMENT].sort());
      expect(codeOf(must(await post('/auth/refresh', { refresh_token }), 403))).to.equal('SECOND_FACTOR_REQUIRED');
    });

    it('shows such an administrator on open routes what it shows anybody', async () => {
      const admin = await lax.people.admin();
      const seller = await lax.people.seller();
      const product = await lax.people.product(seller, await lax.people.category(), { status: 'draft' });
      const { access_token: token } = await formerly(admin.email);
      must(await request(strict.url, 'GET', `/products/${product}`), 404);
      must(await as(token, 'GET', `/products/${product}`), 404);
      must(await as(token, 'GET', '/products'), 200);
    });

    it('is met by enrolment with a token from before, which then serves at once, and ends again with the factor', async () => {
      const admin = await lax.people.admin();
      const { access_token: token } = await formerly(admin.email);
      const { codes } = await enrolBy((path, body) => as(token, 'POST', `/users/me/second-factor${path}`, body), {
        password: PASSWORD,
      });
      must(await as(token, 'GET', '/admin/users'), 200);
      const off = { password: PASSWORD, code: codes[0]! };
      const refused = must(await as(token, 'POST', '/users/me/second-factor/disable', off), 403);
      expect(refused.body.type).to.equal('/problems/SecondFactorRequired');
      const laxly = { body: { password: PASSWORD, code: codes[1]! }, token };
      must(await request(lax.url, 'POST', '/users/me/second-factor/disable', laxly), 200);
      must(await request(lax.url, 'GET', '/admin/users', { token }), 200);
      must(await as(token, 'GET', '/admin/users'), 403);
    });

    it('is met at login by the first administrator that the command line makes, whose address is vouched for', async () => {
      const email = `first-${randomUUID()}@example.com`;
      const write = await openWriteSide(database.url, STRICT);
      try {
        const made = { email, name: 'First', password: PASSWORD };
        await createAdmin(write.services, made, { actor: OPERATOR });
      } finally {
        await write.close();
      }
      const waiting = must(await logIn(email), 200).data;
      expect(waiting).to.have.keys('second_factor', 'challenge', 'expires_in');
      expect(waiting.second_factor).to.equal('enrolment needed');
      const { challenge } = waiting;
      must(await post('/auth/login/code', { challenge, code: '123456' }), 401);
      const { codes, answer } = await enrolBy((path, body) => post(`/auth/second-factor${path}`, body), { challenge });
      const { access_token: token } = answer.data.login;
      must(await as(token, 'GET', '/admin/users'), 200);
      must(await post('/auth/second-factor', { challenge }), 401);
      const next = must(await logIn(email), 200).data;
      expect(next.second_factor).to.equal('code needed');
      must(await post('/auth/second-factor', { challenge: next.challenge }), 409);
      const by = must(await post('/auth/login/code', { challenge: next.challenge, code: codes[0]! }), 200).data;
      must(await as(by.access_token, 'GET', '/admin/users'), 200);
    });

    it('lets another administrator, or the operator, turn off a factor that was lost, but nobody their own', async () => {
      const ann = await lax.people.buyer();
      const chief = await lax.people.admin();
      const enrolment = { password: PASSWORD };
      await enrolBy((path, body) => ann.call('POST', `/users/me/second-factor${path}`, body), enrolment);
      const off = (id: string): Promise<Answer> =>
        chief.call('PUT', `/admin/users/${id}/second-factor/disable`, { reason: 'Lost the phone, called us' });
      must(await request(lax.url, 'PUT', `/admin/users/${ann.id}/second-factor/disable`, { body: {} }), 401);
      must(await ann.call('PUT', `/admin/users/${ann.id}/second-factor/disable`, {}), 403);
      expect(must(await off(chief.id), 403).body.type).to.equal('/problems/OwnFactor');
      expect(must(await off(ann.id), 200).data.second_factor).to.equal(false);
      must(await ann.call('GET', '/users/me'), 401);
      const again = await lax.people.logIn(ann.email);
      await enrolBy((path, body) => again.call('POST', `/users/me/second-factor${path}`, body), enrolment);
      const write = await openWriteSide(database.url);
      try {
        const wanted = { email: ann.email.toUpperCase(), reason: 'Lost it again' };
        expect(await endFactorByEmail(write.services, wanted, OPERATOR)).to.deep.equal({ id: ann.id, wasOn: true });
        expect((await endFactorByEmail(write.services, wanted, OPERATOR)).wasOn).to.equal(false);
        expect(await rejection(endFactorByEmail(write.services, { email: 'no@example.com' }, OPERATOR))).to.be.an(
          'error',
        );
        const events = await write.store.read(`user-${ann.id}`);
        const ends = events.filter(({ type }) => type === 'SecondFactorDisabled');
        expect(ends.map(({ metadata }) => metadata.actor)).to.deep.equal([chief.id, OPERATOR.id]);
        expect(JSON.stringify(ends.map(({ data }) => data))).to.not.contain('Lost');
        const opened = await Promise.all(
          ends.map((event) => write.services.personalData.reveal(event.data, sealedInEvent(event, ann.id))),
        );
        expect(opened.map((data) => (data as Json).reason)).to.deep.equal([
          'Lost the phone, called us',
          'Lost it again',
        ]);
      } finally {
        await write.close();
      }
      await lax.people.logIn(ann.email);
    });

    it('reaches a person who is made an administrator', async () => {
      const chief = await lax.people.admin();
      const ann = await lax.people.buyer();
      const { refresh_token } = await formerly(ann.email);
      must(await chief.call('PUT', `/admin/users/${ann.id}/role`, { role: 'admin' }), 200);
      must(await post('/auth/refresh', { refresh_token }), 401, 403);
      const { access_token: token } = await formerly(ann.email);
      must(await as(token, 'GET', '/admin/users'), 403);
    });
  });
});
