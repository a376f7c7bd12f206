import { expect } from 'chai';
import pg from 'pg';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { must, serveShop, type Answer, type Caller, type Json } from '../support/shop.ts';

type Seller = Caller & { storeId: string };

interface Part {
  readonly seller: Seller;
  readonly product: string;
  /** Of their lines, major units. */
  readonly sum: number;
}

/** Texts that may be in no answer to the seller of one part: the ids and sums of the other one, and sums of the whole order. */
const forbidden = (other: Part, more: readonly string[]): string[] => [
  ...[other.seller.id, other.seller.storeId, other.product],
  ...[String(other.sum), '101.55', 'ring twice'],
  ...more,
];

describe('a seller of an order that two share', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let shop: Awaited<ReturnType<typeof serveShop>>;
  let buyer: Caller;
  let north: Part;
  let south: Part;
  let order: Json;

  before(async () => {
    database = await freshDatabase();
    shop = await serveShop(database.url);
    const { people } = shop;
    const category = await people.category();
    const part = async (name: string, price: string, sum: number): Promise<Part> => {
      const seller = await people.seller(name);
      return { seller, product: await people.product(seller, category, { price }), sum };
    };
    north = await part('north', '30.11', 60.22);
    south = await part('south', '41.33', 41.33);
    buyer = await people.buyer();
    const items = [
      { product_id: north.product, quantity: 2 },
      { product_id: south.product, quantity: 1 },
    ];
    const body = { shipping_address: '1 Abbey Road', notes: 'ring twice', items };
    order = must(await buyer.call('POST', '/orders', body), 201).data;
    order = await people.untilOrder(buyer, order.id, 'paid');
  });
  after(async () => {
    await shop.stop();
    await database.drop();
  });

  const historyFor = async (who: Caller): Promise<Json[]> =>
    must(await who.call('GET', `/orders/${order.id}/history`), 200).data;

  /** The ids of the events that the buyer sees and a seller does not. */
  async function hiddenFrom({ seller }: Part): Promise<string[]> {
    const seen = new Set((await historyFor(seller)).map(({ event_id }) => event_id));
    return (await historyFor(buyer)).flatMap(({ event_id }) => (seen.has(event_id) ? [] : [event_id]));
  }

  /** Every question about the order that a seller can ask. */
  const questions = (): string[] => [
    '/seller/orders',
    ...['pending', 'paid', 'processing', 'shipping', 'cancelled'].map((status) => `/seller/orders?status=${status}`),
    ...['/orders', '/payments', `/orders/${order.id}`, `/orders/${order.id}/history`, `/orders/${order.id}/payments`],
    ...[0, 2, 4, 100].map((revision) => `/orders/${order.id}?revision=${revision}`),
    `/orders/${order.id}?as_of=${encodeURIComponent(new Date(Date.now() + 60_000).toISOString())}`,
    ...[`/payments/${order.payment.id}`, '/notifications', `/products/${south.product}/stock`],
  ];

  async function showsNothingOfAnother(part: Part, other: Part): Promise<void> {
    const words = forbidden(other, await hiddenFrom(part));
    for (const path of questions()) {
      const answer = await part.seller.call('GET', path);
      expect(answer.status, `${path}: ${answer.text}`).to.be.oneOf([200, 404]);
      if (answer.status === 200) shows(answer, words, `GET ${path}`);
    }
  }

  function shows({ text }: Answer, words: readonly string[], what: string): void {
    for (const word of words) expect(text, what).to.not.contain(word);
  }

  const bothSeeTheirOwn = async (): Promise<void> => {
    await showsNothingOfAnother(north, south);
    await showsNothingOfAnother(south, north);
  };

  const statuses = async ({ seller }: Part): Promise<string[]> => {
    const all = ['pending', 'paid', 'processing', 'shipping', 'shipped', 'completed', 'cancelled'];
    const found: string[] = [];
    for (const status of all) {
      const { data, body } = must(await seller.call('GET', `/seller/orders?status=${status}`), 200);
      if (data.length > 0) found.push(status);
      expect(body.meta.pagination.total_items).to.equal(data.length);
      for (const one of data) expect(one.status).to.equal(status);
    }
    return found;
  };

  it('sees their lines, the sum of their lines, and the payment of their lines', async () => {
    for (const { seller, sum, product } of [north, south]) {
      const { data } = must(await seller.call('GET', `/orders/${order.id}`), 200);
      expect(data).to.deep.include({ status: 'paid', total: sum, notes: null, billing_address: null });
      expect(data.payment).to.include({ id: order.payment.id, status: 'captured', captured: sum, refunded: 0 });
      expect(data.items.map(({ product_id }: Json) => product_id)).to.deep.equal([product]);
      const captured = (await historyFor(seller)).find(({ type }) => type === 'PaymentCaptured');
      expect(captured.changes).to.deep.include({ field: 'payment.captured', before: 0, after: sum });
    }
    await bothSeeTheirOwn();
  });

  it('finds the order by the status of their part, and sees nothing of the steps of another', async () => {
    const { seller } = north;
    const stepped = must(await seller.call('PUT', `/orders/${order.id}/status`, { status: 'processing' }), 200);
    shows(stepped, forbidden(south, []), 'PUT status');
    must(await seller.call('PUT', `/orders/${order.id}/status`, { status: 'shipping' }), 200);
    expect(await statuses(north)).to.deep.equal(['shipping']);
    expect(await statuses(south)).to.deep.equal(['paid']);
    await bothSeeTheirOwn();
  });

  it('is told of refunds only what concerns their lines, also when refused and when repeated', async () => {
    const { seller } = north;
    const path = `/payments/${order.payment.id}/refund`;
    const words = forbidden(south, []);
    const refuse = async (amount: unknown, status: number): Promise<void> => {
      const answer = await seller.call('POST', path, { amount, reason: 'a dent' });
      expect(answer.status).to.equal(status);
      shows(answer, words, `a refund of ${String(amount)}`);
    };
    await refuse('0', 400);
    await refuse('1.234', 400);
    await refuse('60.23', 409);
    const key = { 'idempotency-key': 'one-refund' };
    const first = must(await seller.call('POST', path, { amount: '10.01', reason: 'a dent' }, key), 200);
    expect(first.data).to.include({ amount: 60.22, refund_requested: 10.01, id: order.payment.id });
    const again = must(await seller.call('POST', path, { amount: '10.01', reason: 'a dent' }, key), 200);
    expect(again.data).to.deep.equal(first.data);
    shows(again, words, 'a refund repeated');
    await eventually('the money is back', async () => {
      const { data } = await seller.call('GET', `/orders/${order.id}`);
      return data.payment.refunded === 10.01 ? data : undefined;
    });
    const { data } = must(await south.seller.call('GET', `/orders/${order.id}`), 200);
    expect(data.payment).to.include({ captured: 41.33, refunded: 0 });
    const words2 = [...forbidden(north, await hiddenFrom(south)), '10.01'];
    shows(await south.seller.call('GET', `/orders/${order.id}/history`), words2, 'history');
    await bothSeeTheirOwn();
  });

  it('cancels their part and sees it cancelled, while the other part goes on', async () => {
    const cancelled = must(
      await south.seller.call('PUT', `/orders/${order.id}/cancel`, { reason: 'the kiln broke' }),
      200,
    );
    shows(cancelled, forbidden(north, []), 'PUT cancel');
    await eventually('the money is back', async () => {
      const { data } = await south.seller.call('GET', `/orders/${order.id}`);
      return data.payment.refunded === 41.33 ? data : undefined;
    });
    expect(await statuses(south)).to.deep.equal(['cancelled']);
    expect(await statuses(north)).to.deep.equal(['shipping']);
    const { data } = must(await north.seller.call('GET', `/orders/${order.id}`), 200);
    expect(data.payment).to.include({ captured: 60.22, refunded: 10.01 });
    expect(await hiddenFrom(north)).to.have.length.above(2);
    shows(await north.seller.call('GET', `/orders/${order.id}/history`), ['kiln'], 'history');
    await bothSeeTheirOwn();
  });

  it('gives a reason that buyer, admin and they themselves read in the order and its history, and nobody else', async () => {
    const reads = async (who: Caller): Promise<unknown[]> => {
      const { data } = must(await who.call('GET', `/orders/${order.id}`), 200);
      const entry = (await historyFor(who)).find(({ type }) => type === 'FulfilmentCancelled');
      return [data.cancel_reason, entry?.changes.find(({ field }: Json) => field === 'cancel_reason')?.after];
    };
    for (const who of [buyer, await shop.people.admin(), south.seller]) {
      expect(await reads(who)).to.deep.equal(['the kiln broke', 'the kiln broke']);
    }
    const listed = must(await buyer.call('GET', '/orders'), 200).data[0];
    expect(listed).to.include({ id: order.id, status: 'shipping', cancel_reason: 'the kiln broke' });
    expect(await reads(north.seller)).to.deep.equal([null, undefined]);
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const { rows } = await client.query<{ cancel_reason: string }>('SELECT cancel_reason FROM orders');
    await client.end();
    expect(rows[0]?.cancel_reason, 'sealed for the buyer').to.match(/^pd2\./);
  });

  it('reads the history of their part in pages, as the buyer reads that of the whole', async () => {
    for (const who of [north.seller, south.seller, buyer]) {
      const whole = await historyFor(who);
      const pages: Json[] = [];
      let after = '';
      for (let turns = 0; turns <= whole.length; turns += 1) {
        const { data } = must(await who.call('GET', `/orders/${order.id}/history?limit=2${after}`), 200);
        expect(data).to.have.length.at.most(2);
        if (data.length === 0) break;
        pages.push(...data);
        after = `&after=${data.at(-1).revision}`;
      }
      expect(pages).to.deep.equal(whole);
    }
    const { data, body } = must(await buyer.call('GET', `/orders/${order.id}/payments?page=2&per_page=1`), 200);
    expect(data).to.deep.equal([]);
    expect(body.meta.pagination).to.deep.equal({ current_page: 2, per_page: 1, total_items: 1, total_pages: 1 });
  });

  it('leaves the buyer the whole order', async () => {
    const { data } = must(await buyer.call('GET', `/orders/${order.id}`), 200);
    expect(data).to.include({ total: 101.55, notes: 'ring twice' });
    expect(data.payment).to.include({ captured: 101.55, refunded: 51.34 });
    expect(data.items).to.have.length(2);
  });
});
