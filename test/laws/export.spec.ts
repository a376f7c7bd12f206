import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { enrolBy } from '../support/enrolling.ts';
import { eventually } from '../support/eventually.ts';
import { type Answer, type Caller, type Json, must, PASSWORD, request, serving, type Served } from '../support/shop.ts';

const ORDERS = 250;
const AT_ONCE = 10;
const NOTE = `note ${randomUUID()}`;
const STRANGER = `Rita Recipient ${randomUUID()}`;
/** Names of fields that would hold a secret, and forms of secrets. */
const SECRETS =
  /\$2[aby]\$|\$argon2|otpauth:|pd[12]:|eyJ[\w-]+\.|"[^"]*(hash|secret|token|recovery|claim|epoch|password)[^"]*":|rt1\./i;

describe('an export of one’s own data', function () {
  this.timeout(180_000);
  let shop: Served;
  let ada: Caller;
  let rita: Caller;
  let seller: Caller & { storeId: string };
  let product: string;
  let codes: string[];
  serving((served) => (shop = served));

  const pass = (caller: Caller, body: object): Promise<Answer> => caller.call('POST', '/users/me/export', body);
  const read = (caller: Caller, text: string): Promise<Answer> =>
    caller.call('GET', `/users/me/export?pass=${encodeURIComponent(text)}`);
  const granted = async (caller: Caller, body: object): Promise<string> =>
    must(await pass(caller, body), 200).data.pass as string;

  async function buy(caller: Caller, productId: string): Promise<string> {
    const body = { items: [{ product_id: productId, quantity: 1 }], shipping_address: `1 ${caller.email} Road` };
    const { id } = must(await caller.call('POST', '/orders', body), 201).data;
    await shop.people.untilOrder(caller, id, 'paid', 30_000);
    return id as string;
  }
  async function ship(order: string): Promise<void> {
    for (const status of ['processing', 'shipping', 'shipped']) {
      must(await seller.call('PUT', `/orders/${order}/status`, { status }), 200);
    }
  }

  before(async () => {
    const { people } = shop;
    seller = await people.seller('sid');
    [ada, rita] = [await people.buyer('Ada Byron'), await people.buyer(STRANGER)];
    const category = await people.category();
    product = await people.product(seller, category, { stock: 1_000 });
    const other = await people.product(seller, category);
    must(await ada.call('PUT', '/users/me', { phone: '+442079460018', address: '1 Former Street' }), 200);
    must(await ada.call('PUT', '/users/me', { address: '2 Present Street' }), 200);
    const [first, second] = [await buy(ada, product), await buy(ada, other)];
    for (const order of [first, second]) await ship(order);
    must(await ada.call('POST', `/products/${product}/reviews`, { rating: 4, comment: 'It writes.' }), 201);
    must(await ada.call('POST', `/products/${other}/reviews`, { rating: 2 }), 201);
    const [{ id: payment }] = must(await ada.call('GET', `/orders/${first}/payments`), 200).data;
    must(await seller.call('POST', `/payments/${payment}/refund`, { amount: '1.00', reason: NOTE }), 200);
    await buy(rita, product);
    for (let made = 2; made < ORDERS; made += AT_ONCE) {
      const count = Math.min(AT_ONCE, ORDERS - made);
      await Promise.all(Array.from({ length: count }, () => buy(ada, product)));
    }
    must(await ada.call('POST', '/cart/items', { product_id: product, quantity: 3 }), 200, 201);
    await people.logIn(ada.email);
    await people.logIn(ada.email);
    const send = (path: string, body: object) => ada.call('POST', `/users/me/second-factor${path}`, body);
    codes = [...(await enrolBy(send, { password: PASSWORD })).codes];
  });

  it('B7: needs the password and, where it is on, a code; a token alone gets nothing', async () => {
    must(await ada.call('GET', '/users/me/export'), 403);
    must(await pass(ada, {}), 403);
    must(await pass(ada, { password: 'not the password' }), 401);
    must(await pass(ada, { password: PASSWORD }), 403);
    must(await pass(ada, { password: PASSWORD, code: 'AAAA-AAAA-AAAA-AAAA' }), 401);
    const code = codes.pop()!;
    const right = await pass(ada, { password: PASSWORD, code });
    expect(must(right, 200).headers.get('cache-control')).to.equal('no-store');
    must(await pass(ada, { password: PASSWORD, code }), 401);
    must(await request(shop.url, 'GET', `/users/me/export?pass=${right.data.pass}`), 401);
    must(await read(ada, ada.headers['authorization']!.slice('Bearer '.length)), 404);
    must(await ada.call('GET', '/users/me', undefined, { authorization: `Bearer ${right.data.pass}` }), 401);
  });

  it('B7: holds everything of its owner, nothing secret and nothing of others', async () => {
    const text = await granted(ada, { password: PASSWORD, code: codes.pop()! });
    const whole = (answer: Answer): boolean =>
      must(answer, 200).data.notifications.length >= ORDERS &&
      answer.data.payments.every((one: Json) => one.amount > 0);
    const answer = await eventually('all mails are told', async () => {
      const asked = await read(ada, text);
      return whole(asked) ? asked : undefined;
    });
    expect(answer.headers.get('cache-control')).to.equal('no-store');
    expect(answer.headers.get('etag')).to.equal(null);
    const { data } = answer;
    expect(data).to.have.all.keys(
      ...['exported_at', 'profile', 'changes', 'sessions', 'cart', 'orders', 'payments', 'reviews'],
      ...['notifications', 'store', 'products'],
    );
    expect(data.profile).to.have.all.keys(
      ...['id', 'email', 'name', 'phone', 'address', 'role', 'store_id', 'is_active', 'email_verified'],
      ...['second_factor', 'created_at', 'updated_at'],
    );
    expect(data.profile).to.include({ email: ada.email, phone: '+442079460018', address: '2 Present Street' });
    expect(data.changes.map(({ address }: Json) => address)).to.include('1 Former Street');
    expect(new Set(data.orders.map(({ id }: Json) => id)).size).to.equal(ORDERS);
    expect(new Set(data.payments.map(({ id }: Json) => id)).size).to.equal(ORDERS);
    expect(data.orders.every((order: Json) => order.shipping_address.includes(ada.email))).to.equal(true);
    expect(data.reviews.map(({ rating }: Json) => rating).sort()).to.deep.equal([2, 4]);
    expect(data.sessions.length).to.be.at.least(3);
    expect(data.sessions[0]).to.include.keys('created_at', 'address', 'user_agent');
    expect(data.cart.items[0].quantity).to.equal(3);
    expect(answer.text).to.not.match(SECRETS);
    for (const foreign of [NOTE, STRANGER, rita.email, rita.id, seller.email]) {
      expect(answer.text.includes(foreign), foreign).to.equal(false);
    }
    const both = await Promise.all([read(ada, text), read(ada, text)]);
    for (const one of both) expect(one.data.orders).to.deep.equal(data.orders);
    must(await read(rita, text), 404);
  });

  it('B7: shows a seller their store and products, and nobody who bought', async () => {
    const { data, text } = must(await read(seller, await granted(seller, { password: PASSWORD })), 200);
    expect(data.store.id).to.equal(seller.storeId);
    expect(data.products.map(({ id }: Json) => id)).to.include(product);
    expect(data.orders).to.deep.equal([]);
    for (const foreign of [ada.email, ada.id, rita.email, STRANGER]) expect(text).to.not.contain(foreign);
  });

  it('B7: ends with a change of the password, with a deactivation and with an erasure', async () => {
    const [changed, shut, erased] = [await shop.people.buyer(), await shop.people.buyer(), await shop.people.buyer()];
    const [one, two, three] = [
      await granted(changed, { password: PASSWORD }),
      await granted(shut, { password: PASSWORD }),
      await granted(erased, { password: PASSWORD }),
    ];
    must(await read(changed, one), 200);
    const next = { current_password: PASSWORD, new_password: 'a lantern on the harbour' };
    must(await changed.call('PUT', '/users/me/password', next), 200);
    must(await read(changed, one), 404);
    const admin = await shop.people.admin();
    must(await admin.call('PUT', `/admin/users/${shut.id}/deactivate`), 200);
    must(await read(shut, two), 401);
    must(await admin.call('PUT', `/admin/users/${shut.id}/reactivate`), 200);
    must(await read(await shop.people.logIn(shut.email), two), 404);
    must(await erased.call('DELETE', '/users/me', { password: PASSWORD }), 200);
    must(await read(erased, three), 401);
    must(await read(rita, three), 404);
  });
});
