import { randomInt, randomUUID } from 'node:crypto';
import { expect } from 'chai';
import pg from 'pg';
import { programOn } from '../cli/world.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { everythingKept } from '../support/everythingKept.ts';
import { temporaryFolder } from '../support/process.ts';
import { mustBeRebuilt } from '../support/rebuilt.ts';
import { type Answer, type Caller, type Json, must, PASSWORD, request, serveShopApart } from '../support/shop.ts';

const word = (kind: string): string => `${kind}${randomUUID().replaceAll('-', '').slice(0, 12)}`;
const number = String(randomInt(100, 999));

/** What nothing may hold any more once its owner is erased. The recipient's name is not the owner's. */
const CANARIES = {
  name: `Ada ${word('Canary')}`,
  email: `${word('canary')}@example.com`,
  phone: `+442079460${number}`,
  address: `1 ${word('Street')}`,
  formerAddress: `2 ${word('Street')}`,
  recipient: `Rita ${word('Recipient')}`,
  delivery: `3 ${word('Street')}`,
  notes: `ring at ${word('Bell')}`,
  cancelReason: `moved to ${word('Town')}`,
  refundReason: `she says ${word('Broken')}`,
  comment: `it ${word('Writes')} well`,
};

describe('an erased person', function () {
  this.timeout(240_000);
  let database: TestDatabase;
  let apart: Awaited<ReturnType<typeof serveShopApart>>;
  let db: pg.Client;
  let seller: Caller & { storeId: string };
  let admin: Caller;
  let product: string;
  let order: string;
  let statusKey: string;
  let past: { seller: Answer; review: Json; login: Json };
  const uploads = temporaryFolder('uploads');
  let printed = '';

  before(async () => {
    database = await freshDatabase();
    apart = await serveShopApart(database.url, { LOG_LEVEL: 'info', UPLOAD_DIR: uploads });
    db = new pg.Client({ connectionString: database.url });
    await db.connect();
    const { people } = apart;
    [seller, admin] = [await people.seller(), await people.admin()];
    product = await people.product(seller, await people.category(), { stock: 100 });
  });
  after(async () => {
    await db.end();
    await apart.process().end('SIGTERM');
    await database.drop();
  });

  const call = (method: string, path: string, options: Parameters<typeof request>[3] = {}): Promise<Answer> =>
    request(apart.shop.url, method, path, options);
  const asSeller = (method: string, path: string, body?: object, key?: string): Promise<Answer> =>
    seller.call(method, path, body, key === undefined ? {} : { 'idempotency-key': key });
  const kept = (): Promise<string> =>
    everythingKept({ databaseUrl: database.url, folders: [uploads], output: printed + apart.process().output() });
  const found = (text: string): string[] =>
    Object.entries(CANARIES).flatMap(([name, canary]) => (text.includes(canary) ? [name] : []));
  const mustHoldNothing = (what: string, answer: Answer): void => {
    expect(found(answer.text), `${what}: ${answer.text}`).to.deep.equal([]);
  };
  const reading = (sql: string, values: unknown[] = []) => db.query(sql, values).then(({ rows }) => rows);

  async function register(key = randomUUID()): Promise<Json> {
    const { email, name, phone } = CANARIES;
    const body = { email, name, phone, password: PASSWORD };
    return must(await call('POST', '/auth/register', { body, headers: { 'idempotency-key': key } }), 201).data;
  }

  /** A dead letter with an error that quotes a person, as a handler may leave it. */
  async function deadLetter(userId: string): Promise<void> {
    await db.query(
      `INSERT INTO dead_letters (id, consumer, stream, event_id, type, position, revision, status, reason, payload)
       VALUES (gen_random_uuid(), 'notification', $1, gen_random_uuid(), 'OrderPlaced', 1, 0, 'resolved', $2, '{"data": {}}')`,
      [`user-${userId}`, `no mail to ${CANARIES.email}`],
    );
  }

  async function buy(buyer: Caller): Promise<string> {
    const items = [{ product_id: product, quantity: 2 }];
    const { recipient, delivery, notes } = CANARIES;
    const address = { name: recipient, line1: delivery, city: 'London', postal_code: 'SW1Y 4LE', country: 'GB' };
    const made = must(await buyer.call('POST', '/orders', { items, shipping_address: address, notes }), 201).data;
    await apart.people.untilOrder(buyer, made.id, 'paid');
    return made.id as string;
  }

  it('B5: is everywhere before: in tables, answers, mails, on NATS and in the log', async () => {
    const { id } = await register();
    const buyer = await apart.people.logIn(CANARIES.email);
    past = {} as typeof past;
    past.login = must(
      await call('POST', '/auth/login', { body: { email: CANARIES.email, password: PASSWORD } }),
      200,
    ).data;
    for (const address of [CANARIES.formerAddress, CANARIES.address]) {
      must(await buyer.call('PUT', '/users/me', { address }, { 'idempotency-key': randomUUID() }), 200);
    }
    order = await buy(buyer);
    for (const status of ['processing', 'shipping', 'shipped']) {
      statusKey = randomUUID();
      const answer = must(await asSeller('PUT', `/orders/${order}/status`, { status }, statusKey), 200);
      expect(answer.text).to.contain(CANARIES.recipient);
    }
    const review = await buyer.call('POST', `/products/${product}/reviews`, { rating: 4, comment: CANARIES.comment });
    past.review = must(review, 201).data;
    const payment = must(await buyer.call('GET', `/orders/${order}/payments`), 200).data[0].id;
    const refund = { amount: '1.00', reason: CANARIES.refundReason };
    must(await asSeller('POST', `/payments/${payment}/refund`, refund), 200);
    const other = await buy(buyer);
    must(await buyer.call('PUT', `/orders/${other}/cancel`, { reason: CANARIES.cancelReason }), 200);
    must(await buyer.call('POST', '/cart/items', { product_id: product, quantity: 1 }), 200);
    await deadLetter(id);

    const refused = must(await buyer.call('DELETE', '/users/me', { password: PASSWORD }), 409);
    expect(refused.body.detail, 'paid and not completed').to.contain(order);
    await eventually(
      'the mails about the orders are kept',
      async () => (await reading('SELECT 1 FROM notifications WHERE user_id = $1', [id])).length >= 4,
    );
    await eventually('each is found', async () => found(await kept()).length === Object.keys(CANARIES).length);
    expect(must(await admin.call('GET', `/admin/users?search=${CANARIES.email}`), 200).data).to.have.length(1);
  });

  it('B5, ID-12: is nowhere after, and the orders stay', async () => {
    const buyer = await apart.people.logIn(CANARIES.email);
    must(await asSeller('PUT', `/orders/${order}/status`, { status: 'completed' }), 200);
    past.seller = must(await asSeller('GET', `/orders/${order}`), 200);
    expect(past.seller.text).to.contain(CANARIES.recipient);
    must(await buyer.call('DELETE', '/users/me', { password: 'wrong' }), 401);
    must(await buyer.call('DELETE', '/users/me', { password: PASSWORD }), 200);

    must(await buyer.call('GET', '/users/me'), 401);
    must(await call('GET', '/users/me', { token: past.login.access_token }), 401);
    must(await call('POST', '/auth/refresh', { body: { refresh_token: past.login.refresh_token } }), 401);
    must(await call('POST', '/auth/login', { body: { email: CANARIES.email, password: PASSWORD } }), 401);
    await eventually('nothing is found', async () => {
      const left = found(await kept());
      return left.length === 0;
    });
    expect(await reading('SELECT 1 FROM subject_keys WHERE subject = $1', [buyer.id])).to.deep.equal([]);
    expect(await reading('SELECT 1 FROM notifications WHERE user_id = $1', [buyer.id])).to.deep.equal([]);
    expect(await reading('SELECT id FROM users WHERE id = $1', [buyer.id])).to.deep.equal([]);
    await eventually('the cart is empty', async () => {
      const [cart] = await reading('SELECT items FROM carts WHERE buyer_id = $1', [buyer.id]);
      return cart.items.length === 0;
    });
  });

  it('B5: is in no answer to seller and admin, which else are as they were', async () => {
    const then = new Date().toISOString();
    const etag = past.seller.headers.get('etag')!;
    const again = must(await seller.call('GET', `/orders/${order}`, undefined, { 'if-none-match': etag }), 200);
    expect(again.data).to.deep.equal({ ...past.seller.data, shipping_address: '[erased]', notes: '[erased]' });
    const replay = await asSeller('PUT', `/orders/${order}/status`, { status: 'shipped' }, statusKey);
    expect(must(replay, 200).text).to.contain('[erased]');
    mustHoldNothing('the stored answer', replay);
    const paths = [
      ...[
        `/orders/${order}`,
        `/orders/${order}/history`,
        `/orders/${order}?as_of=${then}`,
        `/orders/${order}?revision=1`,
      ],
      ...['/notifications', `/products/${product}/reviews`, `/products/${product}`, '/products'],
    ];
    for (const path of [...paths, '/seller/orders']) mustHoldNothing(path, must(await asSeller('GET', path), 200));
    const search = [CANARIES.email, CANARIES.phone, CANARIES.name].map(encodeURIComponent);
    const lists = search.map((text) => `/admin/users?search=${text}`);
    for (const path of lists) expect(must(await admin.call('GET', path), 200).data, path).to.deep.equal([]);
    for (const path of [...paths, '/admin/dead-letters?closed=true', '/admin/reviews', '/admin/users']) {
      mustHoldNothing(path, must(await admin.call('GET', path), 200));
    }
    const { data: review } = must(await admin.call('GET', `/reviews/${past.review.id}`), 200);
    expect({ rating: review.rating, comment: review.comment }).to.deep.equal({ rating: 4, comment: '[erased]' });
  });

  it('B5: is nobody to a newcomer with the same e-mail address and phone number', async () => {
    const erased = past.login.user.id;
    const { id } = await register();
    expect(id).to.not.equal(erased);
    const newcomer = await apart.people.logIn(CANARIES.email);
    expect(must(await newcomer.call('GET', '/orders'), 200).data).to.deep.equal([]);
    expect(must(await newcomer.call('GET', '/notifications'), 200).data.map((one: Json) => one.kind)).to.not.contain(
      'order placed',
    );
    must(await newcomer.call('POST', `/products/${product}/reviews`, { rating: 1 }), 403);
    must(await newcomer.call('DELETE', '/users/me', { password: PASSWORD }), 200);
    await eventually('the newcomer is gone too', async () => found(await kept()).length === 0);
  });

  it('stays away in a rebuild, an audit, a rotation of keys and an export, which work', async () => {
    const program = programOn(database.url);
    mustBeRebuilt(await program(['rebuild', '--all', '--json']));
    const audit = await program(['audit', 'order', order]);
    expect(audit.code, audit.output).to.equal(0);
    expect(audit.answer).to.contain('[erased]');
    const rotated = await program(['keys', 'rotate']);
    expect(rotated.code, rotated.output).to.equal(0);
    const exported = await program(['export', '-']);
    expect(exported.code, exported.output).to.equal(0);
    expect(exported.answer).to.contain('UserErased').and.to.not.contain(`"subject":"${past.login.user.id}"`);
    expect(found(exported.answer)).to.deep.equal([]);
    expect(found(await kept())).to.deep.equal([]);
    must(await asSeller('GET', `/orders/${order}`), 200);
  });

  for (const failpoint of ['erasure:recorded', 'erasure:key']) {
    it(`is erased to the end when the process is killed at ${failpoint}`, async () => {
      printed += apart.process().output();
      await apart.process().end('SIGTERM');
      await apart.restart({ FAILPOINT: failpoint });
      const person = await apart.people.buyer('ada');
      await person.call('DELETE', '/users/me', { password: PASSWORD }).catch(() => undefined);
      await apart.process().exited;
      printed += apart.process().output();
      await apart.restart();
      await eventually('the rest has happened', async () => {
        const keys = await reading('SELECT 1 FROM subject_keys WHERE subject = $1', [person.id]);
        const mails = await reading('SELECT 1 FROM notifications WHERE user_id = $1', [person.id]);
        return keys.length === 0 && mails.length === 0;
      });
      const body = { email: person.email, password: PASSWORD };
      must(await call('POST', '/auth/login', { body }), 401);
    });
  }
});
