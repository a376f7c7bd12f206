import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { must, PASSWORD, request, type Answer, type Caller, type Json } from '../support/shop.ts';
import { onMission, type Mission, type Offer } from './mission.ts';

const emailOf = (name: string): string => `${name}-${randomUUID()}@example.com`;

describe('the mission: people at the endpoints that clients know', () => {
  let mission: Mission;
  onMission((shared) => (mission = shared));
  const register = (path: string, more: object = {}): Promise<Answer> =>
    mission.ask('POST', path, { email: emailOf('ada'), password: PASSWORD, name: 'Ada Byron', ...more });

  it('ID-01, EP-01, EP-15, EP-45, EP-52, EP-57: registers a user', async () => {
    for (const path of ['/users/register', '/auth/register', '/register']) {
      const email = emailOf('ada');
      const { data } = must(await register(path, { email }), 201);
      expect(data).to.include({ email, name: 'Ada Byron', role: 'buyer' });
      expect(await register(path, { email })).to.include({ status: 409 });
    }
  });

  it('ID-02, ID-03, EP-02, EP-16, EP-46, EP-58: logs in, which answers an access token and a refresh token', async () => {
    const { email } = await mission.people.buyer();
    for (const path of ['/users/login', '/auth/login']) {
      const { data } = must(await mission.ask('POST', path, { email, password: PASSWORD }), 200);
      expect(data).to.include({ token_type: 'Bearer' });
      expect(data.expires_in).to.be.above(0);
      must(await request(mission.url, 'GET', '/users/me', { token: data.access_token }), 200);
      expect(await mission.ask('POST', path, { email, password: `${PASSWORD}!` })).to.include({ status: 401 });
    }
  });

  it('ID-04, EP-17, EP-47: exchanges a refresh token for a new pair, once', async () => {
    const { email } = await mission.people.buyer();
    const first = must(await mission.ask('POST', '/auth/login', { email, password: PASSWORD }), 200).data;
    const body = { refresh_token: first.refresh_token };
    const second = must(await mission.ask('POST', '/auth/refresh', body), 200).data;
    must(await request(mission.url, 'GET', '/users/me', { token: second.access_token }), 200);
    expect(await mission.ask('POST', '/auth/refresh', body)).to.include({ status: 401 });
  });

  it('ID-05, EP-48: logs out, after which neither token is good', async () => {
    const { email } = await mission.people.buyer();
    const tokens = must(await mission.ask('POST', '/auth/login', { email, password: PASSWORD }), 200).data;
    const body = { refresh_token: tokens.refresh_token };
    must(await mission.ask('POST', '/auth/logout', body), 200);
    expect(await mission.ask('POST', '/auth/refresh', body)).to.include({ status: 401 });
    const seen = await request(mission.url, 'GET', '/users/me', { token: tokens.access_token });
    expect(seen).to.include({ status: 401 });
  });

  it('ID-07: answers 401 without a valid token in the Authorization header', async () => {
    expect(await mission.ask('GET', '/users/me')).to.include({ status: 401 });
    expect(await request(mission.url, 'GET', '/users/me', { token: 'no.such.token' })).to.include({ status: 401 });
  });

  it('ID-10, EP-03, EP-50, EP-60: shows the own profile', async () => {
    const ada = await mission.people.buyer();
    for (const path of ['/users/profile', '/protected/profile', '/users/me']) {
      const { data } = must(await ada.call('GET', path), 200);
      expect(data).to.include({ id: ada.id, email: ada.email, is_active: true });
    }
  });

  it('ID-11, EP-04: changes the own profile', async () => {
    const ada = await mission.people.buyer();
    for (const path of ['/users/profile', '/users/me']) {
      const name = `Ada ${path.slice(7)}`;
      must(await ada.call('PUT', path, { name }), 200);
      expect(must(await ada.call('GET', '/users/me'), 200).data).to.include({ name });
    }
  });

  it('ID-09, EP-18, EP-19, EP-20, CAT-12: opens a store, which makes a seller of a buyer, and changes it', async () => {
    const buyer = await mission.people.buyer();
    const { id } = must(await buyer.call('POST', '/stores', { name: 'Scriptorium' }), 201).data;
    const seller = await mission.people.logIn(buyer.email);
    expect(must(await seller.call('GET', '/users/me'), 200).data).to.include({ role: 'seller', store_id: id });
    must(await seller.call('PUT', `/stores/${id}`, { description: 'Quills' }), 200);
    expect(must(await mission.ask('GET', `/stores/${id}`), 200).data).to.include({
      ...{ name: 'Scriptorium', description: 'Quills' },
    });
  });
});

describe('the mission: the catalogue at the endpoints that clients know', () => {
  let mission: Mission;
  let offer: Offer;
  onMission((shared) => (mission = shared));
  before(async () => {
    offer = await mission.offer({ name: 'Goose quill' });
  });

  it('CAT-10, EP-22, EP-23, EP-24, EP-25: an administrator keeps the categories, and everybody lists them', async () => {
    const admin = await mission.admin();
    const name = `Ink ${randomUUID()}`;
    const { id } = must(await admin.call('POST', '/categories', { name }), 201).data;
    must(await admin.call('PUT', `/categories/${id}`, { name: `${name}!` }), 200);
    const named = (list: Json[]): string[] => list.filter((one) => one.id === id).map((one) => one.name);
    const all = async (): Promise<Json[]> => must(await mission.ask('GET', '/categories'), 200).data;
    expect(named(await all())).to.deep.equal([`${name}!`]);
    must(await admin.call('DELETE', `/categories/${id}`), 200);
    expect(named(await all())).to.deep.equal([]);
  });

  it('CAT-01, EP-07, EP-26: a seller lists a product', async () => {
    const id = await mission.people.product(offer.seller, await mission.category(), { name: 'Swan quill' });
    expect(must(await mission.ask('GET', `/products/${id}`), 200).data).to.include({ name: 'Swan quill', price: 10 });
  });

  it('CAT-02, EP-05, EP-27, EP-59: lists products in pages of the size that is asked for', async () => {
    const store = offer.seller.storeId;
    for (const size of ['per_page=1', 'page_size=1', 'limit=1']) {
      const { data, body } = must(await mission.ask('GET', `/products?store_id=${store}&page=1&${size}`), 200);
      expect(data).to.have.length(1);
      expect(body.meta.pagination).to.include({ current_page: 1, per_page: 1 });
    }
  });

  it('CAT-03, EP-06, EP-28, EP-66: shows a product with its store, its stock and its rating', async () => {
    const { data } = must(await mission.ask('GET', `/products/${offer.productId}`), 200);
    expect(data).to.deep.include({ name: 'Goose quill', stock: { available: 10, reserved: 0, total: 10 } });
    expect(data.store.id).to.equal(offer.seller.storeId);
    expect(data.rating).to.include({ average: null, count: 0 });
    const unversioned = await fetch(`${mission.url}/api/products/${offer.productId}`);
    expect(((await unversioned.json()) as Json).data.id).to.equal(offer.productId);
  });

  it('CAT-04, EP-08, EP-29: its seller changes a product, and readers see that at once', async () => {
    must(await mission.ask('GET', `/products/${offer.productId}`), 200);
    must(await offer.seller.call('PUT', `/products/${offer.productId}`, { price: '11.00' }), 200);
    expect(must(await mission.ask('GET', `/products/${offer.productId}`), 200).data.price).to.equal(11);
  });

  it('CAT-05, EP-09, EP-30: its seller deletes a product, and readers see that at once', async () => {
    const id = await mission.people.product(offer.seller, await mission.category());
    must(await mission.ask('GET', `/products/${id}`), 200);
    must(await offer.seller.call('DELETE', `/products/${id}`), 200);
    expect(await mission.ask('GET', `/products/${id}`)).to.include({ status: 404 });
  });
});

describe('the mission: buying at the endpoints that clients know', () => {
  let mission: Mission;
  let offer: Offer;
  let buyer: Caller;
  onMission((shared) => (mission = shared));
  before(async () => {
    offer = await mission.offer({ stock: 100 });
  });
  beforeEach(async () => {
    buyer = await mission.people.buyer();
  });
  const order = (): object => ({
    shipping_address: '1 Abbey Road',
    items: [{ product_id: offer.productId, quantity: 1 }],
  });

  it('EP-61: takes a cart item whose price the client names, and charges the price of the product', async () => {
    const body = { product_id: offer.productId, quantity: 2, price: 0.01 };
    expect(must(await buyer.call('POST', '/cart', body), 200).data.total).to.equal(20);
    must(await buyer.call('PUT', `/cart/${offer.productId}`, { quantity: 1 }), 200);
    expect(must(await buyer.call('DELETE', `/cart/${offer.productId}`), 200).data.items).to.deep.equal([]);
  });

  it('EP-12, EP-38, EP-62: places an order, also where orders are called transactions', async () => {
    for (const path of ['/transactions', '/orders']) {
      const { data } = must(await buyer.call('POST', path, { ...order(), payment_method: 'sandbox' }), 201);
      await mission.people.untilOrder(buyer, data.id, 'paid');
    }
  });

  it('EP-10, EP-11, EP-39, EP-40: lists the own orders and shows one', async () => {
    const id = await mission.buy(buyer, offer.productId);
    for (const path of ['/transactions', '/orders']) {
      const { data } = must(await buyer.call('GET', path), 200);
      expect(data.map((one: Json) => one.id)).to.deep.equal([id]);
      expect(must(await buyer.call('GET', `${path}/${id}`), 200).data).to.include({ id, total: 10 });
    }
    const stranger = await mission.people.buyer();
    expect(await stranger.call('GET', `/transactions/${id}`)).to.include({ status: 404 });
  });

  it('EP-41: cancels an order, which gives its stock back', async () => {
    for (const [method, path] of [
      ['PUT', '/cancel'],
      ['DELETE', ''],
    ] as const) {
      const id = await mission.buy(buyer, offer.productId);
      must(await buyer.call(method, `/orders/${id}${path}`, { reason: 'ordered twice' }), 200);
      await mission.people.untilOrder(buyer, id, 'cancelled');
    }
  });

  it('EP-42, EP-43: a seller lists the orders of the store and takes one a step further', async () => {
    const id = await mission.buy(buyer, offer.productId);
    const { data } = must(await offer.seller.call('GET', '/seller/orders'), 200);
    expect(data.map((one: Json) => one.id)).to.include(id);
    must(await offer.seller.call('PUT', `/orders/${id}/status`, { status: 'processing' }), 200);
    await mission.people.untilOrder(buyer, id, 'processing');
  });

  it('EP-63: pays an order again after a decline, and refuses another amount or currency than its own', async () => {
    const body = { ...order(), payment_method: 'sandbox_decline' };
    const { id } = must(await buyer.call('POST', '/orders', body), 201).data;
    const declined = async (): Promise<boolean> =>
      must(await buyer.call('GET', `/payments/order/${id}`), 200).data[0]?.status === 'declined';
    await mission.until('the payment is declined', declined);
    const pay = (more: object) => buyer.call('POST', '/payments', { order_id: id, method: 'sandbox', ...more });
    expect(await pay({ amount: 1, currency: 'USD' })).to.include({ status: 400 });
    expect(await pay({ amount: 10, currency: 'JPY' })).to.include({ status: 400 });
    must(await pay({ amount: 10, currency: 'USD' }), 201);
    await mission.people.untilOrder(buyer, id, 'paid');
  });

  it('EP-56: makes all of it known to programs, as a document of the API and one of the events', async () => {
    for (const [path, version] of [
      ['/openapi.json', 'openapi'],
      ['/asyncapi.json', 'asyncapi'],
    ] as const) {
      const response = await fetch(`${mission.url}${path}`);
      expect([response.status, typeof ((await response.json()) as Json)[version]]).to.deep.equal([200, 'string']);
    }
  });
});
