import { randomUUID } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import type { Shop } from '../../src/compose/shop.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/process.ts';
import { must, openWriteSide, serveShopApart, type Caller, type Json } from '../support/shop.ts';

const ORDER = { shipping_address: '1 Abbey Road, London' };
const STOCK = 1_000;
const QUANTITY = 2;

/** Every step of a checkout, in order. The appends are: #1 cart claimed, #2 stock reserved, #3 order placed, #4 cart emptied. */
const STEPS = [
  'idempotency:claimed',
  'append:before#1',
  'append:after-commit#1',
  'checkout:started',
  'append:before#2',
  'append:after-commit#2',
  'checkout:reserved',
  'append:before#3',
  'append:after-commit#3',
  'checkout:placed',
  'append:after-commit#4',
  'checkout:emptied',
  'answer:before-store',
  'answer:before-send',
];

describe('a server killed (SIGKILL) during a checkout', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  let write: Shop;
  let server: Awaited<ReturnType<typeof serveShopApart>>;
  let seller: Caller;
  let category: string;
  /** Names the step at which the server dies, while it exists. */
  const failpoint = path.join(temporaryFolder('failpoint'), 'armed');

  before(async () => {
    database = await freshDatabase();
    write = await openWriteSide(database.url);
    server = await serveShopApart(database.url, {
      ...{ PAYMENT_SANDBOX_DELAY: '1s', CHECKOUT_DEADLINE: '10m', FAILPOINT: `@${failpoint}` },
    });
    seller = await server.people.seller();
    category = await server.people.category();
  });
  after(async () => {
    await write.close();
    server.process().kill('SIGKILL');
    await server.process().exited;
    await database.drop();
  });

  async function buyerWithCart(): Promise<{ buyer: Caller; product: string }> {
    const product = await server.people.product(seller, category, { stock: STOCK });
    const buyer = await server.people.buyer();
    must(await buyer.call('POST', '/cart/items', { product_id: product, quantity: QUANTITY }), 200);
    return { buyer, product };
  }
  /** The stock as of the current head of the log, with the writes of all processes. */
  const stockOf = async (product: string): Promise<Json> => {
    const { position } = await write.store.head();
    const headers = { 'min-position': String(position) };
    return must(await seller.call('GET', `/products/${product}`, undefined, headers), 200).data.stock;
  };
  const ordersOf = async (buyer: Caller): Promise<Json[]> => must(await buyer.call('GET', '/orders'), 200).data;

  const arm = (step: string): void => writeFileSync(failpoint, step);

  /** Waits until the server was killed at the failpoint, and starts it again without one. */
  async function dieAndReturn(): Promise<void> {
    expect(await server.process().exited).to.deep.equal({ code: null, signal: 'SIGKILL' });
    rmSync(failpoint);
    await server.restart();
  }

  /** Lets a checkout kill the server. */
  async function killDuring(step: string, buyer: Caller, key: string): Promise<void> {
    arm(step);
    const lost = await buyer
      .call('POST', '/orders', ORDER, { 'idempotency-key': key })
      .catch((error: unknown) => error);
    expect(lost, 'the answer is lost').to.be.instanceOf(Error);
    await dieAndReturn();
  }

  for (const step of STEPS) {
    it(`at ${step}: the retry gets the answer, and there is one order`, async () => {
      const { buyer, product } = await buyerWithCart();
      const key = randomUUID();
      await killDuring(step, buyer, key);
      const retry = await eventually('the retry is answered', async () => {
        const answer = await buyer.call('POST', '/orders', ORDER, { 'idempotency-key': key });
        return answer.status === 201
          ? answer
          : answer.status === 409 || answer.status === 503
            ? undefined
            : must(answer, 201);
      });
      const again = await buyer.call('POST', '/orders', ORDER, { 'idempotency-key': key });
      expect(again.text).to.equal(retry.text);
      expect((await ordersOf(buyer)).map(({ id }) => id)).to.deep.equal([retry.data.id]);
      expect(must(await buyer.call('GET', '/cart'), 200).data.items).to.deep.equal([]);
      expect(await stockOf(product)).to.include({ reserved: QUANTITY, total: STOCK });
      await server.people.untilOrder(buyer, retry.data.id, 'paid');
    });
  }

  for (const step of ['checkout:started', 'checkout:reserved', 'checkout:placed']) {
    it(`at ${step}, never retried: a whole order or none, and no reservation outlives its deadline`, async () => {
      const { buyer, product } = await buyerWithCart();
      await server.process().end('SIGTERM');
      await server.restart({ CHECKOUT_DEADLINE: '2s' });
      await killDuring(step, buyer, randomUUID());
      if (step === 'checkout:placed') {
        const [order] = await eventually('the order is there', async () => {
          const orders = await ordersOf(buyer);
          return orders.length > 0 ? orders : undefined;
        });
        await server.people.untilOrder(buyer, order.id, 'paid');
        await eventually('the cart is empty', async () => (await buyer.call('GET', '/cart')).data.items.length === 0);
        expect(await stockOf(product)).to.include({ reserved: QUANTITY });
        return;
      }
      await eventually('nothing is reserved', async () => (await stockOf(product)).reserved === 0, 15_000);
      expect(await ordersOf(buyer)).to.deep.equal([]);
      const { id } = await eventually('the cart can be checked out anew', async () => {
        const answer = await buyer.call('POST', '/orders', ORDER);
        return answer.status === 201 ? answer.data : undefined;
      });
      expect((await ordersOf(buyer)).map((order) => order.id)).to.deep.equal([id]);
      expect(await stockOf(product)).to.include({ reserved: QUANTITY });
    });
  }

  it('between charging and recording: the buyer is charged once', async () => {
    const { buyer } = await buyerWithCart();
    arm('payment:charged');
    const { id } = must(await buyer.call('POST', '/orders', ORDER), 201).data;
    await dieAndReturn();
    const paid = await server.people.untilOrder(buyer, id, 'paid', 30_000);
    expect(paid.payment).to.include({ captured: paid.total, refunded: 0 });
    const history = must(await buyer.call('GET', `/orders/${id}/history`), 200).data;
    expect(history.filter(({ type }: Json) => type === 'PaymentCaptured')).to.have.length(1);
  });

  for (const step of ['projection:before-commit', 'projection:after-commit']) {
    it(`at ${step}: rows and checkpoint agree, and what was acknowledged is shown`, async () => {
      arm(step);
      const body = { email: `${randomUUID()}@example.com`, password: 'correct horse battery', name: 'Ada' };
      const answers = await Promise.allSettled([fetchRegister(server.shop.url, body)]);
      await dieAndReturn();
      const acknowledged = answers.some((answer) => answer.status === 'fulfilled' && answer.value === 201);
      if (!acknowledged) await fetchRegister(server.shop.url, body);
      const caller = await server.people.logIn(body.email);
      expect(must(await caller.call('GET', '/users/me'), 200).data).to.include({ email: body.email, name: 'Ada' });
    });
  }
});

const fetchRegister = async (url: string, body: object): Promise<number> =>
  (
    await fetch(`${url}/api/v1/auth/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    })
  ).status;
