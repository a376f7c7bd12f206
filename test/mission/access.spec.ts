import { expect } from 'chai';
import { sealedInEvent } from '../../src/aggregates/sealed.ts';
import { streamOf } from '../../src/eventstore/eventStore.ts';
import { must, openWriteSide, PASSWORD, request, type Json } from '../support/shop.ts';
import { onMission, type Mission } from './mission.ts';

describe('the mission: who may ask', () => {
  let mission: Mission;
  onMission((shared) => (mission = shared));

  it('ID-06, EVT-05: records a registration as an event that holds a hash by bcrypt, and nothing that a reader of the log could use', async () => {
    const { id, email } = await mission.people.buyer('Ada Byron');
    const write = await openWriteSide(mission.databaseUrl, {}, { readOnly: true });
    try {
      const [registered] = await write.services.store.read(streamOf('user', id), 0n, 1);
      expect(registered).to.include({ type: 'UserRegistered' });
      const text = JSON.stringify(registered!.data);
      for (const secret of [email, 'Ada Byron', PASSWORD, '$2']) expect(text).to.not.include(secret);
      const [opened] = await write.services.personalData.revealAll([registered!.data], () =>
        sealedInEvent(registered!, id),
      );
      const { passwordHash } = opened as Json;
      expect(passwordHash).to.match(/^\$2b\$\d\d\$.{53}$/);
    } finally {
      await write.close();
    }
  });

  it('ID-19: decides at the edge who may ask, before it looks at what is asked', async () => {
    const wrong = { nothing: 'of this is right' };
    expect(await mission.ask('POST', '/products', wrong)).to.include({ status: 401 });
    const forged = await request(mission.url, 'POST', '/products', { body: wrong, token: 'no.such.token' });
    expect(forged).to.include({ status: 401 });
    const buyer = await mission.people.buyer();
    expect(await buyer.call('POST', '/products', wrong)).to.include({ status: 403 });
    const seller = await mission.people.seller();
    expect(await seller.call('POST', '/products', wrong)).to.include({ status: 400 });
  });

  it('ID-13, CAT-19, EP-51: shows the figures of the shop to administrators alone', async () => {
    const { productId } = await mission.offer({ price: '17.00' });
    const buyer = await mission.people.buyer();
    await mission.buy(buyer, productId, 3);
    const admin = await mission.admin();
    for (const path of ['/protected/admin/dashboard', '/admin/dashboard']) {
      expect(await mission.ask('GET', path)).to.include({ status: 401 });
      expect(await buyer.call('GET', path)).to.include({ status: 403 });
      // Other tests sell too, so only what this one has added is sure.
      await mission.until('the sale counts', async () => {
        const { data } = must(await admin.call('GET', path), 200);
        expect(data).to.include.keys('revenue', 'orders_by_status', 'best_sellers', 'new_users', 'conversion');
        const captured = data.totals.reduce((sum: number, one: Json) => sum + one.captured, 0);
        return captured >= 51 && data.orders_by_status.paid >= 1 && data.new_users >= 2;
      });
    }
  });
});
