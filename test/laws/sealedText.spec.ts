import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type pg from 'pg';
import { startSmtpServer, type SmtpServer } from '../handlers/senders/smtpServer.ts';
import { wholeLog } from '../support/events.ts';
import { eventually } from '../support/eventually.ts';
import { must, openWriteSide, request, type Caller, type Json, type People } from '../support/shop.ts';
import { openStockedShop, type StockedShop } from '../support/stockedShop.ts';

const STREET = '17 Hidden Lane';
const NOTES = 'the key is under the third stone';
const PHONE = '+4915112345678';

/** All rows of all tables, as text. */
async function everythingIn(db: pg.Client): Promise<string> {
  const { rows: tables } = await db.query<{ name: string }>(
    "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'public'",
  );
  const texts: string[] = [];
  for (const { name } of tables) {
    const { rows } = await db.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
    texts.push(...rows.map(({ row }) => row));
  }
  return texts.join('\n');
}

describe('sealed text', function () {
  this.timeout(90_000);
  let mail: SmtpServer;
  let shop: StockedShop;
  let people: People;
  let seller: Caller;
  let ada: Caller;
  let order: Json;

  before(async () => {
    mail = await startSmtpServer();
    shop = await openStockedShop({ SMTP_URL: mail.url });
    ({ people, seller } = shop);
    ada = await people.buyer('ada');
    must(await ada.call('PUT', '/users/me', { phone: PHONE, address: STREET }), 200);
    order = await placeOrder(ada, { shipping_address: STREET, notes: NOTES });
  });
  after(async () => {
    await shop.close();
    await mail.close();
  });

  async function placeOrder(buyer: Caller, more: object = {}): Promise<Json> {
    const items = [{ product_id: shop.product, quantity: 2 }];
    return must(await buyer.call('POST', '/orders', { shipping_address: '1 High Street', items, ...more }), 201).data;
  }

  async function log() {
    const write = await openWriteSide(shop.databaseUrl);
    try {
      return await wholeLog(write.store);
    } finally {
      await write.close();
    }
  }

  /** Every sealed text of Ada's in the log. */
  async function stolenTexts(): Promise<string[]> {
    const mine = (await log()).filter(({ stream }) => stream === `user-${ada.id}` || stream === `order-${order.id}`);
    const texts = mine.flatMap(({ data }) => JSON.stringify(data).match(/pd[12]\.[A-Za-z0-9_.-]+/g) ?? []);
    expect(texts.length).to.be.greaterThan(5);
    return texts;
  }

  it('of somebody else, typed into a field of one’s own, is that text and nothing more', async () => {
    const thief = await people.buyer('thief');
    for (const stolen of await stolenTexts()) {
      const profile = must(await thief.call('PUT', '/users/me', { name: stolen.slice(0, 200), address: stolen }), 200);
      expect(profile.data.address).to.equal(stolen);
      expect(must(await thief.call('GET', '/users/me'), 200).data.address).to.equal(stolen);
      const { id } = await placeOrder(thief, { shipping_address: stolen, notes: stolen });
      must(await thief.call('PUT', `/orders/${id}/cancel`, { reason: stolen }), 200);
      const cancelled = must(await thief.call('GET', `/orders/${id}`), 200).data;
      expect(cancelled).to.include({ shipping_address: stolen, notes: stolen, cancel_reason: stolen });
      const history = must(await thief.call('GET', `/orders/${id}/history`), 200).text;
      expect(history).to.include(stolen);
      for (const secret of [STREET, NOTES, PHONE, ada.email, '$2b$']) expect(history).not.to.include(secret);
    }
  });

  it('of somebody else, typed into the fields of a store, a product or its stock, is that text and nothing more', async () => {
    const [stolen] = await stolenTexts();
    must(await seller.call('PUT', `/products/${shop.product}`, { description: stolen }), 200);
    must(await seller.call('POST', `/products/${shop.product}/stock`, { change: 1, reason: stolen }), 200);
    expect(must(await seller.call('GET', `/products/${shop.product}`), 200).data.description).to.equal(stolen);
    const { data: history } = must(await seller.call('GET', `/products/${shop.product}/stock/history?limit=500`), 200);
    expect(history.map(({ reason }: Json) => reason)).to.include(stolen);
  });

  it('of one’s own, copied to another order of one’s own, is that text and nothing more', async () => {
    const stolen = (await stolenTexts()).find((text) => text.includes('OrderPlaced.notes'))!;
    const { id } = await placeOrder(ada, { notes: stolen });
    must(await ada.call('PUT', `/orders/${id}/cancel`, { reason: stolen }), 200);
    expect(must(await ada.call('GET', `/orders/${id}`), 200).data).to.include({ notes: stolen, cancel_reason: stolen });
  });

  it('that events of an earlier version hold as plain text stays plain text', async () => {
    const [stolen] = await stolenTexts();
    const { id } = await placeOrder(await people.buyer());
    const write = await openWriteSide(shop.databaseUrl);
    try {
      const stream = `order-${id}`;
      const before = await write.store.read(stream, 0n, 1_000);
      const [first] = before;
      const data = { reason: stolen!, by: 'system' };
      const event = { id: randomUUID(), type: 'OrderCancelled', data, metadata: first!.metadata };
      await write.store.append(stream, before.at(-1)!.revision, [event]);
    } finally {
      await write.close();
    }
    const admin = await people.admin();
    const cancelled = await people.untilOrder(admin, id, 'cancelled');
    expect(cancelled.cancel_reason).to.equal(stolen);
  });

  it('is what the log, the read models and the messages keep of the reasons that people give', async () => {
    const buyer = await people.buyer();
    const unwanted = await placeOrder(buyer);
    const cancelReason = `Mrs. Lovelace of ${STREET} has moved away`;
    must(await buyer.call('PUT', `/orders/${unwanted.id}/cancel`, { reason: cancelReason }), 200);
    const refunded = await placeOrder(buyer);
    const paid = await people.untilOrder(buyer, refunded.id, 'paid');
    const refundReason = 'Mr. Babbage called: it fell from the table';
    must(await seller.call('POST', `/payments/${paid.payment.id}/refund`, { reason: refundReason }), 200);
    const sold = await placeOrder(buyer);
    await people.untilOrder(buyer, sold.id, 'paid');
    const partReason = 'told Mr. Babbage that it is sold out';
    must(await seller.call('PUT', `/orders/${sold.id}/cancel`, { reason: partReason }), 200);
    const stockReason = 'one was given to Mrs. Somerville';
    must(await seller.call('POST', `/products/${shop.product}/stock`, { change: -1, reason: stockReason }), 200);

    const cancelled = async (id: string): Promise<Json> =>
      (await people.untilOrder(buyer, id, 'cancelled')).cancel_reason;
    expect(await cancelled(unwanted.id)).to.equal(cancelReason);
    expect(await cancelled(refunded.id)).to.equal(`refunded in full: ${refundReason}`);
    expect(await cancelled(sold.id)).to.equal(partReason);
    const { data: stock } = must(await seller.call('GET', `/products/${shop.product}/stock/history?limit=500`), 200);
    expect(stock.map(({ reason }: Json) => reason)).to.include(stockReason);
    const told = await eventually('the buyer is told why', () => {
      const texts = mail.mails.map(({ data }) => data.replaceAll('=\n', '')).join('\n');
      return texts.includes(cancelReason) && texts.includes(refundReason) && texts.includes(partReason);
    });
    expect(told).to.equal(true);

    const kept = `${JSON.stringify((await log()).map(({ data }) => data))}\n${await everythingIn(shop.db)}`;
    for (const text of ['Lovelace', 'Babbage', 'Somerville', STREET, NOTES, PHONE, ada.email]) {
      expect(kept.includes(text), text).to.equal(false);
    }
  });

  it('is needed for nothing that a mail server says: its answer is kept without the address in it', async () => {
    mail.manners = (command) =>
      command === 'RCPT'
        ? '550 5.1.1 no mailbox of this name; write to postmaster@mail.example or call +49 30 123456'
        : undefined;
    const body = { email: `bouncing-${ada.id}@example.com`, password: 'correct horse battery', name: 'Bounce' };
    must(await request(shop.url, 'POST', '/auth/register', { body }), 201);
    const error = await eventually('the refused message is kept', async () => {
      const { rows } = await shop.db.query<{ error: string }>(
        "SELECT error FROM notifications WHERE status = 'refused'",
      );
      return rows[0]?.error;
    });
    expect(error).to.include('550 5.1.1 no mailbox of this name').and.to.include('[removed]');
    const kept = await everythingIn(shop.db);
    for (const text of [body.email, 'postmaster@', '+49 30 123456']) expect(kept.includes(text), text).to.equal(false);
  });
});
