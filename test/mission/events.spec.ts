import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { freshDatabase } from '../support/database.ts';
import { must, serveShop, type Caller, type Json, type Served } from '../support/shop.ts';
import { onMission, type Mission, type Offer } from './mission.ts';

describe('the mission: events', () => {
  let mission: Mission;
  let offer: Offer;
  let buyer: Caller;
  onMission((shared) => (mission = shared));
  before(async () => {
    offer = await mission.offer({ stock: 100 });
    buyer = await mission.people.buyer();
  });
  const order = (method = 'sandbox') =>
    buyer.call('POST', '/orders', {
      ...{ shipping_address: '1 Abbey Road', payment_method: method },
      items: [{ product_id: offer.productId, quantity: 1 }],
    });
  const history = async (id: string): Promise<Json[]> =>
    must(await buyer.call('GET', `/orders/${id}/history`), 200).data;
  const typesOf = async (id: string): Promise<string[]> => (await history(id)).map(({ type }) => type);

  it('EVT-01, EVT-07: records that an order was placed, with its buyer, its lines and its total', async () => {
    const { id } = must(await order(), 201).data;
    const [placed] = await history(id);
    expect(placed).to.include({ type: 'OrderPlaced', actor: buyer.id });
    expect(placed.changes.map(({ field }: Json) => field)).to.include.members([
      'buyer_id',
      'items.0.product_id',
      'total',
    ]);
  });

  it('EVT-02: tells the buyer about the order', async () => {
    const { id } = must(await order(), 201).data;
    await mission.people.untilOrder(buyer, id, 'paid');
    await eventually('the buyer is told', async () => {
      const { data } = must(await buyer.call('GET', '/notifications'), 200);
      return data.some(({ text }: Json) => text.includes(id));
    });
  });

  it('EVT-03, EVT-04: asks for the payment because of the order, and records its outcome, which moves the order', async () => {
    const paid = must(await order(), 201).data.id;
    await mission.people.untilOrder(buyer, paid, 'paid');
    expect(await typesOf(paid)).to.include.members(['OrderPlaced', 'PaymentRequested', 'PaymentCaptured']);
    const declined = must(await order('sandbox_decline'), 201).data.id;
    await eventually('the payment is declined', async () => (await typesOf(declined)).includes('PaymentDeclined'));
  });

  it('EVT-08, EVT-11: answers an order before it is paid', async () => {
    const { data } = must(await order(), 201);
    expect(data).to.include({ status: 'pending' });
    expect(data.payment.captured).to.equal(0);
    await mission.people.untilOrder(buyer, data.id, 'paid');
  });
});

describe('the mission: consumers of events', () => {
  it('EVT-06, EVT-09, EVT-10: keeps events until a process of their consumers comes, however late', async () => {
    const database = await freshDatabase();
    const shop = await serveShop(database.url, { ROLES: 'http,projector' });
    let consumers: Served | undefined;
    try {
      const { people } = shop;
      const seller = await people.seller();
      const items = [{ product_id: await people.product(seller, await people.category()), quantity: 1 }];
      const buyer = await people.buyer();
      const order = { shipping_address: '1 Abbey Road', items };
      const { id } = must(await buyer.call('POST', '/orders', order), 201).data;
      expect(must(await buyer.call('GET', `/orders/${id}`), 200).data.status).to.equal('pending');
      consumers = await serveShop(database.url, { ROLES: 'relay,handlers,deadlines' });
      await people.untilOrder(buyer, id, 'paid');
    } finally {
      await consumers?.stop();
      await shop.stop();
      await database.drop();
    }
  });
});
