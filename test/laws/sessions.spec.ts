import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import {
  type Answer,
  type Caller,
  type Json,
  must,
  openWriteSide,
  PASSWORD,
  request,
  type Served,
  serving,
} from '../support/shop.ts';

describe('the sessions of a user', function () {
  this.timeout(60_000);
  let shop: Served;
  serving((served) => (shop = served));

  const logIn = async ({ email }: Caller, agent?: string): Promise<Json> => {
    const headers: Record<string, string> = agent === undefined ? {} : { 'user-agent': agent };
    const body = { email, password: PASSWORD };
    return must(await request(shop.url, 'POST', '/auth/login', { body, headers }), 200).data;
  };
  const as = (token: string, method: string, path: string): Promise<Answer> =>
    request(shop.url, method, path, { token });
  const listed = async ({ access_token: token }: Json): Promise<Json[]> =>
    must(await as(token, 'GET', '/users/me/sessions'), 200).data;
  const refresh = ({ refresh_token }: Json): Promise<Answer> =>
    request(shop.url, 'POST', '/auth/refresh', { body: { refresh_token } });

  it('are listed newest first, with where they come from and when they were used', async () => {
    const ada = await shop.people.buyer();
    const first = await logIn(ada, 'Quill/1.0 (Ada’s desk)'.replace('’', "'"));
    const second = await logIn(ada, `Quill/2.0 ${'x'.repeat(1_000)}`);
    const all = await listed(second);
    expect(all.map(({ current }) => current)).to.deep.equal([true, false, false]);
    expect(all[1].user_agent).to.equal("Quill/1.0 (Ada's desk)");
    expect(all[0].user_agent).to.have.length(300);
    for (const { address } of all) expect(address).to.match(/127\.0\.0\.1$/);
    expect(all[1].last_used_at).to.equal(all[1].created_at);
    expect(Object.keys(all[0]).sort()).to.deep.equal(
      ['address', 'created_at', 'current', 'expires_at', 'id', 'last_used_at', 'user_agent'].sort(),
    );
    must(await refresh(first), 200);
    const used = (await listed(second)).find(({ id }) => id === all[1].id)!;
    expect(used.last_used_at > used.created_at).to.equal(true);
    expect(
      must(await as(second.access_token, 'GET', '/users/me/sessions?per_page=1'), 200).body.meta.pagination,
    ).to.include({
      total_items: 3,
    });
  });

  it('keep the address and the software sealed', async () => {
    const ada = await shop.people.buyer();
    const [{ id }] = (await (async () => listed(await logIn(ada, 'Canary-agent/7')))()) as [Json];
    const write = await openWriteSide(shop.databaseUrl);
    try {
      const [started] = await write.store.read(`session-${id}`, 0n, 1);
      const text = JSON.stringify(started!.data);
      expect(text).to.not.contain('Canary').and.not.contain('127.0.0.1');
      expect(started!.data).to.have.keys(
        ...['userId', 'tokenHash', 'startedAt', 'expiresAt', 'passwordChanges', 'rolesTaken', 'deactivations'],
        ...['address', 'agent', 'random'],
      );
      const rows = await write.db.rows<Json>('SELECT * FROM sessions WHERE id = $1', [id]);
      expect(JSON.stringify(rows)).to.contain(id).and.not.contain('Canary').and.not.contain('127.0.0.1');
    } finally {
      await write.close();
    }
  });

  it('are ended one by one by their user, and by nobody else', async () => {
    const [ada, ben] = [await shop.people.buyer(), await shop.people.buyer()];
    const [here, there] = [await logIn(ada), await logIn(ada)];
    const [, { id }] = (await listed(there)) as [Json, Json];
    must(await ben.call('DELETE', `/users/me/sessions/${id}`), 404);
    must(await ben.call('DELETE', `/users/me/sessions/${randomUUID()}`), 404);
    must(await as(here.access_token, 'GET', '/users/me'), 200);
    must(await as(there.access_token, 'DELETE', `/users/me/sessions/${id}`), 200);
    must(await as(here.access_token, 'GET', '/users/me'), 401);
    must(await refresh(here), 401);
    must(await as(there.access_token, 'DELETE', `/users/me/sessions/${id}`), 200);
    expect((await listed(there)).map((session) => session.id)).to.not.include(id);
    const [own] = (await listed(there)) as [Json];
    must(await as(there.access_token, 'DELETE', `/users/me/sessions/${own.id}`), 200);
    must(await as(there.access_token, 'GET', '/users/me'), 401);
  });

  it('are ended at once, all but the one that asks', async () => {
    const ada = await shop.people.buyer();
    const [one, two, here] = [await logIn(ada), await logIn(ada), await logIn(ada)];
    must(await as(here.access_token, 'DELETE', '/users/me/sessions'), 200);
    for (const ended of [one, two]) {
      must(await as(ended.access_token, 'GET', '/users/me'), 401);
      must(await refresh(ended), 401);
    }
    expect((await listed(here)).map(({ current }) => current)).to.deep.equal([true]);
    must(await refresh(here), 200);
  });

  it('B1: are gone from the list after a change of the password and after a deactivation, all but what goes on', async () => {
    const ada = await shop.people.buyer();
    const [, here] = [await logIn(ada), await logIn(ada)];
    const body = { current_password: PASSWORD, new_password: 'another horse, another battery' };
    must(await request(shop.url, 'PUT', '/users/me/password', { body, token: here.access_token }), 200);
    expect((await listed(here)).map(({ current }) => current)).to.deep.equal([true]);
    const ben = await shop.people.buyer();
    await logIn(ben);
    const admin = await shop.people.admin();
    for (const how of ['deactivate', 'reactivate']) must(await admin.call('PUT', `/admin/users/${ben.id}/${how}`), 200);
    expect(await listed(await logIn(ben))).to.have.length(1);
  });

  it('are none of those that credentials are verified for', async () => {
    const [ada, admin] = [await shop.people.buyer(), await shop.people.admin()];
    const session = await logIn(ada);
    const verify = async (email: string, password = PASSWORD): Promise<Json> =>
      must(await admin.call('POST', '/admin/verify-credentials', { email, password }), 200).data;
    const right = { user_id: ada.id, role: 'buyer', is_active: true, valid: true };
    const wrong = { user_id: null, role: null, is_active: null, valid: false };
    expect(await verify(ada.email.toUpperCase())).to.deep.equal(right);
    expect(await verify(ada.email, 'another password')).to.deep.equal(wrong);
    expect(await verify(`nobody-${randomUUID()}@example.com`)).to.deep.equal(wrong);
    const alias = await admin.call('POST', '/verify-credentials', { email: ada.email, password: PASSWORD });
    expect(must(alias, 200).data).to.deep.equal(right);
    must(await ada.call('POST', '/admin/verify-credentials', { email: ada.email, password: PASSWORD }), 403);
    must(
      await request(shop.url, 'POST', '/verify-credentials', { body: { email: ada.email, password: PASSWORD } }),
      401,
    );
    expect(await listed(session)).to.have.length(2);
    must(await admin.call('PUT', `/admin/users/${ada.id}/deactivate`), 200);
    expect(await verify(ada.email)).to.deep.equal({ ...right, is_active: false });
    await eventually('the read model of users has it', async () => {
      const { data } = await admin.call('GET', `/admin/users/${ada.id}`);
      return data?.is_active === false;
    });
  });
});
