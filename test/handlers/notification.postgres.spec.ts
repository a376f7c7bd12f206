import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import { orderDecider } from '../../src/aggregates/order.ts';
import { sealedInNotification } from '../../src/aggregates/sealed.ts';
import { userDecider } from '../../src/aggregates/user.ts';
import type { Mail, Sender, Sending } from '../../src/handlers/senders/mailer.ts';
import { notification } from '../../src/handlers/notification.ts';
import { createPool, type Pool } from '../../src/platform/postgres/pool.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { rejection } from '../support/rejection.ts';
import { anOrder, now, openShop, STORES, type Shop } from './shop.ts';

interface Row {
  readonly id: string;
  readonly channel: string;
  readonly user_id: string;
  readonly kind: string;
  readonly subject: string;
  readonly body: string;
  readonly status: string;
  readonly error: string | null;
  readonly attempts: number;
  readonly sent_at: string | null;
}

/** A sender that returns the given results one after the other, and then always succeeds. */
function scripted(...sendings: (Sending | Error)[]) {
  const mails: Mail[] = [];
  const sender: Sender = {
    send: (mail) => {
      mails.push(mail);
      const next = sendings.shift() ?? { status: 'sent' };
      return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
    },
  };
  return { mails, sender };
}

describe('notification', () => {
  let database: TestDatabase;
  let pool: Pool;
  let shop: Shop;
  let buyerId: string;

  before(async () => {
    database = await freshDatabase();
    pool = createPool({ url: database.url, name: 'notification', max: 5, int8: 'bigint' });
  });
  after(async () => {
    await pool.end();
    await database.drop();
  });
  beforeEach(async () => {
    await pool.query('TRUNCATE notifications');
    shop = openShop();
    buyerId = await shop.register({ email: 'ada@example.com', name: 'Ada', phone: '+4366012345' });
  });

  const handler = (email: Sender, sms: Sender = scripted({ status: 'kept' }).sender) =>
    notification({
      services: shop.services,
      now,
      pool,
      senders: { email, sms },
      publicUrl: () => 'https://shop.example',
    });
  const rows = async () => (await pool.query<Row>('SELECT * FROM notifications ORDER BY created_at, channel')).rows;
  const place = (buyer = buyerId) => shop.place({ order: { buyerId: buyer } });

  async function fulfil(orderId: string, paymentId: string): Promise<void> {
    const captured = { paymentId, reference: 'r', amount: 5_000, currency: 'EUR', refundId: 'x' };
    await shop.does(orderDecider, orderId, { type: 'RecordCapture', data: captured });
    for (const status of ['processing', 'shipping', 'shipped', 'completed'] as const) {
      await shop.does(orderDecider, orderId, { type: 'AdvanceFulfilment', data: { storeId: STORES[0], status } });
    }
  }

  it('tells a buyer of each step, once, however often it is told itself', async () => {
    const { orderId, paymentId } = await place();
    await fulfil(orderId, paymentId);
    const { mails, sender } = scripted();
    await shop.deliver(handler(sender), 3);
    expect((await rows()).map(({ channel, kind, status }) => [channel, kind, status])).to.deep.equal([
      ['email', 'welcome', 'sent'],
      ['email', 'order placed', 'sent'],
      ['email', 'order paid', 'sent'],
      ['email', 'order shipped', 'sent'],
      ['sms', 'order shipped', 'kept'],
      ['email', 'order completed', 'sent'],
    ]);
    expect(mails.map(({ to }) => to)).to.deep.equal(Array(5).fill('ada@example.com'));
    expect(new Set(mails.map(({ id }) => id)).size).to.equal(5);
    const shipped = mails[3]!;
    expect(shipped.text).to.contain('Teapot').and.to.contain('Cup').and.not.to.contain('Tea:');
  });

  it('keeps what it sent and to whom, readable only with the person’s key', async () => {
    await shop.deliver(handler(scripted().sender));
    const [row] = await rows();
    expect(row).to.include({ user_id: buyerId, subject: 'Welcome', attempts: 1 });
    expect(row!.body)
      .to.match(/^pd2\./)
      .and.not.to.contain('ada@example.com');
    const { body } = await shop.personalData.reveal(row!, sealedInNotification(row!.id, buyerId));
    const kept = JSON.parse(body) as object;
    expect(kept).to.have.property('to', 'ada@example.com');
    expect(kept).to.have.property('text').that.contains('Hello,').and.not.contains('Ada');
    expect(row!.sent_at).not.to.equal(null);
  });

  it('tells of a decline and of a cancellation, and not of both for one cancelled order', async () => {
    const { orderId, paymentId } = await place();
    await shop.does(orderDecider, orderId, { type: 'RecordDecline', data: { paymentId, reason: 'no funds' } });
    const { mails, sender } = scripted();
    await shop.deliver(handler(sender));
    expect(mails.at(-1)!.text).to.contain('was declined: no funds');
    const cancelledFirst = await place();
    const cancel = { reason: 'changed my mind', by: 'buyer', refundId: 'x' } as const;
    await shop.does(orderDecider, cancelledFirst.orderId, { type: 'CancelOrder', data: cancel });
    const late = { paymentId: cancelledFirst.paymentId, reason: 'cancelled' };
    await shop.does(orderDecider, cancelledFirst.orderId, { type: 'RecordDecline', data: late });
    await shop.deliver(handler(sender));
    expect((await rows()).map(({ kind }) => kind)).to.deep.equal([
      'welcome',
      'order placed',
      'payment declined',
      'order placed',
      'order cancelled',
    ]);
  });

  it('tries again after a passing failure and records it', async () => {
    const { mails, sender } = scripted({ status: 'failed', error: '451 try later' });
    const failure = await rejection(shop.deliver(handler(sender)));
    expect(failure).to.include({ kind: 'unavailable', rule: 'NotSent' });
    expect((await rows())[0]).to.include({ status: 'failed', error: '451 try later', attempts: 1 });
    await shop.deliver(handler(sender));
    expect((await rows())[0]).to.include({ status: 'sent', error: null, attempts: 2 });
    expect(mails).to.have.length(2);
  });

  it('gives up on what was refused for good, and goes on', async () => {
    const { mails, sender } = scripted({ status: 'refused', error: '550 no such mailbox' });
    await place();
    await shop.deliver(handler(sender), 2);
    expect((await rows()).map(({ status }) => status)).to.deep.equal(['refused', 'sent']);
    expect(mails).to.have.length(2);
  });

  it('sends nothing twice when it was cut off while sending: it is unknown then', async () => {
    const { mails, sender } = scripted(new Error('the power went'));
    expect(await rejection(shop.deliver(handler(sender)))).to.have.property('message', 'the power went');
    await shop.deliver(handler(sender), 2);
    expect(mails).to.have.length(1);
    expect((await rows())[0]).to.include({ status: 'unknown' });
  });

  describe('that was cut off while sending is unknown, not sending for ever,', () => {
    const cutOff = (): Sender => scripted(new Error('the power went')).sender;
    const statuses = async () => (await rows()).map(({ channel, kind, status }) => [channel, kind, status]);
    async function told(orderId: string, what: object, email: Sender, sms?: Sender): Promise<void> {
      const events = await shop.events('order', orderId);
      const event = events.find(({ type, data }) =>
        isDeepStrictEqual({ ...{ type, ...data }, ...what }, { type, ...data }),
      )!;
      await handler(email, sms).handle({ event, attempt: 1, signal: new AbortController().signal });
    }

    it('when its event yields no message any more', async () => {
      const { orderId, paymentId } = await place();
      await shop.does(orderDecider, orderId, { type: 'RecordDecline', data: { paymentId, reason: 'no funds' } });
      await rejection(told(orderId, { type: 'PaymentDeclined' }, cutOff()));
      expect(await statuses()).to.deep.equal([['email', 'payment declined', 'sending']]);
      const cancel = { reason: 'changed my mind', by: 'buyer', refundId: 'x' } as const;
      await shop.does(orderDecider, orderId, { type: 'CancelOrder', data: cancel });
      const { mails, sender } = scripted();
      await told(orderId, { type: 'PaymentDeclined' }, sender);
      expect(await statuses()).to.deep.equal([['email', 'payment declined', 'unknown']]);
      expect((await rows())[0]!.error).to.equal('its sender stopped before saying what became of it');
      expect(mails).to.deep.equal([]);
    });

    it('when its addressee was erased meanwhile', async () => {
      const { orderId } = await place();
      await rejection(told(orderId, { type: 'OrderPlaced' }, cutOff()));
      shop.personalData.forget(buyerId);
      await told(orderId, { type: 'OrderPlaced' }, scripted().sender);
      expect(await statuses()).to.deep.equal([['email', 'order placed', 'unknown']]);
    });

    it('when its addressee has no telephone any more', async () => {
      const { orderId, paymentId } = await place();
      await fulfil(orderId, paymentId);
      const shipped = { type: 'FulfilmentAdvanced', status: 'shipped' };
      await rejection(told(orderId, shipped, scripted().sender, cutOff()));
      await shop.does(userDecider, buyerId, { type: 'UpdateProfile', data: { phone: null } });
      await told(orderId, shipped, scripted().sender);
      expect(await statuses()).to.deep.equal([
        ['email', 'order shipped', 'sent'],
        ['sms', 'order shipped', 'unknown'],
      ]);
    });
  });

  it('writes to nobody whose data was erased, and to nobody who never was', async () => {
    shop.personalData.forget(buyerId);
    await place();
    await place(anOrder.buyerId);
    const { mails, sender } = scripted();
    await shop.deliver(handler(sender));
    expect(mails).to.deep.equal([]);
    expect(await rows()).to.deep.equal([]);
  });
});
