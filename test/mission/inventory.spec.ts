import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { type Answer, must, type Json } from '../support/shop.ts';
import { onMission, type Mission, type Offer } from './mission.ts';

describe('the mission: inventory', () => {
  let mission: Mission;
  onMission((shared) => (mission = shared));

  const put = ({ seller, productId }: Offer, body: object, headers: Record<string, string> = {}): Promise<Answer> =>
    seller.call('PUT', `/inventory/${productId}`, body, headers);

  it('INV-01, INV-04: sets the stock to a total, adds to it and takes from it, with a reason or without', async () => {
    const offer = await mission.offer({ stock: 10 });
    const { seller, productId } = offer;
    expect(must(await put(offer, { quantity: 50, operation: 'set' }), 200).data).to.include({
      total: 50,
      available: 50,
    });
    must(await put(offer, { quantity: 5, operation: 'add', reason: 'a parcel' }), 200);
    must(await put(offer, { quantity: 15, operation: 'subtract', reason: 'wet' }), 200);
    const key = { 'idempotency-key': randomUUID() };
    for (const _ of [1, 2]) must(await put(offer, { quantity: 2, operation: 'add' }, key), 200);
    must(await put(offer, { quantity: 42 }), 200);
    const shown = must(await seller.call('GET', `/inventory/${productId}`), 200).data;
    expect(shown).to.deep.equal({ available: 42, reserved: 0, total: 42, low_stock_threshold: null });

    const history = must(await seller.call('GET', `/inventory/${productId}/history`), 200).data as Json[];
    expect(history.map(({ quantity, reason }) => [quantity, reason])).to.deep.equal([
      [10, null],
      [40, 'no reason given'],
      [5, 'a parcel'],
      [-15, 'wet'],
      [2, 'no reason given'],
    ]);

    const admin = await mission.admin();
    const path = `/inventory/${productId}`;
    must(await admin.call('PUT', path, { quantity: 20, operation: 'set', reason: 'counted' }), 200);
    must(await admin.call('PUT', `/inventory/${randomUUID()}`, { quantity: 1 }), 404);
    must(await (await mission.people.seller()).call('PUT', path, { quantity: 1 }), 404);
    must(await (await mission.people.buyer()).call('PUT', path, { quantity: 1 }), 403);
    must(await mission.ask('PUT', path, { quantity: 1 }), 401);
    expect(must(await seller.call('GET', path), 200).data.total).to.equal(20);
  });

  it('INV-02, INV-04: refuses what is no change, and what would take reserved units', async () => {
    const offer = await mission.offer({ stock: 10 });
    const { seller, productId } = offer;
    for (const quantity of [-1, 0.5, '1', 1e21, null]) must(await put(offer, { quantity, operation: 'set' }), 400);
    for (const operation of ['add', 'subtract']) must(await put(offer, { quantity: 0, operation }), 400);
    for (const operation of ['', 'SET', 'multiply', null]) must(await put(offer, { quantity: 1, operation }), 400);
    must(await put(offer, { operation: 'set' }), 400);
    const opened = must(await seller.call('GET', `/products/${productId}`), 200);
    await mission.buy(await mission.people.buyer(), productId, 3);
    must(await put(offer, { quantity: 8, operation: 'subtract' }), 409);
    must(await put(offer, { quantity: 2 }), 409);
    const tag = { 'if-match': opened.headers.get('etag') ?? '' };
    expect(must(await put(offer, { quantity: 10 }, tag), 412).body.type).to.equal('/problems/StockChanged');
    expect(must(await seller.call('GET', `/inventory/${productId}`), 200).data).to.include({
      ...{ available: 7, reserved: 3, total: 10 },
    });
    const taken = must(await put(offer, { quantity: 7, operation: 'subtract' }), 200);
    expect(taken.data).to.include({ available: 0, reserved: 3, total: 3 });
    const again = { 'if-match': taken.headers.get('etag') ?? '' };
    must(await put(offer, { quantity: 4 }, again), 200);
    must(await put(offer, { quantity: 5 }, again), 412);
  });

  it('INV-04: lists what ran low, and tells the seller once each time that a product falls below its threshold', async () => {
    const offer = await mission.offer({ stock: 30, low_stock_threshold: 5 });
    const { seller, productId } = offer;
    const path = `/inventory/${productId}`;
    expect(must(await seller.call('GET', path), 200).data).to.include({ low_stock_threshold: 5, available: 30 });
    const low = async (query = ''): Promise<string[]> =>
      must(await seller.call('GET', `/inventory/low-stock${query}`), 200).data.map(({ id }: Json) => id);
    const told = async (): Promise<number> =>
      must(await seller.call('GET', '/notifications?per_page=100'), 200).data.filter(
        ({ kind }: Json) => kind === 'stock low',
      ).length;
    expect(await low()).to.deep.equal([]);
    expect(await low('?below=31')).to.deep.equal([productId]);

    must(await put(offer, { quantity: 5 }), 200);
    expect(await low(), 'as many as the threshold').to.deep.equal([]);
    const buyer = await mission.people.buyer();
    for (const _ of [1, 2]) await mission.buy(buyer, productId, 1);
    await mission.until('the seller is told', async () => (await told()) === 1);
    expect(await low()).to.deep.equal([productId]);

    must(await put(offer, { quantity: 20, operation: 'add' }), 200);
    must(await put(offer, { quantity: 20, operation: 'subtract' }), 200);
    await mission.until('the seller is told again', async () => (await told()) === 2);
    const notice = must(await seller.call('GET', '/notifications'), 200).data[0];
    expect(notice).to.include({ kind: 'stock low', channel: 'email' });

    must(await seller.call('PUT', `/products/${productId}`, { low_stock_threshold: null }), 200);
    expect(must(await seller.call('GET', path), 200).data.low_stock_threshold).to.equal(null);
    expect(await low(), 'ten, without a threshold').to.deep.equal([productId]);
    must(await put(offer, { low_stock_threshold: 2 }), 200);
    expect(await low()).to.deep.equal([]);
    must(await seller.call('PUT', `/products/${productId}`, { low_stock_threshold: 50 }), 200);
    expect(await low(), 'above the ten').to.deep.equal([productId]);
    expect(await told(), 'a threshold is no crossing').to.equal(2);

    for (const threshold of [-1, 0.5, '5', 1e21]) must(await put(offer, { low_stock_threshold: threshold }), 400);
    must(await put(offer, {}), 400);
    must(await put(offer, { operation: 'add', low_stock_threshold: 1 }), 400);
    const stranger = await mission.people.seller();
    must(await stranger.call('PUT', path, { low_stock_threshold: 1 }), 404);
    must(await stranger.call('PUT', `/products/${productId}`, { low_stock_threshold: 1 }), 404);
    expect(must(await seller.call('GET', path), 200).data.low_stock_threshold).to.equal(50);
  });

  it('INV-04, EP-67: says in one call whether many products can be bought, each and all together', async () => {
    const [some, none, draft] = await Promise.all([
      mission.offer({ stock: 5 }),
      mission.offer({ stock: 0 }),
      mission.offer({ stock: 5, status: 'draft' }),
    ]);
    const check = async (items: readonly (readonly [string, number])[], status = 200): Promise<Json> => {
      const body = { items: items.map(([id, quantity]) => ({ product_id: id, quantity })) };
      return must(await mission.ask('POST', '/inventory/check-availability', body), status).data;
    };
    expect(await check([[some.productId, 5]])).to.deep.equal({
      available: true,
      items: [{ product_id: some.productId, quantity: 5, available: true, in_stock: 5 }],
    });
    const unknown = randomUUID();
    const found = await check([
      [some.productId, 5],
      [none.productId, 1],
      [draft.productId, 1],
      [unknown, 1],
    ]);
    expect(found.available).to.equal(false);
    expect(found.items.map((item: Json) => [item.product_id, item.available, item.in_stock])).to.deep.equal([
      [some.productId, true, 5],
      [none.productId, false, 0],
      [draft.productId, false, 0],
      [unknown, false, 0],
    ]);
    const twice = await check([
      [some.productId, 3],
      [some.productId, 3],
    ]);
    expect(
      twice.items.map(({ available }: Json) => available),
      'six of five',
    ).to.deep.equal([false, false]);

    await mission.buy(await mission.people.buyer(), some.productId, 2);
    expect(await check([[some.productId, 4]])).to.deep.include({ available: false });
    expect(await check([[some.productId, 3]])).to.deep.include({ available: true });
    await check([], 400);
    await check(
      Array.from({ length: 51 }, () => [some.productId, 1] as const),
      400,
    );
    for (const quantity of [0, -1, 0.5, 1e21]) await check([[some.productId, quantity]], 400);
    await check([['no-id', 1]], 400);
    const stock = must(await some.seller.call('GET', `/inventory/${some.productId}`), 200).data;
    expect(stock, 'nothing is reserved').to.include({ available: 3, reserved: 2, total: 5 });
  });
});
