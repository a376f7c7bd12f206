import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { loadConfig } from '../../src/config/config.ts';
import { must, type Caller, type Json } from '../support/shop.ts';
import { onMission, type Mission, type Offer } from './mission.ts';

describe('the mission: payments and stock of a whole purchase', () => {
  let mission: Mission;
  let offer: Offer;
  let buyer: Caller;
  onMission((shared) => (mission = shared));
  before(async () => {
    offer = await mission.offer({ stock: 50 });
    buyer = await mission.people.buyer();
  });
  const order = (quantity: number, method = 'sandbox') =>
    buyer.call('POST', '/orders', {
      ...{ shipping_address: '1 Abbey Road', payment_method: method },
      items: [{ product_id: offer.productId, quantity }],
    });

  it('ENV-20: takes payments without the key of a provider, and refuses a method that no provider takes', async () => {
    expect(loadConfig({ STRIPE_SECRET_KEY: 'sk_test_1' })).to.deep.equal(loadConfig({}));
    const { status, body } = await order(1, 'stripe');
    expect(status).to.be.within(400, 422);
    expect(body.errors[0].message).to.include('sandbox');
    const { id } = must(await order(1), 201).data;
    await mission.people.untilOrder(buyer, id, 'paid');
  });

  it('EP-67, AX.4: empties a cart, confirms, reads and refunds a payment, and shows the stock and its history meanwhile', async () => {
    must(await buyer.call('POST', '/cart', { product_id: offer.productId, quantity: 1, price: 10 }), 200);
    expect(must(await buyer.call('DELETE', '/cart'), 200).data.items).to.deep.equal([]);
    const { id } = must(await order(2, 'sandbox_confirm'), 201).data;
    const payment = async (): Promise<Json> => must(await buyer.call('GET', `/payments/order/${id}`), 200).data[0];
    await mission.until('the payment is authorised', async () => (await payment())?.status === 'authorised');
    const { id: paymentId } = await payment();
    must(await buyer.call('POST', `/payments/${paymentId}/confirm`, { payment_intent_id: 'pi_1' }), 200);
    await mission.people.untilOrder(buyer, id, 'paid');
    expect(must(await buyer.call('GET', `/payments/${paymentId}`), 200).data).to.include({ order_id: id, amount: 20 });
    const { data: own } = must(await buyer.call('GET', '/payments'), 200);
    expect(own.map((one: Json) => one.id)).to.include(paymentId);
    const refund = { amount: 5, reason: 'one was scratched' };
    must(await offer.seller.call('POST', `/payments/${paymentId}/refund`, refund), 200);
    await mission.until('a part is refunded', async () => (await payment()).refunded === 5);
    const { data: history } = must(await offer.seller.call('GET', `/inventory/${offer.productId}/history`), 200);
    expect(history.map(({ order_id: of }: Json) => of)).to.include(id);
  });

  it('INV-02: sells no piece twice, however many buy at once', async () => {
    const last = await mission.people.product(offer.seller, await mission.category(), { stock: 3 });
    const buyers = await Promise.all(Array.from({ length: 8 }, () => mission.people.buyer()));
    const bought = await Promise.all(
      buyers.map((one) =>
        one.call('POST', '/orders', {
          ...{ shipping_address: '1 Abbey Road' },
          items: [{ product_id: last, quantity: 1 }],
        }),
      ),
    );
    const statuses = bought.map(({ status }) => status).sort();
    expect(statuses.filter((status) => status === 201)).to.have.length(3);
    expect(new Set(statuses.slice(3))).to.deep.equal(new Set([409]));
    const { data } = must(await offer.seller.call('GET', `/inventory/${last}`), 200);
    expect(data).to.deep.include({ available: 0, reserved: 3, total: 3 });
  });

  it('INV-04: adds to and takes from the stock with a reason, and never below what is reserved', async () => {
    const id = await mission.people.product(offer.seller, await mission.category(), { stock: 5 });
    const adjust = (change: number) =>
      offer.seller.call('POST', `/products/${id}/stock`, { change, reason: `counted ${randomUUID()}` });
    must(await adjust(4), 200, 201);
    must(await adjust(-2), 200, 201);
    expect(must(await offer.seller.call('GET', `/products/${id}/stock`), 200).data).to.include({ total: 7 });
    expect((await adjust(-8)).status).to.be.within(400, 422);
    expect(must(await offer.seller.call('GET', `/products/${id}/stock`), 200).data).to.include({ total: 7 });
  });
});
