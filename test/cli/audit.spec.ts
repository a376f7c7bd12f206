import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { orderDecider } from '../../src/aggregates/order.ts';
import type { AuditEnd, AuditPage, OrderAudit } from '../../src/cli/auditOrder.ts';
import { CommandContext, SYSTEM } from '../../src/engine/decide/context.ts';
import type { RecordedEvent } from '../../src/eventstore/eventStore.ts';
import { openWorld, perform, type World } from './world.ts';

type Printed = Omit<OrderAudit, 'read'> & AuditEnd & { readonly history: AuditPage['entries'] };

describe('cartulary audit order', function () {
  this.timeout(60_000);
  let world: World;
  let orderId: string;
  let buyer: { id: string; email: string };
  let placed: RecordedEvent;
  let beforePayment: string;

  /** One purchase. The event that requests its payment is the cause of the payment. */
  before(async () => {
    world = await openWorld();
    const { services, store } = world.shop;
    const { people } = world;
    const seller = await people.seller('Sid');
    const category = await people.category('Books');
    const product = { name: 'Quill', price: '10.00', stock: 5, category_id: category };
    const { id: productId } = await perform('ListProduct', { body: product }, people.as(seller));
    const ann = await people.person('Ann');
    buyer = ann;
    const wishes = {
      items: [{ product_id: productId, quantity: 2 }],
      shipping_address: { line1: '1 High St', city: 'Ely', country: 'UK' },
      notes: 'ring \u001b[2J twice',
    };
    const order = await perform('PlaceOrder', { body: wishes }, people.as(ann));
    orderId = order.id;
    const [first, requested] = await store.read(`order-${orderId}`);
    placed = first!;
    beforePayment = placed.metadata.occurredAt;
    const payment = new CommandContext(
      {
        id: randomUUID(),
        repeatable: false,
        actor: SYSTEM('payment'),
        now: new Date(Date.parse(beforePayment) + 1_000).toISOString(),
        correlationId: placed.metadata.correlationId,
        causationId: requested!.id,
      },
      services,
    );
    const data = {
      paymentId: order.payment.id,
      reference: 'r1',
      amount: 2_000,
      currency: 'USD',
      refundId: randomUUID(),
    };
    await payment.handle(orderDecider, orderId, { type: 'RecordCapture', data });
  });
  after(() => world.close());

  const audit = async (...args: string[]): Promise<Printed> => {
    const { code, answer, output } = await world.run(['audit', 'order', orderId, '--json', ...args]);
    if (code !== 0) throw new Error(output);
    return JSON.parse(answer) as Printed;
  };

  it('tells when, who, which command, why, and what each event changed, then the state', async () => {
    const { history, order, revision } = await audit();
    expect(revision).to.equal('2');
    expect(history.map(({ type }) => type)).to.deep.equal(['OrderPlaced', 'PaymentRequested', 'PaymentCaptured']);
    const [first, second, third] = history;
    expect(first).to.deep.include({
      command: 'PlaceOrder',
      at: beforePayment,
      actor: buyer.id,
      who: { id: buyer.id, name: 'Ann', email: 'ann@example.com' },
      because: null,
    });
    expect(third).to.deep.include({
      command: 'RecordCapture',
      actor: 'system:payment',
      who: null,
      because: {
        event_id: second?.event_id,
        type: 'PaymentRequested',
        stream: `order-${orderId}`,
        revision: '1',
        position: second?.position,
      },
      changes: [
        { field: 'status', before: 'pending', after: 'paid' },
        { field: 'fulfilments.0.status', before: 'pending', after: 'paid' },
        { field: 'payment.status', before: 'requested', after: 'captured' },
        { field: 'payment.captured', before: 0, after: 20 },
      ],
    });
    expect(order).to.deep.include({ status: 'paid', total: 20 });
    expect(order?.shipping_address).to.deep.equal({ line1: '1 High St', city: 'Ely', country: 'UK' });
  });

  it('tells it on paper: without colour, and with nothing a buyer wrote that a terminal would obey', async () => {
    const { answer } = await world.run(['audit', 'order', orderId]);
    expect(answer).to.match(/^Order [0-9a-f-]{36}, revision 2$/m);
    expect(answer).to.match(/who +Ann <ann@example\.com> \([0-9a-f-]{36}\)$/m);
    expect(answer).to.match(/why +because of PaymentRequested \(order-[0-9a-f-]{36} #1, position \d+\)$/m);
    expect(answer).to.match(/^ +payment\.captured +0 → 20$/m);
    expect(answer).to.match(/^ +shipping_address\.line1 +1 High St$/m);
    expect(answer).to.contain('ring \\u001b[2J twice');
    expect(answer).not.to.contain('\u001b');
  });

  it('tells it as it was before payment', async () => {
    const then = await audit('--as-of', beforePayment);
    expect(then).to.deep.include({ revision: '1', newest_revision: '2' });
    expect(then.history.map(({ type }) => type)).to.deep.equal(['OrderPlaced', 'PaymentRequested']);
    expect(then.order).to.deep.include({ status: 'pending' });
    expect(then.order?.payment).to.deep.include({ status: 'requested', captured: 0 });
  });

  it('tells it as it was at a revision', async () => {
    const then = await audit('--revision', '0');
    expect(then.history).to.have.length(1);
    expect(then.order?.payment).to.deep.include({ method: null });
  });

  it('shows a part of a long history, where it goes on, and the state after all of it', async () => {
    const first = await audit('--limit', '2');
    expect(first.history.map(({ revision }) => revision)).to.deep.equal(['0', '1']);
    expect(first).to.deep.include({ revision: '2', next: '2' });
    expect(first.order).to.deep.include({ status: 'paid' });
    const rest = await audit('--from', '2', '--limit', '2');
    expect(rest.history).to.deep.equal((await audit()).history.slice(2));
    expect(rest).not.to.have.property('next');
    const beyond = await audit('--from', '99');
    expect(beyond.history).to.deep.equal([]);
    const { answer } = await world.run(['audit', 'order', orderId, '--limit', '1']);
    expect(answer).to.match(/^More events follow: go on with --from 1$/m);
  });

  it('tells a past that is a prefix of the stream, although a handler with a slow clock recorded the payment', async () => {
    const slow = randomUUID();
    const [first, requested, captured] = await world.shop.store.read(`order-${orderId}`);
    const clocks = ['12:00:03', '12:00:03', '12:00:00'].map((time) => `2026-03-01T${time}.000Z`);
    const events = [first!, requested!, captured!].map(({ type, data, metadata }, index) => ({
      ...{ id: randomUUID(), type, data },
      metadata: { ...metadata, occurredAt: clocks[index]! },
    }));
    await world.shop.store.append(`order-${slow}`, -1n, events);
    const asOf = (instant: string) => world.run(['audit', 'order', slow, '--json', '--as-of', instant]);
    const before = await asOf('2026-03-01T12:00:01Z');
    expect([before.code, before.output]).to.deep.equal([1, `cartulary: There was no order ${slow} then.\n`]);
    const after = JSON.parse((await asOf('2026-03-01T12:00:03Z')).answer) as Printed;
    expect(after.history.map(({ revision }) => revision)).to.deep.equal(['0', '1', '2']);
  });

  it('says that there was none yet', async () => {
    const { code, output } = await world.run(['audit', 'order', orderId, '--as-of', '2001-01-01']);
    expect(code).to.equal(1);
    expect(output).to.contain(`There was no order ${orderId} then.`);
  });

  it('says that there is no such order', async () => {
    const id = randomUUID();
    const { code, output } = await world.run(['audit', 'order', id]);
    expect(code).to.equal(1);
    expect(output).to.contain(`There is no order ${id}.`);
  });

  for (const args of [
    ['nonsense'],
    [randomUUID(), '--as-of', 'yesterday'],
    [randomUUID(), '--revision', '-1'],
    [randomUUID(), '--limit', '0'],
  ]) {
    it(`answers a wrong argument with 2: ${args.at(-1) ?? ''}`, async () => {
      expect((await world.run(['audit', 'order', ...args])).code).to.equal(2);
    });
  }

  it('tells an event that makes no sense as such, and goes on with the rest', async () => {
    const { store } = world.shop;
    const metadata = { ...placed.metadata, commandId: randomUUID(), command: 'Break' };
    const broken = { id: randomUUID(), type: 'FulfilmentAdvanced', data: {}, metadata };
    const cancelled = { reason: 'enough', by: 'buyer' };
    await store.append(`order-${orderId}`, 2n, [
      { ...broken, type: 'PaymentRefunded', data: { refundId: 'x' } },
      { ...broken, id: randomUUID(), metadata: { ...metadata, schema: 99 } },
      { id: randomUUID(), type: 'OrderCancelled', data: cancelled, metadata },
    ]);
    const { history, order } = await audit();
    expect(history.slice(3).map((entry) => ('unreadable' in entry ? 'unreadable' : entry.type))).to.deep.equal([
      'unreadable',
      'unreadable',
      'OrderCancelled',
    ]);
    expect(order).to.deep.include({ status: 'cancelled', cancel_reason: 'enough' });
  });

  it('shows an erased person as such', async () => {
    await world.shop.pool.query('DELETE FROM subject_keys WHERE subject = $1', [buyer.id]);
    const { history, order } = await audit('--revision', '2');
    expect(history[0]).to.deep.include({ who: { id: buyer.id, name: '[erased]', email: '[erased]' } });
    expect(order).to.deep.include({ shipping_address: '[erased]', notes: '[erased]' });
  });
});
