import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { sealedInEvent } from '../../src/aggregates/sealed.ts';
import { type Role, userDecider } from '../../src/aggregates/user.ts';
import { admin, type MemoryShop, openMemoryShop } from '../support/memoryShop.ts';
import { rejection } from '../support/rejection.ts';

describe('the standing of an account', () => {
  let shop: MemoryShop;
  beforeEach(() => {
    shop = openMemoryShop();
  });

  const user = (role: Role): Promise<string> => shop.register(role);
  const ask = (name: string, id: string, body: object = {}, services = shop.services) =>
    shop.ask(name, admin, { params: { id }, body }, { services });
  const isActive = async (id: string): Promise<boolean> => {
    const state = await shop.fromLog(userDecider, id);
    return state.status === 'active' && !state.deactivated;
  };

  it('of somebody unknown is refused as such', async () => {
    for (const name of ['DeactivateUser', 'ReactivateUser']) {
      expect(await rejection(ask(name, randomUUID()))).to.include({ kind: 'notFound', rule: 'UserUnknown' });
    }
  });

  it('is changed for a reason that is sealed for the user', async () => {
    const id = await user('buyer');
    await ask('DeactivateUser', id, { reason: ' Asked for it by phone ' });
    const events = await shop.store.read(`user-${id}`, 1n, 10);
    expect(events.map(({ type, metadata }) => [type, metadata.actor])).to.deep.equal([['UserDeactivated', admin.id]]);
    const { data } = events[0]!;
    expect(JSON.stringify(data)).to.not.contain('phone');
    const opened = await shop.personalData.reveal(data, sealedInEvent(events[0]!, id));
    expect(opened).to.deep.equal({ reason: 'Asked for it by phone' });
  });

  it('leaves one active admin, also when several are deactivated or lose the role at once, again and again', async () => {
    const ids = [await user('admin'), await user('admin'), await user('admin')];
    const processes = [shop.services, shop.another(), shop.another()];
    for (let round = 0; round < 10; round += 1) {
      const outcomes = await Promise.allSettled(
        ids.map((id, at) =>
          at === round % 3
            ? ask('ChangeRole', id, { role: 'buyer' }, processes[at])
            : ask('DeactivateUser', id, {}, processes[at]),
        ),
      );
      const refused = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason as { rule: string }] : []));
      expect(refused.map(({ rule }) => rule)).to.deep.equal(['LastAdmin']);
      for (const id of ids) await ask('ReactivateUser', id);
      for (const id of ids) await ask('ChangeRole', id, { role: 'admin' });
    }
  });

  it('of a deactivated admin does not count, whatever role they get meanwhile, until it is good again', async () => {
    const [ada, bea] = [await user('admin'), await user('admin')];
    await ask('DeactivateUser', ada);
    await ask('ChangeRole', ada, { role: 'buyer' });
    await ask('ChangeRole', ada, { role: 'admin' });
    expect(await rejection(ask('DeactivateUser', bea))).to.include({ rule: 'LastAdmin' });
    await ask('ReactivateUser', ada);
    await ask('DeactivateUser', bea);
    expect([await isActive(ada), await isActive(bea)]).to.deep.equal([true, false]);
  });

  it('that was to change at another revision leaves the admin an admin who counts', async () => {
    const [ada, bea] = [await user('admin'), await user('admin')];
    const stale = shop.ask('DeactivateUser', admin, { params: { id: ada } }, { ifMatch: 99n });
    expect(await rejection(stale)).to.include({ kind: 'stale' });
    await ask('DeactivateUser', bea);
    expect([await isActive(ada), await isActive(bea)]).to.deep.equal([true, false]);
  });
});
