import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { expect } from 'chai';
import { storeDecider } from '../../src/aggregates/store.ts';
import { commandContext } from '../../src/compose/shop.ts';
import { masterKeysOf } from '../../src/eventstore/masterKeys.ts';
import { storeIdOf } from '../../src/queries/store.ts';
import { programOn } from '../cli/world.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/process.ts';
import { type Caller, type Json, MASTER_KEY, must, openWriteSide, request, serveShopApart } from '../support/shop.ts';

const OLD_SECRET = 'the signing secret of last year is long enough';
const NEW_SECRET = 'the signing secret of this year is as long';
const NEW_MASTER_KEY = Buffer.alloc(32, 5).toString('base64');
const METRICS_TOKEN = 'a-token-for-scrapers';
const WRONG_TOKEN = 'a-token-that-was-guessed';
const PASSWORD = 'correct horse battery';
const OTHER_PASSWORD = 'quite another battery horse';
const WRONG_PASSWORD = 'a password that is not theirs';
const LOCAL = /127\.0\.0\.1$/;

const linesOf = (output: string): Json[] =>
  output
    .split('\n')
    .filter((line) => line.startsWith('{') && line.includes('"security"'))
    .map((line) => JSON.parse(line));

describe('each security event', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  let served: Awaited<ReturnType<typeof serveShopApart>>;
  /** The log of ended processes. */
  let ended = '';
  const secrets: string[] = [
    PASSWORD,
    OTHER_PASSWORD,
    WRONG_PASSWORD,
    OLD_SECRET,
    NEW_SECRET,
    METRICS_TOKEN,
    WRONG_TOKEN,
  ];
  const folder = temporaryFolder('security');

  const SETTINGS = { LOG_LEVEL: 'info', JWT_SECRET: OLD_SECRET, METRICS_TOKEN };
  before(async () => {
    database = await freshDatabase();
    served = await serveShopApart(database.url, SETTINGS);
  });
  after(async () => {
    await served.process().end('SIGTERM');
    await database.drop();
  });

  async function restart(more: Record<string, string>): Promise<void> {
    await served.process().end('SIGTERM');
    ended += served.process().output();
    await served.restart(more);
  }
  const found = (security: string, more: Json = {}): Json =>
    linesOf(ended + served.process().output()).find((line) =>
      Object.entries({ security, ...more }).every(([name, value]) => line[name] === value),
    );
  /** The line of an event, with the caller's address unless no caller caused it. */
  async function told(security: string, more: Json = {}, { address = true } = {}): Promise<Json> {
    const line: Json = await eventually(`${security} is told`, () => found(security, more));
    if (address) expect(line.address, security).to.match(LOCAL);
    return line;
  }
  const post = (route: string, body: Json) => request(served.shop.url, 'POST', route, { body });
  async function logIn(person: Caller, password = PASSWORD): Promise<Json> {
    const { data } = must(await post('/auth/login', { email: person.email, password }), 200);
    secrets.push(data.access_token, data.refresh_token);
    return data;
  }
  const refresh = async (token: string) => post('/auth/refresh', { refresh_token: token });

  it('of a person has a line with the address: from the registration to the reuse of a copied token', async () => {
    const person = await served.people.buyer();
    await told('keys in use', {}, { address: false });
    await told('registration');
    await told('login', { level: 'info' });
    await post('/auth/login', { email: person.email, password: WRONG_PASSWORD });
    await told('login', { rule: 'WrongCredentials' });

    const [one, other] = [await logIn(person), await logIn(person)];
    const next = must(await refresh(one.refresh_token), 200).data;
    secrets.push(next.access_token, next.refresh_token);
    await told('refresh of a session', { level: 'info' });
    must(await refresh(one.refresh_token), 401);
    await told('reuse of a refresh token', { user: person.id });

    const change = { current_password: PASSWORD, new_password: OTHER_PASSWORD };
    must(await person.call('PUT', '/users/me/password', { ...change, current_password: WRONG_PASSWORD }), 401);
    await told('change of password', { rule: 'WrongCredentials', user: person.id });
    must(await person.call('PUT', '/users/me/password', change), 200);
    await told('change of password', { level: 'info', user: person.id });
    must(await refresh(other.refresh_token), 401);
    await told('end of a session', { user: person.id, reason: 'password changed' });
    const last = await logIn(person, OTHER_PASSWORD);
    must(await post('/auth/logout', { refresh_token: last.refresh_token }), 200);
    await told('logout');
    must(await request(served.shop.url, 'GET', '/users/me', { token: last.access_token }), 401);
    await told('token refused', { rule: 'TokenInvalid' });
    must(await person.call('GET', '/seller/orders'), 403);
    await told('access refused', { rule: 'RoleNotAllowed', user: person.id });
  });

  it('of a role has a line: by the command, by the handler after a command that broke off, and by an operator', async () => {
    const seller = await served.people.seller();
    await told('change of role', { user: seller.id });
    const owner = await served.people.buyer();
    const write = await openWriteSide(database.url);
    try {
      const context = commandContext(write.services, { actor: { id: owner.id, role: 'buyer' } });
      const data = { ownerId: owner.id, name: 'Broken off', description: '' };
      await context.handle(storeDecider, storeIdOf(owner.id), { type: 'OpenStore', data });
    } finally {
      await write.close();
    }
    const granted = await told('change of role', { user: owner.id, role: 'seller' }, { address: false });
    expect(granted.actor).to.equal('system:membership');
    const email = `boss-${randomUUID()}@example.com`;
    const made = await programOn(database.url)(['admin', 'create', '--email', email, '--password-stdin'], {
      input: `${PASSWORD}\n`,
    });
    expect(linesOf(made.output)[0]).to.include({ security: 'change of role', role: 'admin' });
  });

  it('at the doors of a process has a line: metrics without their token, or with another', async () => {
    const get = (headers: Record<string, string>) => fetch(`${served.shop.url}/metrics`, { headers });
    expect((await get({ authorization: `Bearer ${WRONG_TOKEN}` })).status).to.equal(401);
    await told('metrics refused', { route: '/metrics' });
    expect((await get({ authorization: `Bearer ${METRICS_TOKEN}` })).status).to.equal(200);
    await get({});
    const lines = linesOf(served.process().output()).filter(({ security }) => security === 'metrics refused');
    expect(lines).to.have.lengthOf(1);
  });

  it('of a key has a line: the use of an older secret and of an older master key, once for each start and key', async () => {
    const person = await served.people.buyer();
    const keys = { JWT_SECRET: `${NEW_SECRET},${OLD_SECRET}`, MASTER_KEY: `${NEW_MASTER_KEY},${MASTER_KEY}` };
    const [, older] = masterKeysOf(Buffer.from(NEW_MASTER_KEY, 'base64'), [Buffer.from(MASTER_KEY, 'base64')]);
    for (let start = 1; start <= 2; start += 1) {
      await restart(keys);
      for (let turn = 0; turn < 3; turn += 1) must(await person.call('GET', '/users/me'), 200);
      await told('use of an older key', { user: person.id });
      await told('use of an older master key', { key: older!.mark }, { address: false });
      const lines = linesOf(served.process().output()).filter((line) => line.security === 'use of an older master key');
      expect(lines, `start ${start}`).to.have.lengthOf(1);
    }
    const rotated = await programOn(database.url)(['keys', 'rotate'], { env: keys });
    expect(rotated.code, rotated.output).to.equal(0);
    expect(linesOf(rotated.output)[0]).to.include({ security: 'keys rotated' });
    await restart(keys);
    must(await person.call('GET', '/users/me'), 200);
    expect(linesOf(served.process().output()).some((line) => line.security === 'use of an older master key')).to.equal(
      false,
    );
  });

  it('of a whole log has a line: that it was exported, and that it was imported', async () => {
    const env = { MASTER_KEY: NEW_MASTER_KEY };
    const file = path.join(folder, 'shop.ndjson.gz');
    const exported = await programOn(database.url)(['export', file], { env });
    expect(linesOf(exported.output)[0]).to.include({ security: 'export of the log' });
    const target = await freshDatabase();
    try {
      const imported = await programOn(target.url)(['import', 'events', file], { env });
      expect(imported.code, imported.output).to.equal(0);
      expect(linesOf(imported.output)[0]).to.include({ security: 'import of a log' });
    } finally {
      await target.drop();
    }
  });

  it('is told without an e-mail address, a password, a token or a key', () => {
    const all = ended + served.process().output();
    expect(linesOf(all).length).to.be.greaterThan(20);
    const logged = all.split('\n').filter((line) => line.startsWith('{'));
    expect(logged.filter((line) => line.includes('@example.com'))).to.deep.equal([]);
    for (const secret of [...secrets, MASTER_KEY, NEW_MASTER_KEY]) expect(all.includes(secret), secret).to.equal(false);
  });
});
