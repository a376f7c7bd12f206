import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { must, openWriteSide, request, serveShopApart, type Answer, type Caller } from '../support/shop.ts';
import { unpaidDecider } from '../../src/aggregates/unpaid.ts';

const ORDERS_MAX = 3;
const UNITS_MAX = 20;
const BUYERS = 4;
const AT_ONCE = 8;
const PATIENCE_MS = 20_000;
const BOUNDS = { UNPAID_ORDERS_MAX: String(ORDERS_MAX), UNPAID_UNITS_MAX: String(UNITS_MAX) };

describe('the bounds of unpaid orders, in two processes', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  let one: Awaited<ReturnType<typeof serveShopApart>>;
  let two: Awaited<ReturnType<typeof serveShopApart>>;
  let product: string;
  let seller: Caller;

  before(async () => {
    database = await freshDatabase();
    const env = { ...BOUNDS, CHECKOUT_DEADLINE: '2s' };
    one = await serveShopApart(database.url, env);
    two = await serveShopApart(database.url, env);
    seller = await one.people.seller();
    product = await one.people.product(seller, await one.people.category(), { stock: 10_000 });
  });
  after(async () => {
    await Promise.all([one, two].map((shop) => shop.process().end('SIGTERM')));
    await database.drop();
  });

  const bodyOf = (quantity: number) => ({
    ...{ shipping_address: '5 Abbey Road', payment_method: 'sandbox_confirm' },
    items: [{ product_id: product, quantity }],
  });
  /** Repeats the request, under its key, while its outcome is not a final one. */
  const order = (buyer: Caller, shop: typeof one, quantity = 1): Promise<Answer> => {
    const headers = { ...buyer.headers, 'idempotency-key': randomUUID() };
    return eventually(
      'the order has an answer',
      async () => {
        const answer = await request(shop.shop.url, 'POST', '/orders', { body: bodyOf(quantity), headers });
        return answer.status >= 500 ? undefined : answer;
      },
      PATIENCE_MS,
    );
  };
  const placesOf = async (buyer: Caller): Promise<number> => {
    const write = await openWriteSide(database.url, {}, { readOnly: true });
    try {
      return Object.keys((await write.services.aggregates.load(unpaidDecider, buyer.id)).state.orders).length;
    } finally {
      await write.close();
    }
  };
  const reserved = async (): Promise<number> =>
    must(await seller.call('GET', `/products/${product}/stock`), 200).data.reserved as number;

  it('hold for each buyer, however many checkouts run at once', async () => {
    const buyers = await Promise.all(Array.from({ length: BUYERS }, () => one.people.buyer()));
    const answers = await Promise.all(
      buyers.map((buyer) =>
        Promise.all(Array.from({ length: AT_ONCE }, (_, index) => order(buyer, index % 2 === 0 ? one : two))),
      ),
    );
    for (const [index, mine] of answers.entries()) {
      const refused = mine.filter(({ status }) => status === 409);
      expect(mine.filter(({ status }) => status === 201)).to.have.lengthOf(ORDERS_MAX);
      expect(refused).to.have.lengthOf(AT_ONCE - ORDERS_MAX);
      for (const { body } of refused) expect(body.type).to.equal('/problems/TooManyUnpaidOrders');
      expect(await placesOf(buyers[index]!)).to.equal(ORDERS_MAX);
    }
    await eventually('only placed orders hold stock', async () => (await reserved()) === BUYERS * ORDERS_MAX);
    const [buyer] = buyers;
    const [first] = answers[0]!.filter(({ status }) => status === 201);
    must(await buyer!.call('PUT', `/orders/${first!.data.id}/cancel`, {}), 200);
    must(await order(buyer!, two), 201);
    must(await order(buyer!, one), 409);
  });

  it('are of units too, and a paid order counts no more', async () => {
    const buyer = await one.people.buyer();
    const placed = must(await order(buyer, one, UNITS_MAX), 201).data;
    expect(must(await order(buyer, two), 409).body.type).to.equal('/problems/TooManyUnpaidUnits');
    await eventually('the payment is authorised', async () => {
      const { data } = await buyer.call('GET', `/orders/${placed.id}`);
      return data?.payment?.status === 'authorised';
    });
    must(await buyer.call('POST', `/payments/${placed.payment.id}/confirm`, {}), 200);
    await one.people.untilOrder(buyer, placed.id, 'paid');
    await eventually('the place is free', async () => (await placesOf(buyer)) === 0);
    must(await order(buyer, two, UNITS_MAX), 201);
  });

  it('are given back by a process that was killed in the middle of a checkout', async () => {
    const buyer = await one.people.buyer();
    for (const failpoint of ['checkout:placeTaken', 'checkout:reserved']) {
      const breaking = await serveShopApart(database.url, { ...BOUNDS, CHECKOUT_DEADLINE: '2s', FAILPOINT: failpoint });
      const { headers } = buyer;
      await request(breaking.shop.url, 'POST', '/orders', { body: bodyOf(UNITS_MAX), headers }).catch(() => undefined);
      expect(await breaking.process().exited).to.deep.equal({ code: null, signal: 'SIGKILL' });
      expect(await placesOf(buyer)).to.equal(1);
      const again = await eventually(
        'the next checkout finds room',
        async () => {
          const answer = await order(buyer, two, UNITS_MAX);
          return answer.status === 201 ? answer : undefined;
        },
        PATIENCE_MS,
      );
      must(await buyer.call('PUT', `/orders/${again.data.id}/cancel`, {}), 200);
      await eventually('nothing is left behind', async () => (await placesOf(buyer)) === 0);
    }
  });
});
