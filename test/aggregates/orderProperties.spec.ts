import { expect } from 'chai';
import fc from 'fast-check';
import type { OrderEvent } from '../../src/aggregates/order.ts';
import { RUNS } from '../support/properties.ts';
import { NORTH, SOUTH, TOTAL } from './orderExamples.ts';
import { orderLife } from './orderLives.ts';

/** Bookkeeping of payments and refunds, from the events alone. */
interface Books {
  cancelled: boolean;
  readonly captured: Map<string, number>;
  readonly asked: Map<string, { paymentId: string; amount: number }>;
  readonly done: Map<string, number>;
  readonly ofStore: Map<string, number>;
}

const sum = (amounts: Iterable<number>): number => [...amounts].reduce((total, amount) => total + amount, 0);
const put = <V>(map: Map<string, V>, key: string, value: V): void => {
  expect(map.has(key), `${key} happened twice`).to.equal(false);
  map.set(key, value);
};

function enter(books: Books, { type, data }: OrderEvent): void {
  switch (type) {
    case 'OrderCancelled':
      expect(books.cancelled).to.equal(false);
      books.cancelled = true;
      return;
    case 'PaymentCaptured':
      put(books.captured, data.paymentId, data.amount);
      return;
    case 'RefundRequested':
      put(books.asked, data.refundId, { paymentId: data.paymentId, amount: data.amount });
      if (data.storeId !== null) {
        books.ofStore.set(data.storeId, (books.ofStore.get(data.storeId) ?? 0) + data.amount);
      }
      return;
    case 'PaymentRefunded':
      put(books.done, data.refundId, data.amount);
      expect(data).to.include(books.asked.get(data.refundId));
      return;
    case 'OrderPlaced':
    case 'OrderAbandoned':
    case 'FulfilmentAdvanced':
    case 'FulfilmentCancelled':
    case 'PaymentRequested':
    case 'PaymentAuthorised':
    case 'PaymentConfirmed':
    case 'PaymentDeclined':
  }
}

const left = (books: Books, paymentId: string): number =>
  (books.captured.get(paymentId) ?? 0) -
  sum([...books.asked.values()].filter((refund) => refund.paymentId === paymentId).map(({ amount }) => amount));

/** Yields the books after each append. A `RefundRequested` is in the same append as the event that makes the refund due. */
function* prefixes(events: readonly OrderEvent[]): Generator<Books> {
  const books: Books = { cancelled: false, captured: new Map(), asked: new Map(), done: new Map(), ofStore: new Map() };
  for (const [index, event] of events.entries()) {
    enter(books, event);
    const next = events[index + 1];
    const mayComplete = ['PaymentCaptured', 'OrderCancelled', 'FulfilmentCancelled'].includes(event.type);
    const closes = event.type === 'RefundRequested' && next?.type === 'OrderCancelled';
    if (!closes && !(mayComplete && next?.type === 'RefundRequested')) yield books;
  }
}

describe('order, under any sequence of payments and refunds', () => {
  const always = (check: (books: Books) => void): void => {
    fc.assert(
      fc.property(orderLife, (events) => {
        for (const books of prefixes(events)) check(books);
      }),
      RUNS,
    );
  };

  it('keeps between nothing and its total, at every prefix', () => {
    always(({ captured, asked }) => {
      const kept = sum(captured.values()) - sum([...asked.values()].map(({ amount }) => amount));
      expect(kept).to.be.at.least(0).and.at.most(TOTAL);
    });
  });

  it('gives back of each payment at most what was captured, in amounts above nothing', () => {
    always((books) => {
      for (const { paymentId, amount } of books.asked.values()) {
        expect(amount).to.be.above(0);
        expect(left(books, paymentId)).to.be.at.least(0);
      }
    });
  });

  it('keeps money of one capture at most, and none once it is cancelled', () => {
    always((books) => {
      const kept = [...books.captured.keys()].filter((paymentId) => left(books, paymentId) > 0);
      expect(kept.length).to.be.at.most(books.cancelled ? 0 : 1);
    });
  });

  it('gives back for a store at most what its lines are worth', () => {
    always(({ ofStore }) => {
      expect(ofStore.get('north') ?? 0).to.be.at.most(NORTH);
      expect(ofStore.get('south') ?? 0).to.be.at.most(SOUTH);
    });
  });

  it('ships nothing unpaid', () => {
    fc.assert(
      fc.property(orderLife, (events) => {
        events.forEach((event, index) => {
          if (event.type !== 'FulfilmentAdvanced' || event.data.status === 'shipped') return;
          if (event.data.status === 'completed') return;
          const books = [...prefixes(events.slice(0, index))].at(-1)!;
          const paying = [...books.captured].filter(([id, amount]) => amount >= TOTAL && left(books, id) > 0);
          expect(paying, 'captures that pay for it').to.have.length(1);
        });
      }),
      RUNS,
    );
  });

  it('lives through everything that these properties are about', () => {
    const seen = new Set(fc.sample(orderLife, RUNS).flatMap((events) => events.map(({ type }) => type)));
    expect([...seen]).to.include.members([
      ...[
        'OrderCancelled',
        'FulfilmentAdvanced',
        'FulfilmentCancelled',
        'PaymentAuthorised',
        'PaymentConfirmed',
        'PaymentCaptured',
      ],
      ...['PaymentDeclined', 'RefundRequested', 'PaymentRefunded'],
    ]);
  });
});
