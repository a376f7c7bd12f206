import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { type Answer, type Caller, must, PASSWORD, request } from '../support/shop.ts';
import { onMission, type Mission } from './mission.ts';

describe('the mission: accounts', function () {
  this.timeout(60_000);
  let mission: Mission;
  let admin: Caller;
  onMission((shared) => (mission = shared));
  before(async () => {
    admin = await mission.admin();
  });

  const email = (): string => `m-${randomUUID()}@example.com`;
  const register = (fields: object): Promise<Answer> =>
    mission.ask('POST', '/auth/register', { email: email(), password: PASSWORD, ...fields });
  /** A number of London that no other test has. */
  const newPhone = (): string => `+44207${String(Math.trunc(Math.random() * 9_000_000) + 1_000_000)}`;

  it('ID-08: lets each role do what is its own, and an admin changes the role', async () => {
    const buyer = await mission.people.buyer();
    for (const [method, path] of [
      ['GET', '/admin/users'],
      ['GET', '/seller/orders'],
    ] as const) {
      must(await buyer.call(method, path), 403);
      must(await mission.ask(method, path), 401);
    }
    must(await admin.call('PUT', `/admin/users/${buyer.id}/role`, { role: 'admin' }), 200);
    const promoted = await mission.people.logIn(buyer.email);
    must(await promoted.call('GET', '/admin/users'), 200);
    must(await admin.call('PUT', `/admin/users/${buyer.id}/role`, { role: 'buyer' }), 200);
    must(await promoted.call('GET', '/admin/users'), 401);
  });

  it('ID-14, EP-53: verifies credentials', async () => {
    const buyer = await mission.people.buyer();
    const right = { user_id: buyer.id, role: 'buyer', is_active: true, valid: true };
    for (const path of ['/admin/verify-credentials', '/verify-credentials']) {
      const answer = await admin.call('POST', path, { email: buyer.email, password: PASSWORD });
      expect(must(answer, 200).data).to.deep.equal(right);
    }
    const wrong = await admin.call('POST', '/verify-credentials', { email: buyer.email, password: 'not this one' });
    expect(must(wrong, 200).data).to.deep.equal({ user_id: null, role: null, is_active: null, valid: false });
  });

  it('ID-15, EP-54: shows a user by id', async () => {
    const buyer = await mission.people.buyer();
    for (const path of [`/users/${buyer.id}`, `/admin/users/${buyer.id}`]) {
      expect(must(await admin.call('GET', path), 200).data).to.include({ id: buyer.id, email: buyer.email });
      must(await buyer.call('GET', path), 403);
    }
    must(await admin.call('GET', `/users/${randomUUID()}`), 404);
  });

  it('ID-16: registers each e-mail address and each phone number once', async () => {
    const [name, phone] = ['Ada Byron', newPhone()];
    const { data } = must(await register({ name, phone }), 201);
    expect(data.phone).to.equal(phone);
    must(await register({ name, email: data.email.toUpperCase() }), 409);
    const spaced = `${phone.slice(0, 3)} (0)${phone.slice(3, 5)} ${phone.slice(5)}`;
    const taken = must(await register({ name, phone: spaced }), 409);
    expect(taken.body.errors[0].field).to.equal('phone');
    const found = await admin.call('GET', `/admin/users?search=${encodeURIComponent(spaced)}`);
    expect(must(found, 200).data.map(({ id }: { id: string }) => id)).to.include(data.id);
  });

  it('ID-17: deactivates and reactivates an account, whose tokens stop at once', async () => {
    const buyer = await mission.people.buyer();
    const off = await admin.call('PUT', `/admin/users/${buyer.id}/deactivate`, { reason: 'Chargebacks' });
    expect(must(off, 200).data.is_active).to.equal(false);
    must(await buyer.call('GET', '/users/me'), 401);
    const logIn = (): Promise<Answer> =>
      request(mission.url, 'POST', '/auth/login', { body: { email: buyer.email, password: PASSWORD } });
    must(await logIn(), 401);
    const verified = await admin.call('POST', '/verify-credentials', { email: buyer.email, password: PASSWORD });
    expect(must(verified, 200).data.is_active).to.equal(false);
    must(await admin.call('PUT', `/admin/users/${buyer.id}/reactivate`, {}), 200);
    expect(must(await logIn(), 200).data.user.is_active).to.equal(true);
    await eventually('the account is shown as active', async () => {
      const { data } = await admin.call('GET', `/admin/users/${buyer.id}`);
      return data?.is_active === true;
    });
  });

  it('ID-18: takes first and last name, or username and full name, for the name', async () => {
    const split = await register({ first_name: 'Ada', last_name: 'Byron', phone: newPhone() });
    expect(must(split, 201).data.name).to.equal('Ada Byron');
    const full = await register({ username: 'ada_b', full_name: 'Ada Byron' });
    expect(must(full, 201).data.name).to.equal('Ada Byron');
    must(await register({}), 400);
  });
});
