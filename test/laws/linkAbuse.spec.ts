import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { keptMails } from '../support/mails.ts';
import { rawPost } from '../support/rawPost.ts';
import {
  type Answer,
  type Caller,
  must,
  openWriteSide,
  PASSWORD,
  request,
  serveShop,
  type Served,
} from '../support/shop.ts';

const PUBLIC_URL = 'https://shop.example';
const NEXT = 'a lantern on the harbour';
const RACES = 4;

describe('a mailed link in the wrong hands', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  let shop: Served;
  let mails: Awaited<ReturnType<typeof keptMails>>;

  before(async () => {
    database = await freshDatabase();
    shop = await serveShop(database.url, { PUBLIC_URL, TRUST_PROXY: '0' });
    mails = await keptMails(database.url);
  });
  after(async () => {
    await mails.close();
    await shop.stop();
    await database.drop();
  });

  const post = (path: string, body: object, headers: Record<string, string> = {}): Promise<Answer> =>
    request(shop.url, 'POST', path, { body, headers });
  const logIn = (email: string, password = PASSWORD): Promise<Answer> => post('/auth/login', { email, password });
  const fresh = (name: string): string => `${name}-${randomUUID()}@example.com`;
  const askReset = async ({ id, email }: Caller, count = 1): Promise<string> => {
    must(await post('/auth/password-reset/request', { email }), 202);
    return mails.token(id, 'password reset', count);
  };
  const reset = (token: string): Promise<Answer> => post('/auth/password-reset', { token, new_password: NEXT });
  const askMove = async (caller: Caller, email: string): Promise<string> => {
    must(await caller.call('POST', '/users/me/email', { email, password: PASSWORD }), 202);
    return mails.token(caller.id, 'change of address');
  };
  const register = (email: string): Promise<Answer> => post('/auth/register', { email, password: PASSWORD, name: 'Q' });
  /** The tables in which a text stands, whatever their columns. */
  const tablesWith = async (text: string): Promise<string[]> => {
    const write = await openWriteSide(database.url, {}, { readOnly: true });
    try {
      const tables = await write.db.rows<{ name: string }>(
        `SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'`,
      );
      expect(tables.length).to.be.greaterThan(10);
      const found: string[] = [];
      for (const { name } of tables) {
        const rows = await write.db.rows(`SELECT 1 AS one FROM ${name} t WHERE strpos(t::text, $1) > 0 LIMIT 1`, [
          text,
        ]);
        if (rows.length > 0) found.push(name);
      }
      return found;
    } finally {
      await write.close();
    }
  };

  it('B1 (6): opens no account that was deactivated or erased, and none of those is mailed another', async () => {
    const admin = await shop.people.admin();
    const [off, gone] = [await shop.people.buyer(), await shop.people.buyer()];
    const tokens = [await askReset(off), await askReset(gone)];
    must(await admin.call('PUT', `/admin/users/${off.id}/deactivate`, {}), 200);
    must(await gone.call('DELETE', '/users/me', { password: PASSWORD }), 200);
    const unknown = must(await reset(`${randomUUID()}.${'A'.repeat(43)}`), 400);
    for (const token of tokens) {
      const refused = must(await reset(token), 400);
      expect([refused.body.type, refused.body.detail]).to.deep.equal([unknown.body.type, unknown.body.detail]);
      must(await post('/auth/verify-email', { token }), 400);
      must(await post('/auth/email-change', { token }), 400);
    }
    for (const { email } of [off, gone]) {
      for (const path of ['/auth/password-reset/request', '/auth/verify-email/request']) {
        must(await post(path, { email }), 202);
      }
      must(await logIn(email), 401);
      must(await logIn(email, NEXT), 401);
    }
    // A mail that was asked for later has come, so those before would have.
    await askReset(await shop.people.buyer());
    expect(await mails.mails(off.id, 'password reset')).to.have.length(1);
    expect(await mails.mails(off.id, 'verification of address')).to.deep.equal([]);
    expect(await mails.mails(gone.id, 'password reset')).to.deep.equal([]);
  });

  it('opens no other door than its own', async () => {
    const ann = await shop.people.buyer();
    const token = await askReset(ann);
    must(await post('/auth/verify-email', { token }), 400);
    must(await post('/auth/email-change', { token }), 400);
    const other = await shop.people.buyer();
    must(await reset(`${other.id}.${token.split('.')[1]!}`), 400);
    must(await reset(token.toUpperCase()), 400);
    must(await reset(token), 200);
    must(await logIn(other.email), 200);
  });

  it('gives an address that a registration or another person wants at the same time to one of them', async () => {
    for (let race = 0; race < RACES; race += 1) {
      const [ann, ben] = [await shop.people.buyer(), await shop.people.buyer()];
      const wanted = fresh('wanted');
      const [annsToken, bensToken] = [await askMove(ann, wanted), await askMove(ben, wanted.toUpperCase())];
      const [registered, ...moved] = await Promise.all([
        register(wanted),
        post('/auth/email-change', { token: annsToken }),
        post('/auth/email-change', { token: bensToken }),
      ]);
      const statuses = [registered.status, ...moved.map(({ status }) => status)];
      expect(
        statuses.filter((status) => status < 300),
        statuses.join(),
      ).to.have.length(1);
      expect(statuses.filter((status) => status === 409)).to.have.length(2);
      const holder = must(await logIn(wanted), 200).data.user.id;
      for (const [index, person] of [ann, ben].entries()) {
        const has = moved[index]!.status === 200;
        expect(holder === person.id).to.equal(has);
        must(await logIn(person.email), has ? 401 : 200);
      }
    }
  });

  it('leaves the account as it was when the address has been taken since, and does not free that of another', async () => {
    const ann = await shop.people.buyer();
    const wanted = fresh('wanted');
    const token = await askMove(ann, wanted);
    must(await register(wanted), 201);
    const refused = must(await post('/auth/email-change', { token }), 409);
    expect(refused.body.errors[0].field).to.equal('email');
    must(await ann.call('POST', '/users/me/email', { email: wanted, password: PASSWORD }), 409);
    must(await logIn(ann.email), 200);
    must(await logIn(wanted), 200);
    must(await register(wanted), 409);
  });

  it('is in no table, and neither is a secret of a second factor, also when a request brings an idempotency key', async () => {
    const ann = await shop.people.buyer();
    const token = await askReset(ann);
    const key = { 'idempotency-key': randomUUID() };
    const tokens = [token, await askMove(ann, fresh('next'))];
    const offer = (): Promise<Answer> => ann.call('POST', '/users/me/second-factor', { password: PASSWORD }, key);
    const [first, second] = [await offer(), await offer()];
    const secrets = [first, second].flatMap(({ data }) => (data?.secret === undefined ? [] : [data.secret as string]));
    expect(new Set(secrets).size).to.equal(secrets.length);
    for (const secret of [...tokens, ...secrets]) {
      expect(await tablesWith(secret.split('.').at(-1)!)).to.deep.equal([]);
    }
    const used = must(await post('/auth/password-reset', { token, new_password: NEXT }, key), 200);
    expect(used.text).not.to.contain(token);
    must(await post('/auth/password-reset', { token, new_password: NEXT }, key), 400);
    expect(await tablesWith(token.split('.')[1]!)).to.deep.equal([]);
    expect(await tablesWith(ann.id)).to.include('notifications');
  });

  it('B2 (1): begins with the public address when no proxy is trusted, and neither is any other address of an answer of the caller’s making', async () => {
    const headers = { 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example', 'x-host': 'evil.example' };
    const email = fresh('victim');
    const made = must(await post('/auth/register', { email, password: PASSWORD, name: 'V' }, headers), 201);
    const { id } = made.data;
    const path = '/api/v1/auth/verify-email/request';
    const evil = { host: 'evil.example', ...headers };
    expect(await rawPost(shop.url, path, { headers: evil, body: { email } })).to.equal(202);
    expect(await rawPost(shop.url, `http://evil.example${path}`, { body: { email } })).to.equal(202);
    await mails.token(id, 'verification of address', 2);
    const links = (await mails.mails(id, 'verification of address')).map(({ link }) => link ?? '');
    for (const link of links) expect(link).to.match(/^https:\/\/shop\.example\/account\/verify-email#token=/);
    expect(await tablesWith('evil.example')).to.deep.equal([]);
    const seller = await shop.people.seller();
    const body = { name: 'Quill', price: '10.00', stock: 1, category_id: await shop.people.category() };
    const listed = must(await seller.call('POST', '/products', body, headers), 201);
    for (const answer of [made, listed]) {
      expect(`${answer.text}${JSON.stringify([...answer.headers])}`).not.to.contain('evil.example');
    }
  });

  it('B2 (2): is mailed to no letter that only folds to one of the address', async () => {
    const name = `kiss-${randomUUID()}`;
    const stored = `${name}@example.com`;
    const { id } = must(await register(stored), 201).data;
    const alike = [stored.replace('k', '\u212a'), stored.replace('s', '\u017f'), stored.replace('i', '\u0131')];
    for (const email of [...alike, stored.replace('i', '\u0130'), stored.replace('@', '\uff20')]) {
      expect([202, 400]).to.include((await post('/auth/password-reset/request', { email })).status);
      expect([201, 400]).to.include((await register(email)).status, email);
      expect([400, 401]).to.include((await logIn(email)).status);
    }
    must(await post('/auth/password-reset/request', { email: stored.toUpperCase() }), 202);
    await mails.token(id, 'password reset');
    const [{ to } = { to: '' }, ...more] = await mails.mails(id, 'password reset');
    expect([to, more.length]).to.deep.equal([stored, 0]);
  });
});
