import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { must, type Json } from '../support/shop.ts';
import { onMission, type Mission } from './mission.ts';

describe('the mission: stock', () => {
  let mission: Mission;
  onMission((shared) => (mission = shared));

  it('CAT-04, INV-01: changes the stock with the product, by one adjustment to the total, or neither', async () => {
    const { seller, productId } = await mission.offer({ stock: 10 });
    const path = `/products/${productId}`;
    const buyer = await mission.people.buyer();
    const items = [{ product_id: productId, quantity: 3 }];
    must(await buyer.call('POST', '/orders', { shipping_address: '1 Abbey Road', items }), 201);
    const described = must(await seller.call('PUT', path, { description: 'B10: without stock' }), 200);
    expect(described.data.stock, 'B10').to.deep.equal({ available: 7, reserved: 3, total: 10 });
    const refused = must(await seller.call('PUT', path, { name: 'Nothing of it', stock: 2 }), 409);
    expect(refused.body.type, 'B10').to.equal('/problems/StockBelowReserved');
    expect(must(await seller.call('GET', path), 200).data).to.deep.include({ ...described.data });

    const key = { 'idempotency-key': randomUUID() };
    const wanted = { name: 'Goose quill', stock: 13 };
    const changed = must(await seller.call('PUT', path, wanted, key), 200);
    expect(changed.data).to.deep.include({ name: 'Goose quill', stock: { available: 10, reserved: 3, total: 13 } });
    expect(must(await seller.call('PUT', path, wanted, key), 200).data).to.deep.equal(changed.data);
    must(await seller.call('PUT', path, { stock: 13 }), 200);
    must(await seller.call('PUT', path, { stock: 20 }, { 'if-match': '"0"' }), 412);
    const stranger = await mission.people.seller();
    must(await stranger.call('PUT', path, { stock: 0 }), 404);
    for (const stock of [-1, 0.5, '1', 1e21, null]) must(await seller.call('PUT', path, { stock }), 400);
    for (const change of [0, 0.5, '1', 1e21]) {
      must(await seller.call('POST', `${path}/stock`, { change, reason: 'B10' }), 400);
    }
    const history = must(await seller.call('GET', `/inventory/${productId}/history`), 200).data as Json[];
    expect(history.map(({ type, quantity }) => [type, quantity]).slice(0, 2)).to.deep.equal([
      ['StockReceived', 10],
      ['StockReserved', 3],
    ]);
    expect(
      history.filter(({ type }) => type === 'StockAdjusted').map(({ quantity, actor }) => [quantity, actor]),
    ).to.deep.equal([[3, seller.id]]);
    expect(must(await seller.call('GET', `/inventory/${productId}`), 200).data).to.include({ total: 13 });
  });
});
