import { expect } from 'chai';
import { must, PASSWORD } from '../support/shop.ts';
import { onMission, type Mission } from './mission.ts';

describe('the mission: erasure', () => {
  let mission: Mission;
  onMission((shared) => (mission = shared));

  it('ID-12: deletes one’s own profile, for good', async () => {
    const buyer = await mission.people.buyer('ada');
    must(await buyer.call('DELETE', '/users/me', { password: 'not the password' }), 401);
    must(await buyer.call('GET', '/users/me'), 200);
    must(await buyer.call('DELETE', '/users/me', { password: PASSWORD }), 200);
    must(await buyer.call('GET', '/users/me'), 401);
    const body = { email: buyer.email, password: PASSWORD };
    must(await mission.ask('POST', '/auth/login', body), 401);
    const admin = await mission.admin();
    must(await admin.call('GET', `/admin/users/${buyer.id}`), 404);
    const again = must(await mission.ask('POST', '/auth/register', { ...body, name: 'Bea' }), 201);
    expect(again.data.id).to.not.equal(buyer.id);
  });
});
