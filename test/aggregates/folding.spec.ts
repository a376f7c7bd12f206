import { expect } from 'chai';
import type { Command, Decider } from '../../src/engine/decide/decider.ts';
import { createFolds } from '../../src/engine/decide/folds.ts';
import { type DomainEvent, type EventStore, READ_PAGE, type RecordedEvent } from '../../src/eventstore/eventStore.ts';
import { deepFreeze, recordedEvents } from '../support/given.ts';
import { captured, declined, placed, refunded, refundRequested, requested } from './orderExamples.ts';
import { samples } from './samples.ts';

type AnyDecider = Decider<unknown, Command, DomainEvent>;

const EXPIRES = '2026-03-01T13:00:00.000Z';
const idAt = (index: number): string => `00000000-0000-4000-8000-${index.toString(16).padStart(12, '0')}`;
const sampleOf = (name: string) => samples.find((sample) => sample.name === name)!;
const eventOf = (name: string, type: string): DomainEvent =>
  sampleOf(name).events.find((event) => event.type === type) ?? expect.fail(`no ${type}`);

/** The first event of a sample, and then one of its others again and again. */
const repeated = (name: string, type: string) => (length: number) => [
  sampleOf(name).events[0]!,
  ...Array.from({ length }, () => eventOf(name, type)),
];

interface Life {
  readonly name: string;
  readonly what: string;
  readonly events: (length: number) => readonly DomainEvent[];
}

/** For each aggregate, lives of any length whose lists and maps grow as far as they can. */
const LIVES: readonly Life[] = [
  {
    ...{ name: 'order', what: 'refunds' },
    events: (length) => [
      ...[placed, requested(), captured()],
      ...Array.from({ length: length / 2 }, (_, at) => [
        refundRequested(1, { refundId: idAt(at) }),
        refunded(1, idAt(at)),
      ]).flat(),
    ],
  },
  {
    ...{ name: 'order', what: 'attempts to pay' },
    events: (length) => [
      placed,
      ...Array.from({ length: length / 2 }, (_, at) => [requested(idAt(at), at + 1), declined(idAt(at))]).flat(),
    ],
  },
  {
    ...{ name: 'session', what: 'refreshes' },
    events: (length) => [
      eventOf('session', 'SessionStarted'),
      ...Array.from({ length }, (_, at) => ({ type: 'SessionRefreshed', data: { tokenHash: idAt(at) } })),
    ],
  },
  {
    ...{ name: 'unpaid', what: 'open orders, half of them closed again' },
    events: (length) =>
      Array.from({ length }, (_, at) =>
        at % 2 === 1 && at > length / 2
          ? { type: 'UnpaidOrderClosed', data: { orderId: idAt(at - length / 2) } }
          : { type: 'UnpaidOrderOpened', data: { orderId: idAt(at), lines: [], expiresAt: EXPIRES } },
      ),
  },
  {
    ...{ name: 'stock', what: 'reservations, half of them released again' },
    events: (length) =>
      Array.from({ length }, (_, at) =>
        at % 2 === 1 && at > length / 2
          ? { type: 'StockReleased', data: { orderId: idAt((at - length / 2) * 256), quantity: 1 } }
          : {
              type: 'StockReserved',
              data: { orderId: idAt(at * 256), buyerId: 'ann', quantity: 1, expiresAt: EXPIRES },
            },
      ),
  },
  {
    ...{ name: 'cart', what: 'changes of fifty items' },
    events: (length) =>
      Array.from({ length }, (_, at) => ({
        type: at < 50 ? 'CartItemAdded' : 'CartItemQuantityChanged',
        data: { productId: idAt(at % 50), quantity: 1 + (at % 7), at: EXPIRES },
      })),
  },
  {
    ...{ name: 'admins', what: 'roles taken away' },
    events: (length) => Array.from({ length }, (_, at) => ({ type: 'AdminRetired', data: { userId: idAt(at) } })),
  },
  { ...{ name: 'product', what: 'prices' }, events: repeated('product', 'ProductPriceChanged') },
  { ...{ name: 'user', what: 'profiles' }, events: repeated('user', 'ProfileUpdated') },
  { ...{ name: 'user', what: 'links' }, events: repeated('user', 'LinkRequested') },
  { ...{ name: 'mailbox', what: 'mails' }, events: repeated('mailbox', 'LinkMailAllowed') },
  { ...{ name: 'store', what: 'names' }, events: repeated('store', 'StoreUpdated') },
  { ...{ name: 'category', what: 'names' }, events: repeated('category', 'CategoryRenamed') },
  { ...{ name: 'categoryTree', what: 'moves' }, events: repeated('categoryTree', 'CategoryPlaced') },
  { ...{ name: 'claim', what: 'turns' }, events: repeated('claim', 'ValueClaimed') },
  { ...{ name: 'review', what: 'answers' }, events: repeated('review', 'ReviewAnswered') },
  { ...{ name: 'administration', what: 'rebuilds' }, events: repeated('administration', 'RebuildRequested') },
  { ...{ name: 'currency', what: 'choices' }, events: repeated('currency', 'CurrencyChosen') },
];

/** How many elements were written to make the next state: all those of each list and map that is not the one from before. */
function copied(before: unknown, after: unknown): number {
  if (before === after || typeof after !== 'object' || after === null) return 0;
  const known = (typeof before === 'object' && before !== null ? before : {}) as Record<string, unknown>;
  const entries = Object.entries(after);
  return entries.reduce((sum, [key, value]) => sum + copied(known[key], value), entries.length);
}

function counting(decider: AnyDecider) {
  const work = { copied: 0 };
  const counted: AnyDecider = {
    ...decider,
    evolve(state, event, made) {
      const next = decider.evolve(state, event, made);
      work.copied += copied(state, next);
      return next;
    },
  };
  return { work, counted };
}

/** A log that has one stream. */
const logOf = (events: readonly RecordedEvent[]): EventStore =>
  ({
    read: (_stream: string, from = 0n, limit = READ_PAGE) =>
      Promise.resolve(events.slice(Number(from), Number(from) + limit)),
  }) as Partial<EventStore> as EventStore;

describe('the fold of a long life', () => {
  const COPIED_PER_EVENT_MAX = 60;

  for (const { name, what, events } of LIVES) {
    const { decider } = sampleOf(name);
    const lived = (length: number) => recordedEvents(...events(length).map((event) => [`${name}-1`, event] as const));

    it(`copies as much for an event of a long life as of a short one: ${name}, ${what}`, async () => {
      for (const length of [1_000, 4_000]) {
        const { work, counted } = counting(decider);
        await createFolds({ store: logOf(lived(length)) }).load(counted, `${name}-1`);
        expect(work.copied / length, `${length} events`).to.be.below(COPIED_PER_EVENT_MAX);
      }
    });

    it(`changes no state that a caller has: ${name}, ${what}`, async () => {
      const all = lived(800);
      const seen = all.slice(0, 600);
      const folds = createFolds({ store: logOf(seen) });
      const first = await folds.load(decider, `${name}-1`);
      const before = JSON.stringify(first.state);
      deepFreeze(first.state);
      seen.push(...all.slice(600));
      const then = await folds.refresh(`${name}-1`, first);
      expect(JSON.stringify(first.state)).to.equal(before);
      const pure = events(800).reduce<unknown>((state, event) => deepFreeze(decider.evolve(state, event)), {
        ...(decider.initial as object),
      });
      expect(then.state).to.deep.equal(pure);
      expect(await folds.stateAt(decider, `${name}-1`, 599n)).to.deep.equal(JSON.parse(before));
    });
  }

  it('is looked at for every aggregate', () => {
    expect([...new Set(LIVES.map(({ name }) => name))].sort()).to.deep.equal(samples.map(({ name }) => name).sort());
  });
});
