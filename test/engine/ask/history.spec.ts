import { expect } from 'chai';
import type { RecordedEvent } from '../../../src/eventstore/eventStore.ts';
import { type OrderRow, orders } from '../../../src/projections/orders.ts';
import {
  difference,
  endsPast,
  historyPage,
  type FieldChange,
  type HistoryEntry,
  type Moment,
} from '../../../src/engine/ask/history.ts';
import { orderView } from '../../../src/queries/order.ts';
import { cancelled, captured, placed, refundRequested, refunded, requested } from '../../aggregates/orderExamples.ts';
import { recordedEvents, type Fact } from '../../support/given.ts';
import { createReader, historyOf } from '../../support/history.ts';

describe('difference', () => {
  it('of nothing is nothing', () => {
    expect(difference({ a: 1, b: { c: [] } }, { a: 1, b: { c: [] } })).to.deep.equal([]);
  });

  it('names fields by their path, with what was and what is', () => {
    const changes = difference({ a: 1, b: { c: 'x' }, d: [{ e: 1 }] }, { a: 2, b: { c: 'x' }, d: [{ e: 2 }] });
    expect(changes).to.deep.equal([
      { field: 'a', before: 1, after: 2 },
      { field: 'd.0.e', before: 1, after: 2 },
    ]);
  });

  it('has null for what was not there or is there no more', () => {
    expect(difference({ gone: 1 }, { come: 2 })).to.deep.equal([
      { field: 'gone', before: 1, after: null },
      { field: 'come', before: null, after: 2 },
    ]);
    expect(difference(undefined, { a: 1 })).to.deep.equal([{ field: 'a', before: null, after: 1 }]);
  });

  it('does not tell null from not there', () => {
    expect(difference({ a: null, b: 1 }, { b: 1 })).to.deep.equal([]);
    expect(difference(undefined, { a: null, b: undefined })).to.deep.equal([]);
  });

  it('sees lists and objects grow and become empty', () => {
    expect(difference({ list: [] }, { list: ['x'] })).to.deep.equal([
      { field: 'list', before: [], after: null },
      { field: 'list.0', before: null, after: 'x' },
    ]);
    expect(difference({ of: { a: 1 } }, { of: {} })).to.deep.equal([
      { field: 'of.a', before: 1, after: null },
      { field: 'of', before: null, after: {} },
    ]);
  });

  it('does not take texts for the numbers they look like', () => {
    expect(difference({ a: '1' }, { a: 1 })).to.deep.equal([{ field: 'a', before: '1', after: 1 }]);
  });
});

describe('the history of an order', () => {
  const at = ['08:00', '08:00', '08:01', '09:00', '09:00', '09:01'].map((time) => `2026-03-01T${time}:00.000Z`);
  const facts = [placed, requested(), captured(), cancelled, refundRequested(10_000), refunded(10_000)];
  const bare = recordedEvents(...facts.map((event, index): Fact => ['order-one', event, at[index]!]));
  const events = bare.map((event, index) => ({
    ...event,
    metadata: {
      ...event.metadata,
      ...(index === 2 ? { actor: 'system:payment', command: 'RecordCapture', causationId: bare[1]!.id } : {}),
      ...(index === 5 ? { actor: 'system:payment', command: 'RecordRefund', causationId: bare[4]!.id } : {}),
      ...(index === 3 ? { command: 'CancelOrder', causationId: 'an event of another stream' } : {}),
    },
  }));
  let history: readonly HistoryEntry[];
  before(async () => {
    history = await historyOf(orders, 'one', events, orderView);
  });
  const changed = (changes: readonly FieldChange[]): Record<string, [unknown, unknown]> =>
    Object.fromEntries(changes.map(({ field, before, after }) => [field, [before, after]]));

  it('has an entry for each event, with when, who and which command', () => {
    expect(history.map(({ type, revision, position }) => [type, revision, position])).to.deep.equal([
      ['OrderPlaced', '0', '1'],
      ['PaymentRequested', '1', '2'],
      ['PaymentCaptured', '2', '3'],
      ['OrderCancelled', '3', '4'],
      ['RefundRequested', '4', '5'],
      ['PaymentRefunded', '5', '6'],
    ]);
    expect(history[2]).to.include({ at: at[2], actor: 'system:payment', command: 'RecordCapture' });
    expect(history[2]).to.include({ event_id: events[2]!.id, command_id: events[2]!.metadata.commandId });
    expect(history[2]!.correlation_id).to.equal(events[2]!.metadata.correlationId);
  });

  it('begins with everything that the order is', () => {
    const first = changed(history[0]!.changes);
    expect(first).to.deep.include({ status: [null, 'pending'], total: [null, 100], 'items.0.price': [null, 30] });
    expect(history[0]!.changes.every(({ before }) => before === null)).to.equal(true);
  });

  it('tells what the payment changed, and nothing else', () => {
    expect(changed(history[1]!.changes)).to.deep.equal({
      'payment.id': [null, 'p1'],
      'payment.method': [null, 'sandbox'],
      'payment.status': [null, 'requested'],
    });
    expect(changed(history[2]!.changes)).to.deep.equal({
      status: ['pending', 'paid'],
      'payment.status': ['requested', 'captured'],
      'payment.captured': [0, 100],
      'fulfilments.0.status': ['pending', 'paid'],
      'fulfilments.1.status': ['pending', 'paid'],
    });
  });

  it('tells what cancelling changed, and when the money was back', () => {
    expect(changed(history[3]!.changes)).to.deep.equal({
      status: ['paid', 'cancelled'],
      cancel_reason: [null, 'too late'],
      'fulfilments.0.status': ['paid', 'cancelled'],
      'fulfilments.1.status': ['paid', 'cancelled'],
    });
    expect(changed(history[4]!.changes)).to.deep.equal({});
    expect(changed(history[5]!.changes)).to.deep.equal({ 'payment.refunded': [0, 100] });
  });

  it('says because of what, when that is an event of the same order', () => {
    expect(history.map(({ because }) => because)).to.deep.equal([
      ...[null, null, 'PaymentRequested', null, null, 'RefundRequested'],
    ]);
    expect(history[3]!.causation_id).to.equal('an event of another stream');
    expect(history[0]!.causation_id).to.equal(null);
  });
});

describe('the past of a stream', () => {
  const at = (time: string): string => `2026-03-01T${time}.000Z`;
  /** The process that placed the order has a clock three seconds ahead of the one that recorded its payment. */
  const events = recordedEvents(
    ['order-one', placed, at('12:00:03')],
    ['order-one', requested(), at('12:00:03')],
    ['order-one', captured(), at('12:00:00')],
    ['order-one', cancelled, at('12:00:09')],
    ['order-one', refundRequested(10_000), at('12:00:05')],
  );
  const revisions = (moment: Moment): number[] => {
    const end = events.findIndex((event) => endsPast(event, moment));
    return events.slice(0, end < 0 ? undefined : end).map(({ revision }) => Number(revision));
  };

  it('is a prefix of it, whatever its clocks say: without what came first there is no later event', () => {
    expect(revisions({ asOf: at('12:00:01') })).to.deep.equal([]);
    expect(revisions({ asOf: at('12:00:03') })).to.deep.equal([0, 1, 2]);
    expect(revisions({ asOf: at('12:00:06') })).to.deep.equal([0, 1, 2]);
    expect(revisions({ asOf: at('12:00:09') })).to.deep.equal([0, 1, 2, 3, 4]);
  });

  it('ends at a revision, or at an instant if that comes first', () => {
    expect(revisions({ revision: 1 })).to.deep.equal([0, 1]);
    expect(revisions({ revision: 3, asOf: at('12:00:06') })).to.deep.equal([0, 1, 2]);
    expect(revisions({})).to.deep.equal([0, 1, 2, 3, 4]);
  });
});

describe('a page of a history', () => {
  /** A paid order with this many refunds of 0.01. */
  function refundedOften(times: number) {
    const refunds = Array.from({ length: times }, (_, index) => refundRequested(1, { refundId: `r${index}` }));
    return recordedEvents(...[placed, requested(), captured(), ...refunds].map((event): Fact => ['order-one', event]));
  }

  /** Pages of a stream, and counts of what reading it cost. */
  function counted(events: readonly RecordedEvent[]) {
    const work = { read: 0, folded: 0, viewed: 0 };
    const pages = async function* (): AsyncGenerator<readonly RecordedEvent[]> {
      for (let from = 0; from < events.length; from += 100) {
        work.read += 1;
        yield await Promise.resolve(events.slice(from, from + 100));
      }
    };
    const fold = createReader(orders, 'one');
    const asSeen = {
      read: (event: RecordedEvent) => {
        work.folded += 1;
        return fold(event);
      },
      view: (row: OrderRow) => {
        work.viewed += 1;
        return orderView(row);
      },
    };
    return { work, pages: pages(), asSeen };
  }

  const pageWork = async (times: number, after?: bigint) => {
    const { work, pages, asSeen } = counted(refundedOften(times));
    const { entries } = await historyPage(pages, asSeen, { limit: 50, ...(after === undefined ? {} : { after }) });
    return { ...work, entries: entries.length };
  };

  it('costs as much of a long order as of a short one at its beginning', async () => {
    expect(await pageWork(1_997)).to.deep.equal({ read: 1, folded: 50, viewed: 50, entries: 50 });
    expect(await pageWork(3_997)).to.deep.equal({ read: 1, folded: 50, viewed: 50, entries: 50 });
  });

  it('folds each event once and views the page alone, however long the order is', async () => {
    expect(await pageWork(1_997, 1_949n)).to.deep.equal({ read: 20, folded: 2_000, viewed: 51, entries: 50 });
    expect(await pageWork(3_997, 3_949n)).to.deep.equal({ read: 40, folded: 4_000, viewed: 51, entries: 50 });
  });

  it('and the next ones together are the whole history', async () => {
    const events = refundedOften(120);
    const entries: HistoryEntry[] = [];
    for (let after: bigint | undefined; ; after = BigInt(entries.at(-1)!.revision)) {
      const { pages, asSeen } = counted(events);
      const page = await historyPage(pages, asSeen, { limit: 50, ...(after === undefined ? {} : { after }) });
      if (page.entries.length === 0) break;
      entries.push(...page.entries);
    }
    expect(entries).to.deep.equal(await historyOf(orders, 'one', events, orderView));
  });
});
