import { expect } from 'chai';
import { setTimeout as delay } from 'node:timers/promises';
import { openStockedShop, type StockedShop } from '../support/stockedShop.ts';
import { topology } from '../support/topology.ts';
import { must, type Answer, type Caller, type People } from '../support/shop.ts';

/** Tries of one caller, at most. Each waits as long as the answer says. */
const TRIES_MAX = 60;
const CUT_EVERY_MS = 20;
/** A log in EventStoreDB is not read over these connections, so there the rule is tested without a cut. */
const CUTS_MIN = topology() === 'eventstore' ? 0 : 10;
const BUYERS = 20;
const ORDERS_OF_EACH = 5;
const REFUNDS = 40;
/**
 * Ends the connections of the shop that read the log, and none that writes it. One that has only set its session up is left:
 * on a slow machine no connection would come into use otherwise, and nothing would happen that could be told wrongly.
 */
const CUT = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND application_name LIKE 'cartulary log reader%'
    AND query <> '' AND query NOT LIKE 'SELECT pg_catalog.set_config(%'`;

/** Repeats a request for as long as its answer invites to: a 503 with `Retry-After`. */
async function asTold(ask: () => Promise<Answer>): Promise<Answer> {
  for (let tries = 1; ; tries += 1) {
    const answer = await ask();
    if (!answer.headers.has('retry-after') || tries >= TRIES_MAX) return answer;
    await delay(20);
  }
}

async function oneAfterTheOther(count: number, ask: () => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let n = 0; n < count; n += 1) answers.push(await ask());
  return answers;
}

/** Whether an answer says that the effect stands: by the status of the success, or that it is recorded. */
const isDone =
  (success: 200 | 201) =>
  ({ status }: Answer): boolean =>
    status === success || status === 202;

describe('while connections to the database are cut', function () {
  this.timeout(120_000);
  let shop: StockedShop;
  let people: People;
  let seller: Caller;
  let product: string;

  before(async () => {
    shop = await openStockedShop({ LOG_LEVEL: 'silent' });
    ({ people, seller, product } = shop);
  });
  after(() => shop.close());

  /** Does the work while connections are cut all the time. */
  async function whileCut<T>(work: () => Promise<T>): Promise<T> {
    let over = false;
    let cut = 0;
    const cutting = (async () => {
      while (!over) {
        cut += (await shop.db.query(CUT)).rowCount ?? 0;
        await delay(CUT_EVERY_MS);
      }
    })();
    const done = await work().finally(() => {
      over = true;
      return cutting;
    });
    expect(cut, 'connections cut').to.be.at.least(CUTS_MIN);
    return done;
  }

  const order = (buyer: Caller) => () =>
    buyer.call('POST', '/orders', { shipping_address: 'York', items: [{ product_id: product, quantity: 1 }] });

  it('no buyer who repeats a request only when told to has two orders, and every recorded order was told', async () => {
    const buyers = await Promise.all(Array.from({ length: BUYERS }, () => people.buyer()));
    const told = await whileCut(() =>
      Promise.all(buyers.map((buyer) => oneAfterTheOther(ORDERS_OF_EACH, () => asTold(order(buyer))))),
    );
    for (const [index, buyer] of buyers.entries()) {
      // A later answer without a position tells of nothing that was recorded.
      const last = told[index]!.findLast(({ headers }) => headers.has('event-position'));
      const since = { 'min-position': last?.headers.get('event-position') ?? '0' };
      const { body } = must(await buyer.call('GET', '/orders', undefined, since), 200);
      const done = told[index]!.filter(isDone(201)).length;
      expect(body.meta.pagination.total_items, told[index]!.map(({ text }) => text).join()).to.equal(done);
    }
    expect(told.flat().filter(isDone(201)).length).to.be.above((BUYERS * ORDERS_OF_EACH) / 2);
  });

  it('no refund that is repeated only when told to is given twice', async () => {
    const buyer = await people.buyer();
    const { data } = must(await order(buyer)(), 201);
    await people.untilOrder(buyer, data.id, 'paid');
    const { position } = {
      position: (await buyer.call('GET', `/orders/${data.id}`)).headers.get('projection-position'),
    };
    const since = { 'min-position': position ?? '0' };
    const [{ id: paymentId }] = must(
      await buyer.call('GET', `/orders/${data.id}/payments`, undefined, since),
      200,
    ).data;
    const body = { amount: '0.10', reason: 'a scratch' };
    const refund = () => seller.call('POST', `/payments/${paymentId}/refund`, body);
    const answers = await whileCut(() => oneAfterTheOther(REFUNDS, () => asTold(refund)));
    const done = answers.filter(isDone(200)).length;
    const history = must(await seller.call('GET', `/orders/${data.id}/history`), 200).data as { type: string }[];
    expect(history.filter(({ type }) => type === 'RefundRequested')).to.have.length(done);
    expect(done).to.be.above(REFUNDS / 2);
  });
});
