import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { type SmtpServer, startSmtpServer } from '../handlers/senders/smtpServer.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { linksIn, tokenOf } from '../support/mails.ts';
import { rawPost } from '../support/rawPost.ts';
import { spawnServer, type ServerProcess } from '../support/process.ts';
import {
  type Answer,
  type Caller,
  JWT_SECRET,
  MASTER_KEY,
  must,
  PASSWORD,
  type People,
  peopleOf,
  request,
} from '../support/shop.ts';

const PUBLIC_URL = 'https://shop.example';
const NEXT = 'a lantern on the harbour';

describe('links in mails', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  let settings: Record<string, string>;
  let server: ServerProcess;
  let smtp: SmtpServer;
  let people: People;
  let admin: Caller;

  before(async () => {
    database = await freshDatabase();
    smtp = await startSmtpServer();
    const env = { DATABASE_URL: database.url, JWT_SECRET, MASTER_KEY, LOG_LEVEL: 'debug', TRUST_PROXY: '1' };
    settings = { ...env, PUBLIC_URL, SMTP_URL: smtp.url };
    server = await spawnServer({ env: settings });
    people = peopleOf({ url: server.url, databaseUrl: database.url });
    admin = await people.admin();
  });
  after(async () => {
    server.kill('SIGKILL');
    await server.exited;
    await smtp.close();
    await database.drop();
  });

  const post = (path: string, body: object, token?: string): Promise<Answer> =>
    request(server.url, 'POST', path, { body, ...(token === undefined ? {} : { token }) });
  const logIn = (email: string, password = PASSWORD): Promise<Answer> => post('/auth/login', { email, password });
  const linksTo = (to: string): string[] => linksIn(smtp.mails, to);
  /** The token of the newest link to an address, once there are so many. */
  const linkTo = (to: string, count: number): Promise<string> => tokenOf(smtp.mails, { to, count });
  const askReset = async (email: string, count: number): Promise<string> => {
    must(await post('/auth/password-reset/request', { email }), 202);
    return linkTo(email, count);
  };
  const reset = (token: string, new_password = NEXT): Promise<Answer> =>
    post('/auth/password-reset', { token, new_password });
  const askMove = (caller: Caller, email: string, password = PASSWORD): Promise<Answer> =>
    caller.call('POST', '/users/me/email', { email, password });
  const fresh = (name: string): string => `${name}-${randomUUID()}@example.com`;

  /** The part of a refusal that must not differ. */
  const refusal = ({ status, body }: Answer) => ({ status, type: body.type, detail: body.detail, errors: body.errors });

  it('B1 (1): a change of address ends the reset link that was mailed to the former one', async () => {
    const ann = await people.buyer('ann');
    const first = await askReset(ann.email, 1);
    const next = fresh('b');
    must(await askMove(ann, next, 'not the password'), 401);
    must(await askMove(ann, next), 202);
    expect((await ann.call('GET', '/users/me')).data.email).to.equal(ann.email);
    const other = await people.logIn(ann.email);
    const token = await linkTo(next, 1);
    must(await post('/auth/email-change', { token }), 200);
    must(await reset(first), 400);
    must(await logIn(ann.email), 401);
    const { data } = must(await logIn(next), 200);
    expect(data.user).to.include({ email: next, email_verified: true });
    must(await ann.call('GET', '/users/me'), 200);
    must(await other.call('GET', '/users/me'), 401);
    await eventually('the former address is told', () =>
      smtp.mails.some(({ to, data: text }) => to.includes(ann.email) && text.includes('was changed'))
        ? true
        : undefined,
    );
    must(await post('/auth/email-change', { token }), 400);
    must(await post('/auth/register', { email: ann.email, password: PASSWORD, name: 'New' }), 201);
  });

  it('B1 (2, 3): a reset or a new password ends every link; unknown, used and malformed ones get one answer', async () => {
    const ann = await people.buyer('ann');
    const first = await askReset(ann.email, 1);
    const second = await askReset(ann.email, 2);
    const weak = must(await reset(second, 'short'), 400);
    expect(weak.body.errors[0].field).to.equal('new_password');
    for (const wrong of [`${second}.`, `${second}>`]) must(await reset(wrong), 400);
    must(await reset(second), 200);
    const refusals = [];
    for (const token of [
      first,
      second,
      `${ann.id}.${'A'.repeat(43)}`,
      `${randomUUID()}.${'A'.repeat(43)}`,
      `${second}.`,
      'x',
    ]) {
      refusals.push(refusal(must(await reset(token), 400)));
    }
    expect(new Set(refusals.map((one) => JSON.stringify(one))).size, JSON.stringify(refusals)).to.equal(1);
    must(await logIn(ann.email), 401);
    const again = must(await logIn(ann.email, NEXT), 200).data;
    expect(again.user.email_verified).to.equal(true);
    const third = await askReset(ann.email, 3);
    const body = { current_password: NEXT, new_password: 'another harbour lantern' };
    must(await request(server.url, 'PUT', '/users/me/password', { body, token: again.access_token }), 200);
    must(await reset(third), 400);
  });

  it('B1 (4, 5): a reset ends every session and the change of address that one of them began', async () => {
    const ann = await people.buyer('ann');
    const sessions = [must(await logIn(ann.email), 200).data, must(await logIn(ann.email), 200).data];
    const thief = fresh('c');
    must(await askMove(ann, thief), 202);
    const toThief = await linkTo(thief, 1);
    const token = await askReset(ann.email, 1);
    must(await reset(token), 200);
    must(await ann.call('GET', '/users/me'), 401);
    for (const { access_token, refresh_token } of sessions) {
      must(await request(server.url, 'GET', '/users/me', { token: access_token }), 401);
      must(await post('/auth/refresh', { refresh_token }), 401);
    }
    must(await post('/auth/email-change', { token: toThief }), 400);
    const { access_token: now } = must(await logIn(ann.email, NEXT), 200).data;
    const listed = must(await request(server.url, 'GET', '/users/me/sessions', { token: now }), 200).data;
    expect(listed).to.have.length(1);
    expect(must(await request(server.url, 'GET', '/users/me', { token: now }), 200).data.email).to.equal(ann.email);
  });

  it('B1 (6): an account that was deactivated and reactivated has none of its links', async () => {
    const ann = await people.buyer('ann');
    const token = await askReset(ann.email, 1);
    must(await admin.call('PUT', `/admin/users/${ann.id}/deactivate`, {}), 200);
    must(await reset(token), 400);
    must(await admin.call('PUT', `/admin/users/${ann.id}/reactivate`, {}), 200);
    must(await reset(token), 400);
    must(await logIn(ann.email), 200);
  });

  it('B2 (1): the host of a link is that of the settings, whatever a request names', async () => {
    const path = '/api/v1/auth/password-reset/request';
    const ways: [string, Record<string, string>][] = [
      [path, { host: 'evil.example' }],
      [path, { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http' }],
      [`http://evil.example${path}`, {}],
    ];
    for (const [target, headers] of ways) {
      const { email } = await people.buyer('victim');
      expect(await rawPost(server.url, target, { headers, body: { email } })).to.equal(202);
      await linkTo(email, 1);
      const [mail = ''] = linksTo(email);
      expect(mail).to.contain(`${PUBLIC_URL}/account/reset-password#token=`).and.not.contain('evil');
    }
    expect(smtp.mails.every(({ data }) => !data.includes('evil.example'))).to.equal(true);
  });

  it('B2 (2, 3): an address is found by the case of ASCII letters alone, and the mail goes to the stored one', async () => {
    const name = `quack-${randomUUID()}`;
    const stored = `${name}@example.com`;
    must(await post('/auth/register', { email: stored, password: PASSWORD, name: 'Q' }), 201);
    const alike = stored.replace('k', '\u212a');
    const unknown = must(await post('/auth/password-reset/request', { email: fresh('nobody') }), 202);
    for (const email of [alike, `ü${stored}`]) {
      const answer = must(await post('/auth/password-reset/request', { email }), 202);
      expect(answer.data).to.deep.equal(unknown.data);
    }
    expect((await post('/auth/register', { email: alike, password: PASSWORD, name: 'Q' })).status).to.equal(400);
    for (const email of [` ${stored}`, `${stored} `, stored.replace('@', '\u200b@'), stored.replace('@', '\u00a0@')]) {
      must(await post('/auth/password-reset/request', { email }), 400);
      must(await post('/auth/register', { email, password: PASSWORD, name: 'Q' }), 400);
      must(await logIn(email), 400);
    }
    must(await post('/auth/password-reset/request', { email: stored.toUpperCase() }), 202);
    await linkTo(stored, 1);
    expect(
      smtp.mails.filter(({ to }) => to.some((one) => one !== one.toLowerCase() || one.includes('\u212a'))),
    ).to.deep.equal([]);
  });

  it('mails three links an hour to an address, also when other processes start, and does not tell that there are no more', async () => {
    const ann = await people.buyer('ann');
    for (let count = 1; count <= 2; count += 1) await askReset(ann.email, count);
    const later = await spawnServer({ env: { ...settings, ROLES: 'http' } });
    try {
      const askThere = (path: string, email: string): Promise<Answer> =>
        request(later.url, 'POST', path, { body: { email } });
      must(await askThere('/auth/password-reset/request', ann.email), 202);
      await linkTo(ann.email, 3);
      const ben = await people.buyer('ben');
      for (const path of ['/auth/password-reset/request', '/auth/verify-email/request']) {
        const known = must(await askThere(path, ann.email.toUpperCase()), 202);
        must(await post(path, { email: ann.email }), 202);
        const unknown = must(await askThere(path, fresh('nobody')), 202);
        expect(known.data).to.deep.equal(unknown.data);
      }
      // The work after an answer is begun in turn, and the mails are sent in the order of the log.
      must(await askThere('/auth/password-reset/request', ben.email), 202);
      await linkTo(ben.email, 1);
      await askReset(ben.email, 2);
      expect(linksTo(ann.email)).to.have.length(3);
    } finally {
      later.kill('SIGKILL');
      await later.exited;
    }
  });

  it('mails three changes of address an hour for an account, and says when there will be more', async () => {
    const ann = await people.buyer('ann');
    for (let count = 1; count <= 3; count += 1) must(await askMove(ann, fresh('next')), 202);
    const spent = must(await askMove(ann, fresh('next')), 429);
    expect(Number(spent.headers.get('retry-after'))).to.be.within(1, 3_600);
    expect((await ann.call('GET', '/users/me')).data.email).to.equal(ann.email);
  });

  it('B14: programs that open a link spend nothing, and learn nothing', async () => {
    const ann = await people.buyer('ann');
    must(await post('/auth/verify-email/request', { email: ann.email }), 202);
    const verify = await linkTo(ann.email, 1);
    const next = fresh('next');
    must(await askMove(ann, next), 202);
    const move = await linkTo(next, 1);
    const forgot = await askReset(ann.email, 2);
    const pages = { 'verify-email': verify, 'reset-password': forgot, 'change-email': move };
    for (const [page, token] of Object.entries(pages)) {
      for (const method of ['HEAD', 'HEAD', 'HEAD', 'GET', 'GET', 'GET', 'OPTIONS']) {
        const headers = { 'user-agent': 'HeadlessChrome/120', accept: 'text/html' };
        const answer = await fetch(`${server.url}/account/${page}#token=${token}`, { method, headers });
        const text = await answer.text();
        expect(text).not.to.contain(token);
        if (method === 'OPTIONS') continue;
        expect(answer.status).to.equal(200);
        expect(answer.headers.get('cache-control')).to.equal('no-store');
        expect(answer.headers.get('referrer-policy')).to.equal('no-referrer');
        expect(answer.headers.get('set-cookie')).to.equal(null);
        expect(answer.headers.get('content-security-policy')).to.contain("default-src 'none'");
      }
    }
    expect((await ann.call('GET', '/users/me')).data).to.include({ email_verified: false, email: ann.email });
    const both = await Promise.all([
      post('/auth/verify-email', { token: verify }),
      post('/auth/verify-email', { token: verify }),
    ]);
    expect(both.map(({ status }) => status)).to.deep.equal([200, 200]);
    expect((await ann.call('GET', '/users/me')).data.email_verified).to.equal(true);
    const twice = await Promise.all([reset(forgot), reset(forgot)]);
    expect(twice.map(({ status }) => status).sort()).to.deep.equal([200, 400]);
    must(await post('/auth/email-change', { token: move }), 400);
    for (const token of [verify, forgot, move]) expect(server.output().includes(token), 'in the log').to.equal(false);
  });

  it('shows the owner a mail without its link', async () => {
    const ann = await people.buyer('ann');
    const token = await askReset(ann.email, 1);
    const shown = await eventually('the mail is shown', async () => {
      const { data } = await ann.call('GET', '/notifications');
      return (data as { kind: string; text: string }[]).find(({ kind }) => kind === 'password reset');
    });
    expect(shown.text).to.contain('only in the mail').and.not.contain(token);
  });
});
