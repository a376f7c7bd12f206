import { expect } from 'chai';
import { type Enrolled, enrolBy, wrongCode } from '../support/enrolling.ts';
import { eventually } from '../support/eventually.ts';
import { keptMails } from '../support/mails.ts';
import {
  type Answer,
  type Caller,
  type Json,
  must,
  PASSWORD,
  type People,
  peopleOf,
  request,
} from '../support/shop.ts';
import { servingTwice, type TwoServers } from '../support/twoServers.ts';

const NEXT = 'a lantern on the harbour';
const AT_ONCE = 20;

describe('a second factor', function () {
  this.timeout(120_000);
  let served: TwoServers;
  let people: People;
  let mails: Awaited<ReturnType<typeof keptMails>>;
  servingTwice((two) => (served = two));
  before(async () => {
    const { database, servers } = served;
    people = peopleOf({ url: servers[0]!.url, databaseUrl: database.url });
    mails = await keptMails(database.url);
  });
  after(() => mails.close());

  /** Sends to the first process, or to another. */
  const post = (path: string, body: object, { at = 0, token }: { at?: number; token?: string } = {}) =>
    request(served.servers[at]!.url, 'POST', path, { body, ...(token === undefined ? {} : { token }) });
  const enrol = (caller: Caller): Promise<Enrolled> =>
    enrolBy((path, body) => caller.call('POST', `/users/me/second-factor${path}`, body), { password: PASSWORD });
  /** Logs in by the password and returns the challenge. */
  const challengeOf = async ({ email }: Caller, password = PASSWORD): Promise<string> => {
    const { data } = must(await post('/auth/login', { email, password }), 200);
    expect(data).to.have.keys('second_factor', 'challenge', 'expires_in');
    expect(data.second_factor).to.equal('code needed');
    return data.challenge as string;
  };
  const byCode = async (caller: Caller, code: string, at = 0): Promise<Answer> =>
    post('/auth/login/code', { challenge: await challengeOf(caller), code }, { at });
  const statusesOf = (answers: readonly Answer[]): number[] => answers.map(({ status }) => status).sort();
  const oneOf = (count: number): number[] => [200, ...Array.from({ length: count - 1 }, () => 401)];
  const left = async (caller: Caller): Promise<Json> =>
    must(await caller.call('GET', '/users/me/second-factor'), 200).data;

  it('B4 (1): a code opens one of 20 logins at once, and neither it nor an earlier one opens another', async () => {
    const ann = await people.buyer('ann');
    const factor = await enrol(ann);
    const challenges = await Promise.all(Array.from({ length: AT_ONCE }, () => challengeOf(ann)));
    const code = factor.code(1);
    const answers = await Promise.all(
      challenges.map((challenge, index) => post('/auth/login/code', { challenge, code }, { at: index % 2 })),
    );
    expect(statusesOf(answers)).to.deep.equal(oneOf(AT_ONCE));
    must(await byCode(ann, code, 1), 401);
    must(await byCode(ann, factor.code(2)), 200);
    for (const earlier of [1, 2]) must(await byCode(ann, factor.code(earlier)), 401);
  });

  it('B4 (2): the code that confirmed the enrolment opens no login, and one of many confirmations at once succeeds', async () => {
    const ann = await people.buyer('ann');
    const factor = await enrol(ann);
    must(await byCode(ann, factor.code(0)), 401);
    const again = await ann.call('POST', '/users/me/second-factor/confirm', { code: factor.code(1) });
    expect(again.status).to.equal(409);
  });

  it('B4 (3): a recovery code opens one of 20 logins at once over two processes, in no spelling another', async () => {
    const ann = await people.buyer('ann');
    const { codes } = await enrol(ann);
    expect(await left(ann)).to.deep.equal({ enabled: true, recovery_codes_left: 10 });
    const challenges = await Promise.all(Array.from({ length: AT_ONCE }, () => challengeOf(ann)));
    const code = codes[3]!;
    const answers = await Promise.all(
      challenges.map((challenge, index) => post('/auth/login/code', { challenge, code }, { at: index % 2 })),
    );
    expect(statusesOf(answers)).to.deep.equal(oneOf(AT_ONCE));
    await eventually('nine codes are left', async () => (await left(ann)).recovery_codes_left === 9);
    for (const spelling of [code.toLowerCase().replaceAll('-', ' '), code.replaceAll('-', '')]) {
      must(await byCode(ann, spelling), 401);
    }
    must(await byCode(ann, codes[4]!.toLowerCase().replaceAll('-', ' '), 1), 200);
  });

  it('B4 (4): new recovery codes end the old ones, also after the factor was off and on again', async () => {
    const ann = await people.buyer('ann');
    const { codes: first } = await enrol(ann);
    const renew = { password: PASSWORD, code: first[0]! };
    const { data } = must(await ann.call('POST', '/users/me/second-factor/recovery-codes', renew), 200);
    const second = data.recovery_codes as string[];
    for (const code of first.slice(0, 2)) must(await byCode(ann, code), 401);
    const off = { password: PASSWORD, code: second[0]! };
    must(await ann.call('POST', '/users/me/second-factor/disable', off), 200);
    must(await post('/auth/login', { email: ann.email, password: PASSWORD }), 200);
    const { codes: third, secret } = await enrol(ann);
    for (const code of [first[2]!, second[1]!, second[0]!]) must(await byCode(ann, code), 401);
    must(await byCode(ann, third[0]!), 200);
    expect(secret).to.match(/^[A-Z2-7]{32}$/);
  });

  it('B4 (5), B1 (4): a reset by mail leaves the factor on, and ends the login that waits for its code', async () => {
    const ann = await people.buyer('ann');
    const { codes } = await enrol(ann);
    const waiting = await challengeOf(ann);
    const session = must(await byCode(ann, codes[0]!), 200).data;
    must(await post('/auth/password-reset/request', { email: ann.email }, { at: 1 }), 202);
    const token = await mails.token(ann.id, 'password reset');
    const reset = must(await post('/auth/password-reset', { token, new_password: NEXT }), 200);
    expect(reset.text).not.to.match(/access_token|challenge/);
    must(await post('/auth/login/code', { challenge: waiting, code: codes[1]! }, { at: 1 }), 401);
    must(await post('/auth/refresh', { refresh_token: session.refresh_token }, { at: 1 }), 401);
    must(await ann.call('GET', '/users/me'), 401);
    must(await post('/auth/login', { email: ann.email, password: PASSWORD }), 401);
    const challenge = await challengeOf(ann, NEXT);
    const { access_token: headers } = must(await post('/auth/login/code', { challenge, code: codes[1]! }), 200).data;
    const url = served.servers[0]!.url;
    const sessions = must(await request(url, 'GET', '/users/me/sessions', { token: headers }), 200).data;
    expect(sessions).to.have.length(1);
    const factor = must(await request(url, 'GET', '/users/me/second-factor', { token: headers }), 200).data;
    expect(factor.enabled).to.equal(true);
  });

  it('B4 (6): wrong codes, each after a login of its own, block every code of the account in all processes', async () => {
    const ann = await people.buyer('ann');
    const factor = await enrol(ann);
    const code = wrongCode(factor);
    const statuses: number[] = [];
    for (let tries = 0; tries < 30; tries += 1) statuses.push((await byCode(ann, code, tries % 2)).status);
    const expected = Array.from({ length: 30 }, (_, index) => (index < 5 ? 401 : 429));
    expect(statuses).to.deep.equal(expected);
    for (const right of [factor.code(1), factor.codes[0]!]) {
      const blocked = must(await byCode(ann, right), 429);
      expect(Number(blocked.headers.get('retry-after'))).to.be.within(1, 15 * 60);
    }
    const off = { password: PASSWORD, code: factor.codes[0]! };
    must(await ann.call('POST', '/users/me/second-factor/disable', off), 429);
    // The block is of codes: who is signed in goes on.
    must(await ann.call('GET', '/users/me'), 200);
  });

  it('B4 (6): wrong codes that come at once are counted too', async () => {
    const ann = await people.buyer('ann');
    const factor = await enrol(ann);
    const challenges = await Promise.all(Array.from({ length: AT_ONCE }, () => challengeOf(ann)));
    const code = wrongCode(factor);
    const answers = await Promise.all(
      challenges.map((challenge, index) => post('/auth/login/code', { challenge, code }, { at: index % 2 })),
    );
    expect(new Set(statusesOf(answers))).to.deep.equal(new Set([401, 429]));
    expect(answers.filter(({ status }) => status === 401)).to.have.length(5);
    must(await byCode(ann, factor.codes[0]!), 429);
  });

  it('B4 (7): an access token alone neither turns it on or off, nor shows its secret or new recovery codes', async () => {
    const ann = await people.buyer('ann');
    must(await ann.call('POST', '/users/me/second-factor', {}), 403);
    must(await ann.call('POST', '/users/me/second-factor', { password: NEXT }), 401);
    const { secret, codes } = await enrol(ann);
    for (const path of ['disable', 'recovery-codes']) {
      const send = (body: object): Promise<Answer> => ann.call('POST', `/users/me/second-factor/${path}`, body);
      for (const body of [{}, { password: PASSWORD }, { code: codes[0]! }]) must(await send(body), 403);
      must(await send({ password: NEXT, code: codes[0]! }), 401);
      must(await send({ password: PASSWORD, code: 'AAAA-AAAA-AAAA-AAAA' }), 401);
    }
    must(await ann.call('POST', '/users/me/second-factor', { password: PASSWORD }), 409);
    for (const path of ['/users/me', '/users/me/second-factor', '/users/me/sessions', '/notifications']) {
      const { text } = must(await ann.call('GET', path), 200);
      expect(text).not.to.contain(secret);
      for (const code of codes) expect(text).not.to.contain(code);
    }
    for (const server of served.servers) {
      for (const told of [secret, ...codes]) expect(server.output().includes(told), 'in the log').to.equal(false);
    }
    expect(await left(ann)).to.deep.equal({ enabled: true, recovery_codes_left: 10 });
  });

  it('B1: its beginning and its end kill every mailed link and every session but the one that made it', async () => {
    const ann = await people.buyer('ann');
    const other = await people.logIn(ann.email);
    const askReset = async (count: number): Promise<string> => {
      must(await post('/auth/password-reset/request', { email: ann.email }), 202);
      return mails.token(ann.id, 'password reset', count);
    };
    const reset = (token: string): Promise<Answer> => post('/auth/password-reset', { token, new_password: NEXT });
    const first = await askReset(1);
    const { codes } = await enrol(ann);
    must(await reset(first), 400);
    must(await other.call('GET', '/users/me'), 401);
    must(await ann.call('GET', '/users/me'), 200);
    const session = must(await byCode(ann, codes[0]!), 200).data;
    const second = await askReset(2);
    const off = { password: PASSWORD, code: codes[1]! };
    must(await ann.call('POST', '/users/me/second-factor/disable', off), 200);
    must(await reset(second), 400);
    must(await post('/auth/refresh', { refresh_token: session.refresh_token }), 401);
    must(await ann.call('GET', '/users/me'), 200);
  });

  it('is asked for beside the password by an erasure', async () => {
    const ann = await people.buyer('ann');
    const { codes } = await enrol(ann);
    must(await ann.call('DELETE', '/users/me', { password: PASSWORD }), 403);
    must(await ann.call('DELETE', '/users/me', { password: PASSWORD, code: codes[0]! }), 200, 204);
    must(await post('/auth/login', { email: ann.email, password: PASSWORD }), 401);
  });
});
