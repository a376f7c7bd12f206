import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { type Answer, type Caller, must, type Json } from '../support/shop.ts';
import { onMission, type Mission } from './mission.ts';

const TIMEOUT_MS = 60_000;
const BUYERS = 10;
const ORDERS_EACH = 5;
const ADJUSTMENTS = 50;
const RENAMINGS = 20;

const tagOf = (answer: Answer): string => answer.headers.get('etag') ?? '';

describe('the mission: a form with the stock in it', function () {
  this.timeout(TIMEOUT_MS);
  let mission: Mission;
  onMission((shared) => (mission = shared));

  const order = (buyer: Caller, productId: string, quantity: number): Promise<Answer> => {
    const items = [{ product_id: productId, quantity }];
    return buyer.call('POST', '/orders', { shipping_address: '1 Abbey Road', items });
  };
  const historyOf = async (seller: Caller, productId: string): Promise<Json[]> =>
    must(await seller.call('GET', `/products/${productId}/stock/history?limit=500`), 200).data as Json[];

  it('B10 (1), CAT-04: is refused when units were sold since it was opened', async () => {
    const { seller, productId } = await mission.offer({ stock: 10 });
    const path = `/products/${productId}`;
    const opened = must(await seller.call('GET', path), 200);
    const tag = tagOf(opened);
    must(await seller.call('PUT', path, { stock: 10 }, { 'if-match': tag }), 200);
    const buyer = await mission.people.buyer();
    const orderId = await mission.buy(buyer, productId, 3);

    const form = { description: 'As it was opened', stock: 10 };
    for (const etag of [tag, tag.replace(/\.[\w-]+"$/, '"'), tag.replace(/~.*$/, '"')]) {
      const refused = must(await seller.call('PUT', path, form, { 'if-match': etag }), 412);
      expect(refused.body.type, etag).to.equal('/problems/StockChanged');
    }
    expect(must(await seller.call('GET', path), 200).data).to.deep.include({
      description: opened.data.description,
      stock: { available: 7, reserved: 3, total: 10 },
    });
    expect((await historyOf(seller, productId)).map(({ type }) => type)).to.deep.equal([
      'StockReceived',
      'StockReserved',
    ]);

    const seen = { 'if-none-match': tag };
    const now = must(await seller.call('GET', path, undefined, seen), 200);
    must(await seller.call('GET', path, undefined, { 'if-none-match': tagOf(now) }), 304);
    const described = must(await seller.call('PUT', path, { description: 'No stock' }, { 'if-match': tag }), 200);
    expect(described.data.stock, "a sale stands in no one's way").to.include({ total: 10, reserved: 3 });
    must(await seller.call('PUT', path, { stock: 12 }, { 'if-match': tagOf(now) }), 412);
    const set = must(await seller.call('PUT', path, { stock: 12 }, { 'if-match': tagOf(described) }), 200);
    expect(set.data.stock).to.deep.equal({ available: 9, reserved: 3, total: 12 });
    must(await seller.call('PUT', path, { stock: 11 }, { 'if-match': tagOf(described) }), 412);
    must(await seller.call('PUT', path, { stock: 10 }, { 'if-match': tagOf(set) }), 200);

    await mission.ship(seller, orderId);
    await mission.until('the shipped units are gone', async () => {
      return must(await seller.call('GET', path), 200).data.stock.total === 7;
    });
    must(await seller.call('PUT', path, { description: 'Shipped' }), 200);
    must(await seller.call('PUT', path, { stock: 10 }), 200);
    const last = (await historyOf(seller, productId)).at(-1);
    expect(last).to.include({ type: 'StockAdjusted', quantity: 3, actor: seller.id });
  });

  it('B10 (2): takes nothing that is reserved', async () => {
    const { seller, productId } = await mission.offer({ stock: 10 });
    const path = `/products/${productId}`;
    must(await order(await mission.people.buyer(), productId, 4), 201);
    const before = must(await seller.call('GET', path), 200);
    const refused = must(await seller.call('PUT', path, { name: 'Nothing of it', stock: 3 }), 409);
    expect(refused.body.errors[0].code).to.equal('INSUFFICIENT_STOCK');
    const after = must(await seller.call('GET', path), 200);
    expect(after.data).to.deep.equal(before.data);
    expect(tagOf(after)).to.equal(tagOf(before));
    must(await seller.call('PUT', path, { stock: 4 }), 200);
    expect(must(await seller.call('GET', path), 200).data.stock).to.include({ available: 0, total: 4 });
    must(await order(await mission.people.buyer(), productId, 1), 409);
  });

  it('B10 (3): adds up when adjustments, orders and changes of the product come at once', async () => {
    const { seller, productId } = await mission.offer({ stock: 50 });
    const path = `/products/${productId}`;
    const buyers = await Promise.all(Array.from({ length: BUYERS }, () => mission.people.buyer()));
    const answers = await Promise.all([
      ...Array.from({ length: ADJUSTMENTS }, () =>
        seller.call('POST', `${path}/stock`, { change: 1, reason: 'B10: came in' }),
      ),
      ...buyers.flatMap((buyer) => Array.from({ length: ORDERS_EACH }, () => order(buyer, productId, 1))),
      ...Array.from({ length: RENAMINGS }, (_, index) => seller.call('PUT', path, { name: `Quill ${index}` })),
    ]);
    for (const { status, body } of answers) expect(status, JSON.stringify(body)).to.be.oneOf([200, 201]);
    const { data } = must(await seller.call('GET', path), 200);
    expect(data.stock).to.deep.equal({ available: 50, reserved: 50, total: 100 });
    const history = await historyOf(seller, productId);
    const sum = (types: readonly string[]): number =>
      history.filter(({ type }) => types.includes(type as string)).reduce((total, { quantity }) => total + quantity, 0);
    expect(sum(['StockReceived', 'StockAdjusted']), 'the history').to.equal(100);
    expect(sum(['StockReserved']) - sum(['StockReleased', 'StockShipped']), 'the reservations').to.equal(50);
  });

  it('B10 (4): is adjusted once under one key, and never by what is no whole number', async () => {
    const { seller, productId } = await mission.offer({ stock: 5 });
    const path = `/products/${productId}/stock`;
    const key = { 'idempotency-key': randomUUID() };
    const twice = [1, 2].map(() => seller.call('POST', path, { change: 2, reason: 'B10' }, key));
    for (const answer of await Promise.all(twice)) expect(answer.status).to.be.oneOf([200, 409]);
    expect(must(await seller.call('POST', path, { change: 2, reason: 'B10' }, key), 200).data.total).to.equal(7);
    const whole = must(await seller.call('GET', path), 200).data.total as number;
    for (const change of [0, 0.5, '1', 1e21, -1e21, null, [1], true]) {
      must(await seller.call('POST', path, { change, reason: 'B10' }), 400);
    }
    must(await seller.call('POST', path, { change: -whole - 1, reason: 'B10' }), 409);
    for (const stock of [-1, 0.5, '1', 1e21, null, [1]]) {
      must(await seller.call('PUT', `/products/${productId}`, { stock }), 400);
    }
    expect(must(await seller.call('GET', path), 200).data).to.include({ available: 7, reserved: 0, total: 7 });
    expect((await historyOf(seller, productId)).map(({ quantity }) => quantity)).to.deep.equal([5, 2]);
  });
});
