import { expect } from 'chai';
import { orderDecider } from '../../src/aggregates/order.ts';
import type { EventStore } from '../../src/eventstore/eventStore.ts';
import { unavailable } from '../../src/errors.ts';
import { GatewayTimeout, type PaymentGateway } from '../../src/handlers/gateways/gateway.ts';
import { payment } from '../../src/handlers/payment.ts';
import { createSandboxGateway, sandboxLedger } from '../../src/handlers/gateways/sandbox.ts';
import { createPool, type Pool } from '../../src/platform/postgres/pool.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { createMemoryEventStore } from '../support/memoryStore.ts';
import { rejection } from '../support/rejection.ts';
import { now, openShop, type Shop } from './shop.ts';

describe('payment', () => {
  let database: TestDatabase;
  let pool: Pool;
  let sandbox: PaymentGateway;

  before(async () => {
    database = await freshDatabase();
    pool = createPool({ url: database.url, name: 'payment', max: 5, int8: 'bigint' });
    sandbox = createSandboxGateway({ pool, delayMs: 0 });
  });
  after(async () => {
    await pool.end();
    await database.drop();
  });

  const handler = (shop: Shop, gateway: PaymentGateway = sandbox) =>
    payment({ services: shop.services, now, gateway, findDelayMs: 1 });
  const happenedTo = async (shop: Shop, orderId: string) =>
    (await shop.events('order', orderId)).slice(1).map(({ type }) => type);
  const ledger = async (paymentId: string) => (await sandboxLedger(pool, [paymentId]))[0];
  /** A log that fails at the first append of an event of this type. */
  const failingOnce = (type: string): EventStore => {
    const store = createMemoryEventStore();
    let failed = false;
    return {
      ...store,
      append(stream, expected, events) {
        if (failed || !events.some((event) => event.type === type)) return store.append(stream, expected, events);
        failed = true;
        return Promise.reject(unavailable('LogAway', 'The log does not answer.'));
      },
    };
  };

  it('captures what an order asks for, once, however often it is told', async () => {
    const shop = openShop();
    const { orderId, paymentId } = await shop.place();
    await shop.deliver(handler(shop), 3);
    await shop.deliver(handler(shop), 1);
    expect(await happenedTo(shop, orderId)).to.deep.equal(['PaymentRequested', 'PaymentCaptured']);
    expect(await ledger(paymentId)).to.include({ status: 'captured', amount: 5_000, requests: 1 });
    const captured = (await shop.events('order', orderId)).at(-1)!;
    expect(captured.metadata).to.include({ actor: 'system:payment', command: 'RecordCapture' });
  });

  it('records that a payment was declined', async () => {
    const shop = openShop();
    const { orderId } = await shop.place({ method: 'sandbox_decline' });
    await shop.deliver(handler(shop), 2);
    expect(await happenedTo(shop, orderId)).to.deep.equal(['PaymentRequested', 'PaymentDeclined']);
  });

  it('records as declined what the provider will not charge at all', async () => {
    const shop = openShop();
    const { orderId, paymentId } = await shop.place({ method: 'sandbox_gold' });
    await shop.deliver(handler(shop), 2);
    const events = await shop.events('order', orderId);
    expect(events.at(-1)).to.deep.include({
      type: 'PaymentDeclined',
      data: { paymentId, reason: 'The sandbox knows no method sandbox_gold.' },
    });
  });

  it('authorises, and captures once it is confirmed', async () => {
    const shop = openShop();
    const { orderId, paymentId } = await shop.place({ method: 'sandbox_confirm' });
    await shop.deliver(handler(shop));
    expect(await happenedTo(shop, orderId)).to.deep.equal(['PaymentRequested', 'PaymentAuthorised']);
    expect(await ledger(paymentId)).to.include({ status: 'authorised' });
    await shop.does(orderDecider, orderId, { type: 'ConfirmPayment', data: { paymentId } });
    await shop.deliver(handler(shop), 2);
    expect(await happenedTo(shop, orderId)).to.deep.equal([
      'PaymentRequested',
      'PaymentAuthorised',
      'PaymentConfirmed',
      'PaymentCaptured',
    ]);
    expect(await ledger(paymentId)).to.include({ status: 'captured', requests: 1 });
  });

  it('asks what became of a charge whose answer was lost, and charges no second time', async () => {
    const shop = openShop();
    const { orderId, paymentId } = await shop.place({ method: 'sandbox_timeout' });
    await shop.deliver(handler(shop));
    expect(await happenedTo(shop, orderId)).to.deep.equal(['PaymentRequested', 'PaymentCaptured']);
    expect(await ledger(paymentId)).to.include({ status: 'captured', requests: 1 });
  });

  it('leaves the outcome open while the provider does not say, and finds it out later', async () => {
    const shop = openShop();
    const { orderId, paymentId } = await shop.place({ method: 'sandbox_timeout' });
    let silent = true;
    const dumb: PaymentGateway = {
      ...sandbox,
      find: (key, signal) =>
        silent && key === paymentId && asked++ > 0 ? Promise.reject(new GatewayTimeout()) : sandbox.find(key, signal),
    };
    let asked = 0;
    const first = await rejection(shop.deliver(handler(shop, dumb)));
    expect(first).to.include({ kind: 'unavailable', rule: 'PaymentOutcomeUnknown' });
    expect(await happenedTo(shop, orderId)).to.deep.equal(['PaymentRequested']);
    silent = false;
    await shop.deliver(handler(shop, dumb));
    expect(await happenedTo(shop, orderId)).to.deep.equal(['PaymentRequested', 'PaymentCaptured']);
    expect(await ledger(paymentId)).to.include({ requests: 1 });
  });

  it('charges once when it is cut off after the charge and before recording it', async () => {
    const shop = openShop(failingOnce('PaymentCaptured'));
    const { orderId, paymentId } = await shop.place();
    expect(await rejection(shop.deliver(handler(shop)))).to.include({ rule: 'LogAway' });
    expect(await ledger(paymentId)).to.include({ status: 'captured', requests: 1 });
    await shop.deliver(handler(shop));
    expect(await happenedTo(shop, orderId)).to.deep.equal(['PaymentRequested', 'PaymentCaptured']);
    expect(await ledger(paymentId)).to.include({ status: 'captured', requests: 1 });
  });

  const cancel = (shop: Shop, orderId: string) =>
    shop.does(orderDecider, orderId, { type: 'CancelOrder', data: { reason: 'no', by: 'buyer', refundId: 'unused' } });

  it('does not charge for an order that was cancelled before', async () => {
    const shop = openShop();
    const { orderId, paymentId } = await shop.place();
    await cancel(shop, orderId);
    await shop.deliver(handler(shop), 2);
    expect(await happenedTo(shop, orderId)).to.deep.equal(['PaymentRequested', 'OrderCancelled', 'PaymentDeclined']);
    expect(await ledger(paymentId)).to.equal(undefined);
  });

  it('gives back, once, what was captured while the order was being cancelled', async () => {
    const shop = openShop();
    const { orderId, paymentId } = await shop.place();
    const meanwhile: PaymentGateway = {
      ...sandbox,
      async charge(asked, signal) {
        await cancel(shop, orderId);
        return sandbox.charge(asked, signal);
      },
    };
    await shop.deliver(handler(shop, meanwhile), 2);
    await shop.deliver(handler(shop), 2);
    expect(await happenedTo(shop, orderId)).to.deep.equal([
      'PaymentRequested',
      'OrderCancelled',
      'PaymentCaptured',
      'RefundRequested',
      'PaymentRefunded',
    ]);
    expect(await ledger(paymentId)).to.include({ amount: 5_000, refunded: 5_000, refunds: 1, requests: 1 });
  });

  it('gives back once when it is cut off after the refund and before recording it', async () => {
    const shop = openShop(failingOnce('PaymentRefunded'));
    const { orderId, paymentId } = await shop.place();
    await shop.deliver(handler(shop));
    const amount = { amount: 1_500, currency: 'EUR' };
    const data = { refundId: 'refund-1', paymentId, amount, reason: 'scratched', storeId: null };
    await shop.does(orderDecider, orderId, { type: 'RequestRefund', data });
    expect(await rejection(shop.deliver(handler(shop)))).to.include({ rule: 'LogAway' });
    await shop.deliver(handler(shop), 2);
    expect((await happenedTo(shop, orderId)).filter((type) => type === 'PaymentRefunded')).to.have.length(1);
    expect(await ledger(paymentId)).to.include({ refunded: 1_500, refunds: 1 });
  });

  it('takes nothing that was only authorised when the order was cancelled', async () => {
    const shop = openShop();
    const { orderId, paymentId } = await shop.place({ method: 'sandbox_confirm' });
    await shop.deliver(handler(shop));
    await shop.does(orderDecider, orderId, { type: 'ConfirmPayment', data: { paymentId } });
    await cancel(shop, orderId);
    await shop.deliver(handler(shop), 2);
    expect((await happenedTo(shop, orderId)).at(-1)).to.equal('PaymentDeclined');
    expect(await ledger(paymentId)).to.include({ status: 'authorised' });
  });
});
