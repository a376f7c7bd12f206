import { expect } from 'chai';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { spawnServer, type ServerProcess } from '../support/process.ts';
import {
  type Answer,
  type Caller,
  JWT_SECRET,
  type Json,
  MASTER_KEY,
  must,
  PASSWORD,
  peopleOf,
  request,
} from '../support/shop.ts';

/** How soon each process of the shop acts on a role that was taken away. */
const SOON_MS = 1_000;

describe('a role that is changed, in a shop of two processes', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  let servers: ServerProcess[] = [];
  let people: ReturnType<typeof peopleOf>;
  let admin: Caller;

  before(async () => {
    database = await freshDatabase();
    const launch = (roles: string): Promise<ServerProcess> =>
      spawnServer({ env: { DATABASE_URL: database.url, JWT_SECRET, MASTER_KEY, LOG_LEVEL: 'info', ROLES: roles } });
    servers = [await launch('http,projector,relay,handlers,deadlines')];
    servers.push(await launch('http'));
    people = peopleOf({ url: servers[0]!.url, databaseUrl: database.url });
    admin = await people.admin();
  });
  after(async () => {
    for (const server of servers) server.kill('SIGKILL');
    await Promise.all(servers.map(({ exited }) => exited));
    await database.drop();
  });

  const change = (id: string, role: string): Promise<Answer> => admin.call('PUT', `/admin/users/${id}/role`, { role });
  const logIn = async (email: string): Promise<Json> =>
    must(await request(servers[0]!.url, 'POST', '/auth/login', { body: { email, password: PASSWORD } }), 200).data;
  const refresh = (at: number, refresh_token: string): Promise<Answer> =>
    request(servers[at]!.url, 'POST', '/auth/refresh', { body: { refresh_token } });
  const ask = (at: number, token: string, path = '/users/me'): Promise<Answer> =>
    request(servers[at]!.url, 'GET', path, { token });
  const untilRefused = (at: number, token: string): Promise<unknown> =>
    eventually('the token is refused', async () => (await ask(at, token)).status === 401, SOON_MS);

  it('and taken away ends its tokens in both, and the sessions; a new sign-in has the role that is left', async () => {
    const seller = await people.seller();
    const signedIn = await logIn(seller.email);
    expect(signedIn.user.role).to.equal('seller');
    const { data } = must(await change(seller.id, 'buyer'), 200);
    expect(data).to.include({ id: seller.id, role: 'buyer', store_id: seller.storeId });
    expect((await ask(0, signedIn.access_token)).status, 'in the process that took it, at once').to.equal(401);
    await untilRefused(1, signedIn.access_token);
    expect((await seller.call('GET', '/seller/orders')).status).to.equal(401);
    for (const at of [0, 1]) expect((await refresh(at, signedIn.refresh_token)).status).to.equal(401);
    const anew = await logIn(seller.email);
    expect(anew.user.role).to.equal('buyer');
    for (const at of [0, 1]) {
      expect((await ask(at, anew.access_token, '/cart')).status).to.equal(200);
      expect((await ask(at, anew.access_token, '/seller/orders')).status).to.equal(403);
    }
  });

  it('and added leaves the old token what it was; refresh gives the new role', async () => {
    const seller = await people.seller();
    must(await change(seller.id, 'buyer'), 200);
    const signedIn = await logIn(seller.email);
    must(await change(seller.id, 'seller'), 200);
    for (const at of [0, 1]) {
      expect((await ask(at, signedIn.access_token, '/cart')).status, 'as a buyer').to.equal(200);
      expect((await ask(at, signedIn.access_token, '/seller/orders')).status).to.equal(403);
    }
    const { data } = must(await refresh(1, signedIn.refresh_token), 200);
    expect(data.user.role).to.equal('seller');
    for (const at of [0, 1]) expect((await ask(at, data.access_token, '/seller/orders')).status).to.equal(200);
  });

  it('and taken from an admin ends what the admin may do; the last admin keeps it', async () => {
    const other = await people.admin();
    must(await change(other.id, 'buyer'), 200);
    await untilRefused(1, other.headers['authorization']!.replace('Bearer ', ''));
    expect((await other.call('POST', '/categories', { name: 'Coups' })).status).to.equal(401);
    const { data } = await request(servers[0]!.url, 'GET', '/users/me', { headers: admin.headers });
    for (const role of ['buyer', 'seller']) {
      const refused = must(await change(data.id, role), 409);
      expect(refused.body.type).to.equal('/problems/LastAdmin');
    }
    expect((await admin.call('GET', '/users/me')).status).to.equal(200);
  });

  it('is changed by admins alone, of a user that there is, to a role that there is', async () => {
    const seller = await people.seller();
    expect((await seller.call('PUT', `/admin/users/${seller.id}/role`, { role: 'admin' })).status).to.equal(403);
    expect((await change('00000000-0000-4000-8000-000000000000', 'admin')).status).to.equal(404);
    expect((await change(seller.id, 'owner')).status).to.equal(400);
    const buyer = await people.buyer();
    expect(must(await change(buyer.id, 'seller'), 409).body.type).to.equal('/problems/NoStore');
  });

  describe('and an account that is deactivated', () => {
    const stand = (id: string, how: string, body: object = {}): Promise<Answer> =>
      admin.call('PUT', `/admin/users/${id}/${how}`, body);
    const tryIn = (email: string, password = PASSWORD): Promise<Answer> =>
      request(servers[1]!.url, 'POST', '/auth/login', { body: { email, password } });

    it('ends every session in both at once or soon, and says so only after the right password', async () => {
      const buyer = await people.buyer();
      const sessions = [await logIn(buyer.email), await logIn(buyer.email)];
      const { data } = must(await stand(buyer.id, 'deactivate', { reason: 'Chargebacks' }), 200);
      expect(data).to.include({ id: buyer.id, is_active: false });
      for (const { access_token } of sessions) {
        expect((await ask(0, access_token)).status, 'in the process that did it, at once').to.equal(401);
        await untilRefused(1, access_token);
      }
      for (const [at, { refresh_token }] of sessions.entries()) {
        expect((await refresh(at, refresh_token)).status).to.equal(401);
      }
      expect(must(await tryIn(buyer.email), 401).body.type).to.equal('/problems/UserGone');
      expect(must(await tryIn(buyer.email, 'another password'), 401).body.type).to.equal('/problems/WrongCredentials');
      const taken = { email: buyer.email, password: PASSWORD, name: 'Another' };
      must(await request(servers[0]!.url, 'POST', '/auth/register', { body: taken }), 409);
    });

    it('stays ended in all that was, once it is reactivated; its owner signs in anew', async () => {
      const buyer = await people.buyer();
      const before = await logIn(buyer.email);
      for (let round = 0; round < 2; round += 1) must(await stand(buyer.id, 'deactivate'), 200);
      for (let round = 0; round < 2; round += 1) must(await stand(buyer.id, 'reactivate', { reason: 'Paid' }), 200);
      for (const at of [0, 1]) {
        expect((await refresh(at, before.refresh_token)).status).to.equal(401);
        await untilRefused(at, before.access_token);
      }
      const anew = must(await tryIn(buyer.email), 200).data;
      expect(anew.user.is_active).to.equal(true);
      for (const at of [0, 1]) expect((await ask(at, anew.access_token)).status).to.equal(200);
      must(await refresh(0, anew.refresh_token), 200);
    });

    it('can be that of any admin but the last one', async () => {
      const other = await people.admin();
      must(await stand(other.id, 'deactivate'), 200);
      expect(must(await stand(admin.id, 'deactivate'), 409).body.type).to.equal('/problems/LastAdmin');
      expect(must(await change(admin.id, 'buyer'), 409).body.type).to.equal('/problems/LastAdmin');
      must(await stand(other.id, 'reactivate'), 200);
      must(await change(other.id, 'buyer'), 200);
      must(await stand('00000000-0000-4000-8000-000000000000', 'deactivate'), 404);
      must(await stand(other.id, 'deactivate', { reason: ' ' }), 400);
    });
  });

  it('is told in the log, with the user, the new role and who changed it', async () => {
    const buyer = await people.buyer();
    must(await change(buyer.id, 'admin'), 200);
    const line = (): Json =>
      servers[0]!
        .output()
        .split('\n')
        .filter((text) => text.includes('change of role') && text.includes(buyer.id))
        .map((text) => JSON.parse(text))[0];
    await eventually('the line is there', () => line() !== undefined);
    expect(line()).to.include({ security: 'change of role', target: buyer.id, role: 'admin', user: admin.id });
    must(await change(buyer.id, 'buyer'), 200);
  });
});
