import { expect } from 'chai';
import type { DomainEvent, Metadata } from '../../src/eventstore/eventStore.ts';
import { missing } from '../../src/errors.ts';
import type { OrderRow } from '../../src/projections/orders.ts';
import { orders } from '../../src/projections/orders.ts';
import { orderView } from '../../src/queries/order.ts';
import { createOrderReader, createPartReader, viewerOf } from '../../src/queries/orderPart.ts';
import { worthOf } from '../../src/aggregates/orderLines.ts';
import { createShares } from '../../src/aggregates/orderShares.ts';
import { storeIdOf } from '../../src/queries/store.ts';
import {
  advanced,
  cancelled,
  captured,
  line,
  NORTH,
  paid,
  partClosed,
  pending,
  placed,
  placedWithOneStore,
  refunded,
  refundRequested,
  SOUTH,
  TOTAL,
} from '../aggregates/orderExamples.ts';
import { NOW, recordedEvents, type Fact } from '../support/given.ts';
import { historyOf } from '../support/history.ts';
import { rejection } from '../support/rejection.ts';

const north = { id: 'nora', role: 'seller' };
const southStore = storeIdOf('saul');
const northStore = storeIdOf('nora');
/** The examples' stores as stores of people. */
const owned = <T>(value: T): T =>
  JSON.parse(
    JSON.stringify(value)
      .replaceAll('"seller of north"', '"nora"')
      .replaceAll('"seller of south"', '"saul"')
      .replaceAll('"north"', `"${northStore}"`)
      .replaceAll('"south"', `"${southStore}"`),
  ) as T;
type By = readonly [event: DomainEvent, metadata: Partial<Metadata>];
const recorded = (...facts: (DomainEvent | By)[]) =>
  recordedEvents(
    ...facts.map((fact): Fact => {
      const [event, metadata] = Array.isArray(fact) ? (fact as By) : [fact as DomainEvent, {}];
      return ['order-one', owned(event), NOW, metadata];
    }),
  );
const unknown = (): never => missing('OrderUnknown', 'There is no such order.');

/** The row that a seller sees after each event that they see. */
function seen(actor: { id: string; role: string }, ...facts: (DomainEvent | By)[]) {
  const read = createOrderReader('one', actor, unknown);
  return recorded(...facts).flatMap((event) => read(event) ?? []);
}
const lastRow = (...facts: (DomainEvent | By)[]): OrderRow => seen(north, ...facts).at(-1)!.row!;
const moneyOf = ({ total, captured: got, refund_requested: asked, refunded: back }: OrderRow) => [
  total,
  got,
  asked,
  back,
];

describe('a viewer of an order', () => {
  const parties = owned(placed).data;
  it('is the buyer or an admin, who see all of it, or the seller of a part', () => {
    expect(viewerOf({ id: 'ann', role: 'buyer' }, parties)).to.deep.equal({ sees: 'all' });
    expect(viewerOf({ id: 'ada', role: 'admin' }, parties)).to.deep.equal({ sees: 'all' });
    expect(viewerOf(north, parties)).to.deep.equal({ sees: 'part', storeId: northStore });
  });

  it('is nobody else', async () => {
    expect(viewerOf({ id: 'zoe', role: 'seller' }, parties)).to.equal(undefined);
    expect(
      String(await rejection(Promise.resolve().then(() => seen({ id: 'zoe', role: 'seller' }, ...paid)))),
    ).to.contain('no such order');
  });
});

describe('a seller’s part of an order', () => {
  it('has their lines and the sums of their lines', () => {
    const row = lastRow(...paid);
    expect(row.lines.map(({ storeId }) => storeId)).to.deep.equal([northStore]);
    expect(row.fulfilments).to.deep.equal({ [northStore]: 'pending' });
    expect(moneyOf(row)).to.deep.equal([NORTH, NORTH, 0, 0]);
    expect(row).to.include({ status: 'paid', payment_id: 'p1' });
    expect(worthOf(owned(placed).data.lines, southStore)).to.equal(SOUTH);
  });

  it('has the status of the part, not of the order', () => {
    expect(lastRow(...paid, ...advanced('north', 'processing', 'shipping'))).to.include({ status: 'shipping' });
    expect(lastRow(...paid, ...advanced('south', 'processing'))).to.include({ status: 'paid' });
    expect(lastRow(...paid, partClosed('north'))).to.include({ status: 'cancelled' });
    expect(lastRow(...paid, partClosed('south'))).to.include({ status: 'paid' });
    expect(lastRow(...pending)).to.include({ status: 'pending' });
  });

  it('knows nothing of what happens to other parts', () => {
    const before = seen(north, ...paid);
    const others = [
      ...advanced('south', 'processing'),
      refundRequested(1_000, { storeId: 'south' }),
      refunded(1_000),
      refundRequested(3_000, { storeId: 'south', refundId: 'r2' }),
      partClosed('south'),
      refunded(3_000, 'r2'),
    ];
    expect(seen(north, ...paid, ...others)).to.deep.equal(before);
  });

  it('has the refunds of its own lines as they are, and its share of a refund of the order', () => {
    const own = [refundRequested(1_500, { storeId: 'north' }), refunded(1_500)];
    expect(moneyOf(lastRow(...paid, ...own))).to.deep.equal([NORTH, NORTH, 1_500, 1_500]);
    expect(moneyOf(lastRow(...paid, refundRequested(TOTAL), refunded(TOTAL)))).to.deep.equal([
      NORTH,
      NORTH,
      NORTH,
      NORTH,
    ]);
    expect(moneyOf(lastRow(...paid, refundRequested(5_000)))).to.deep.equal([NORTH, NORTH, 3_000, 0]);
    const rest = [...own, cancelled, refundRequested(TOTAL - 1_500, { refundId: 'r2' }), refunded(TOTAL - 1_500, 'r2')];
    expect(moneyOf(lastRow(...paid, ...rest))).to.deep.equal([NORTH, NORTH, NORTH, NORTH]);
  });

  it('has nothing of what was captured beyond the total, and its share of a capture below it', () => {
    const tooMuch = [captured('p1', TOTAL + 500), refundRequested(500), refunded(500)];
    expect(moneyOf(lastRow(...pending, ...tooMuch))).to.deep.equal([NORTH, NORTH, 0, 0]);
    const tooLittle = [captured('p1', 5_000), refundRequested(5_000), refunded(5_000)];
    const row = lastRow(...pending, ...tooLittle);
    expect(moneyOf(row)).to.deep.equal([NORTH, 3_000, 3_000, 3_000]);
    expect(row).to.include({ status: 'pending', paid: false });
  });

  it('has no notes or billing address of an order that others share', () => {
    const told = { notes: 'ring twice', billingAddress: 'sealed' };
    const shared = { ...placed, data: { ...placed.data, ...told } };
    const alone = { ...placedWithOneStore, data: { ...placedWithOneStore.data, ...told } };
    expect(lastRow(shared)).to.include({ notes: null, billing_address: null });
    expect(lastRow(alone)).to.include({ notes: 'ring twice', billing_address: null });
  });

  it('has a history with the amounts of the part and without the ids and words of other sellers', async () => {
    const bySaul = { actor: 'saul' };
    const facts: (DomainEvent | By)[] = [
      ...paid,
      [advanced('south', 'processing')[0]!, bySaul],
      [refundRequested(TOTAL, { storeId: 'south', reason: 'Saul’s words' }), bySaul],
      [{ ...cancelled, data: { reason: 'refunded in full: Saul’s words', by: 'system' } }, bySaul],
    ];
    const read = createPartReader(northStore);
    const history = await historyOf(
      orders,
      'one',
      recorded(...facts).flatMap((event) => read(event) ?? []),
      orderView,
    );
    expect(history.map(({ type, revision }) => [type, revision])).to.deep.equal([
      ['OrderPlaced', '0'],
      ['PaymentRequested', '1'],
      ['PaymentCaptured', '2'],
      ['OrderCancelled', '5'],
    ]);
    expect(history[2]!.changes).to.deep.include({ field: 'payment.captured', before: 0, after: 60 });
    expect(JSON.stringify(history)).to.not.match(/saul|words|100|"after":40/i);
    expect(JSON.stringify(history)).to.not.contain(southStore);
  });
});

describe('an event that a hidden one caused', () => {
  it('does not name its cause', () => {
    const hidden = recorded(...paid, advanced('south', 'processing')[0]!).at(-1)!.id;
    const events = recorded(
      ...paid,
      advanced('south', 'processing')[0]!,
      [advanced('north', 'processing')[0]!, { causationId: hidden }],
      [advanced('north', 'shipping')[0]!, { causationId: 'an event of another stream' }],
    );
    const read = createPartReader(northStore);
    const causes = events.flatMap((event) => read(event)?.metadata.causationId ?? []);
    expect(causes).to.deep.equal(['an event of another stream']);
  });
});

describe('the shares of an order’s money', () => {
  const lines = [line('a', 1, 1), line('b', 1, 1), line('c', 1, 1)];
  const payment = { paymentId: 'p', reference: 'r' };
  const refund = { refundId: 'r', paymentId: 'p', reason: 'x', storeId: null };

  it('never exceed the amount, and are all given back in the end', () => {
    const shares = createShares([line('a', 333, 1), line('b', 333, 1), line('c', 334, 1)], 1_000);
    shares.capture({ ...payment, amount: 1_000 });
    const given = [1, 100, 333, 566].map((amount, index) =>
      shares.refund({ ...refund, refundId: `r${index}`, amount }),
    );
    for (const [index, amount] of [1, 100, 333].entries()) {
      const sum = [...given[index]!.values()].reduce((a, b) => a + b, 0);
      expect(sum).to.be.at.most(amount);
    }
    const total = (storeId: string) => given.reduce((sum, each) => sum + (each.get(storeId) ?? 0), 0);
    expect(['a', 'b', 'c'].map(total)).to.deep.equal([333, 333, 334]);
  });

  it('are exact for the highest amounts', () => {
    const most = 4_000_000_000_000_000;
    const shares = createShares([line('a', most, 1), line('b', most, 1)], 2 * most);
    shares.capture({ ...payment, amount: 2 * most });
    expect(shares.refund({ ...refund, amount: most + 2 }).get('a')).to.equal(most / 2 + 1);
  });

  it('leave nothing to a store when another gave back more than its own', () => {
    const shares = createShares(lines, 3);
    shares.capture({ ...payment, amount: 3 });
    expect([...shares.refund({ ...refund, storeId: 'a', amount: 2 })]).to.deep.equal([['a', 2]]);
    expect(shares.refund({ ...refund, refundId: 's', amount: 1 }).get('a')).to.equal(0);
  });
});
