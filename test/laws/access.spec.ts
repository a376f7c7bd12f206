import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { commands } from '../../src/commands/index.ts';
import { queries } from '../../src/queries/index.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { must, PASSWORD, request, serveShop, type Answer, type Caller, type Served } from '../support/shop.ts';

type Stranger = 'nobody' | 'another buyer' | 'another seller' | 'an admin';

interface Case {
  readonly id:
    | 'store'
    | 'category'
    | 'product'
    | 'unwanted'
    | 'order'
    | 'payment'
    | 'user'
    | 'session'
    | 'stranger'
    | 'review'
    | 'erasable'
    | 'ownProduct'
    | 'sku'
    | 'ownReview';
  readonly body?: object;
  /** What the owner is asked with, when a stranger's success would have used `id` up. */
  readonly ownersId?: Case['id'];
  /** The status for the owner; without it, that of `ownerGets`. */
  readonly owner?: number;
  /** The status that each kind of caller gets for an id that is not theirs. */
  readonly expected: Readonly<Record<Stranger, number>>;
}

const answers = (nobody: number, buyer: number, seller: number, admin: number): Case['expected'] => ({
  nobody,
  'another buyer': buyer,
  'another seller': seller,
  'an admin': admin,
});
const everybody = answers(200, 200, 200, 200);
const ownSellerOnly = answers(401, 403, 404, 403);
const ownSellerOrAdmin = answers(401, 403, 404, 200);
const adminOnly = answers(401, 403, 403, 200);
const ownOnly = answers(401, 404, 404, 200);

/** The answers that an owner may get: their own request is let in, and only its content is judged. */
const LET_IN = [200, 201, 202, 400, 409, 412, 415, 422];
/** A token of a deactivated or an erased account is none. */
const GONE = 401;
/** Routes that admit only administrators refuse also the owner; all others let them in. */
const ownerGets = ({ owner, expected }: Case): readonly number[] => {
  if (owner !== undefined) return [owner];
  return expected['another buyer'] === 403 && expected['another seller'] === 403 ? [403] : LET_IN;
};
/** A route that refuses another buyer by the role, and another seller by the thing, is a seller's. */
const isSellers = ({ expected }: Case): boolean =>
  expected['another buyer'] === 403 && expected['another seller'] === 404;

/**
 * Every route with an id in its path, by what it is about: what nobody, another buyer, another seller and an administrator get. The
 * owner and the accounts that are gone follow from `ownerGets` and `GONE`. Routes without an id are in `actors.spec.ts`.
 */
const ROUTES: Readonly<Record<string, Case>> = {
  'GET /stores/:id': { id: 'store', expected: everybody },
  'GET /stores/:id/products': { id: 'store', expected: everybody },
  'PUT /stores/:id': { id: 'store', body: { name: 'Mine now' }, expected: ownSellerOnly },
  'PUT /categories/:id': { id: 'category', body: { name: 'Mine now' }, expected: adminOnly },
  'DELETE /categories/:id': { id: 'category', expected: answers(401, 403, 403, 409) },
  'GET /products/:id': { id: 'product', expected: everybody },
  'GET /products/sku/:sku': { id: 'sku', expected: everybody },
  'GET /products/:id/related': { id: 'product', expected: everybody },
  'PUT /products/:id': { id: 'product', body: { price: '0.01' }, expected: ownSellerOnly },
  'POST /products/:id/image': { id: 'product', body: {}, expected: ownSellerOnly },
  'DELETE /products/:id/image': { id: 'product', expected: ownSellerOnly },
  'POST /stores/:id/logo': { id: 'store', body: {}, expected: ownSellerOnly },
  'DELETE /stores/:id/logo': { id: 'store', expected: ownSellerOnly },
  'DELETE /products/:id': { id: 'unwanted', ownersId: 'ownProduct', expected: ownSellerOrAdmin },
  'GET /products/:id/stock': { id: 'product', expected: ownSellerOrAdmin },
  'GET /products/:id/stock/history': { id: 'product', expected: ownSellerOrAdmin },
  'PUT /inventory/:id': { id: 'product', body: { operation: 'add', quantity: 1 }, expected: ownSellerOrAdmin },
  'POST /products/:id/stock': { id: 'product', body: { change: 1, reason: 'found' }, expected: ownSellerOrAdmin },
  'GET /products/:id/reviews': { id: 'product', expected: everybody },
  'POST /products/:id/reviews': {
    id: 'product',
    body: { rating: 1 },
    owner: 409,
    expected: answers(401, 403, 403, 403),
  },
  'GET /reviews/:id': { id: 'review', expected: everybody },
  'PUT /reviews/:id': { id: 'review', body: { rating: 1 }, expected: answers(401, 404, 404, 404) },
  'DELETE /reviews/:id': { id: 'review', ownersId: 'ownReview', expected: answers(401, 404, 404, 404) },
  'PUT /reviews/:id/answer': { id: 'review', body: { text: 'Mine' }, expected: ownSellerOnly },
  'DELETE /reviews/:id/answer': { id: 'review', expected: ownSellerOnly },
  'PUT /admin/reviews/:id/hide': { id: 'review', body: { reason: 'spam' }, expected: adminOnly },
  'PUT /admin/reviews/:id/show': { id: 'review', body: {}, expected: adminOnly },
  'PUT /cart/items/:product_id': { id: 'product', body: { quantity: 1 }, expected: answers(401, 404, 403, 403) },
  'DELETE /cart/items/:product_id': { id: 'product', expected: answers(401, 404, 403, 403) },
  'GET /orders/:id': { id: 'order', expected: ownOnly },
  'GET /orders/:id/history': { id: 'order', expected: ownOnly },
  'GET /orders/:id/payments': { id: 'order', expected: ownOnly },
  'PUT /orders/:id/status': { id: 'order', body: { status: 'processing' }, expected: ownSellerOnly },
  'GET /payments/:id': { id: 'payment', expected: ownOnly },
  'POST /payments/:id/confirm': { id: 'payment', expected: answers(401, 404, 404, 404) },
  'POST /payments/:id/refund': { id: 'payment', body: { amount: 1, reason: 'mine' }, expected: ownSellerOrAdmin },
  'PUT /admin/users/:id/role': { id: 'user', body: { role: 'buyer' }, expected: adminOnly },
  'DELETE /users/me/sessions/:id': { id: 'session', expected: answers(401, 404, 404, 404) },
  'GET /admin/users/:id': { id: 'user', expected: adminOnly },
  'DELETE /admin/users/:id': { id: 'erasable', body: {}, expected: adminOnly },
  'PUT /admin/users/:id/second-factor/disable': { id: 'stranger', body: {}, expected: adminOnly },
  'PUT /admin/users/:id/deactivate': { id: 'stranger', expected: adminOnly },
  'PUT /admin/users/:id/reactivate': { id: 'stranger', expected: adminOnly },
  'GET /admin/dead-letters/:id': { id: 'store', expected: answers(401, 403, 403, 404) },
  'POST /admin/dead-letters/:id/retry': { id: 'store', body: {}, expected: answers(401, 403, 403, 404) },
  'POST /admin/dead-letters/:id/skip': { id: 'store', body: { reason: 'x' }, expected: answers(401, 403, 403, 404) },
  'POST /admin/projections/:projection/rebuild': { id: 'store', body: {}, expected: answers(401, 403, 403, 404) },
  'PUT /admin/stores/:id/suspend': { id: 'store', body: { reason: 'fake goods' }, expected: adminOnly },
  'PUT /admin/stores/:id/restore': { id: 'store', body: {}, expected: adminOnly },
  'PUT /orders/:id/cancel': { id: 'order', body: {}, expected: ownOnly },
};

describe('what is not theirs', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let shop: Served;
  let ids: Record<Case['id'], string>;
  let strangers: Record<Stranger, Caller | undefined>;
  let buyer: Caller;
  let owners: { seller: Caller; buyer: Caller };
  let gone: { deactivated: Caller; erased: Caller };

  before(async () => {
    database = await freshDatabase();
    shop = await serveShop(database.url);
    const { people } = shop;
    const seller = await people.seller();
    buyer = await people.buyer();
    const category = await people.category();
    const sku = 'QUILL-7';
    const product = await people.product(seller, category, { sku });
    const unwanted = await people.product(seller, category);
    const [ownProduct, second] = [await people.product(seller, category), await people.product(seller, category)];
    const items = [product, second].map((product_id) => ({ product_id, quantity: 1 }));
    const body = { shipping_address: '1 Abbey Road', items };
    const order = must(await buyer.call('POST', '/orders', body), 201).data;
    await people.untilOrder(buyer, order.id, 'paid');
    const shipped = must(await buyer.call('POST', '/orders', body), 201).data.id;
    await people.untilOrder(buyer, shipped, 'paid');
    for (const status of ['processing', 'shipping', 'shipped']) {
      must(await seller.call('PUT', `/orders/${shipped}/status`, { status }), 200);
    }
    const review = must(await buyer.call('POST', `/products/${product}/reviews`, { rating: 5 }), 201).data.id;
    const ownReview = must(await buyer.call('POST', `/products/${second}/reviews`, { rating: 5 }), 201).data.id;
    must(await buyer.call('POST', '/cart/items', { product_id: product, quantity: 1 }), 201, 200);
    const user = must(await buyer.call('GET', '/users/me'), 200).data.id;
    const stranger = (await people.buyer()).id;
    await people.logIn(buyer.email);
    const sessions = must(await buyer.call('GET', '/users/me/sessions'), 200).data as {
      id: string;
      current: boolean;
    }[];
    const session = sessions.find(({ current }) => !current)!.id;
    const erasable = (await people.buyer()).id;
    ids = {
      store: seller.storeId,
      category,
      product,
      unwanted,
      order: order.id,
      payment: order.payment.id,
      user,
      stranger,
      session,
      review,
      erasable,
      ownProduct,
      sku,
      ownReview,
    };
    owners = { seller, buyer };
    const admin = await people.admin();
    gone = { deactivated: await people.buyer(), erased: await people.buyer() };
    must(await admin.call('PUT', `/admin/users/${gone.deactivated.id}/deactivate`), 200);
    must(await gone.erased.call('DELETE', '/users/me', { password: PASSWORD }), 200);
    strangers = {
      nobody: undefined,
      'another buyer': await people.buyer(),
      'another seller': await people.seller(),
      'an admin': admin,
    };
  });
  after(async () => {
    await shop.stop();
    await database.drop();
  });

  const ask = (caller: Caller | undefined, route: string, id: string, body?: object): Promise<Answer> => {
    const [method = '', pattern = ''] = route.split(' ');
    const path = pattern.replace(/:\w+/, id) + (pattern.endsWith('/:sku') ? `?store_id=${ids.store}` : '');
    if (caller !== undefined) return caller.call(method, path, body);
    return request(shop.url, method, path, body === undefined ? {} : { body });
  };

  it('is judged for every route that has an id in its path', () => {
    const declared = [...commands, ...queries].map(({ route }) => route).filter((route) => route.includes(':'));
    const missing = declared.filter((route) => !Object.hasOwn(ROUTES, route));
    expect(missing, 'add a line for each to ROUTES: what it is about, and `expected` for each caller').to.deep.equal(
      [],
    );
    expect(Object.keys(ROUTES).sort()).to.deep.equal([...declared].sort());
  });

  for (const [route, line] of Object.entries(ROUTES)) {
    const { id, body, expected } = line;

    it(`${route} answers a deactivated or erased account ${GONE}, and the owner ${ownerGets(line).join(' or ')}`, async () => {
      for (const [who, caller] of Object.entries(gone)) {
        const answer = await ask(caller, route, ids[id], body);
        expect(answer.status, `${who}: ${answer.text}`).to.equal(GONE);
      }
      const owner = isSellers(line) ? owners.seller : owners.buyer;
      const answer = await ask(owner, route, ids[line.ownersId ?? id], body);
      expect(ownerGets(line), `the owner: ${answer.text}`).to.include(answer.status);
    });

    it(`${route} answers ${Object.entries(expected)
      .map(([who, status]) => `${who} ${status}`)
      .join(', ')}`, async () => {
      for (const [who, status] of Object.entries(expected) as [Stranger, number][]) {
        const answer = await ask(strangers[who], route, ids[id], body);
        expect(answer.status, `${who}: ${answer.text}`).to.equal(status);
      }
    });

    it(`${route} answers 400 to an id that is none, whoever may ask at all`, async () => {
      const owner = Object.values(strangers).find((caller) => caller !== undefined)!;
      const { status, body: problem } = await ask(owner, route, 'no-uuid', body);
      // Any text may be a SKU, so it is only unknown.
      expect(id === 'sku' ? [404] : [400, 403], JSON.stringify(problem)).to.include(status);
    });

    it(`${route} answers 404 for what never was`, async () => {
      const admin = strangers['an admin'];
      const answer = await ask(admin, route, randomUUID(), body);
      expect([404, 403], answer.text).to.include(answer.status);
    });
  }

  it('shows nobody the orders, payments or cart of another', async () => {
    const other = strangers['another buyer']!;
    for (const path of ['/orders', '/payments']) expect((await other.call('GET', path)).data).to.deep.equal([]);
    expect((await other.call('GET', '/cart')).data.items).to.deep.equal([]);
    expect((await strangers['another seller']!.call('GET', '/seller/orders')).data).to.deep.equal([]);
  });

  it('takes no owner, role or price from a body', async () => {
    for (const field of ['user_id', 'role', 'price', 'buyer_id', '__proto__', 'constructor', 'is_admin', 'version']) {
      const text = `{"product_id":"${ids.product}","quantity":1,"${field}":{"x":1}}`;
      const response = await fetch(`${shop.url}/api/v1/cart/items`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: await bearer(buyer) },
        body: text,
      });
      expect(response.status, field).to.equal(400);
    }
    expect(({} as Record<string, unknown>)['x']).to.equal(undefined);
  });

  async function bearer(caller: Caller): Promise<string> {
    const body = { email: caller.email, password: 'correct horse battery' };
    const { data } = must(await request(shop.url, 'POST', '/auth/login', { body }), 200);
    return `Bearer ${data.access_token}`;
  }
});
