import { expect } from 'chai';
import { fold } from '../../src/engine/decide/decider.ts';
import { cartDecider, type CartEvent } from '../../src/aggregates/cart.ts';
import { carts } from '../../src/projections/carts.ts';
import { given, recordedEvents, rowsOf, type Fact } from '../support/given.ts';

const FIRST = '2026-03-01T08:00:00.000Z';
const LATER = '2026-03-01T09:00:00.000Z';

const added = (productId: string, quantity: number, at = FIRST): CartEvent => ({
  type: 'CartItemAdded',
  data: { productId, quantity, at },
});
const started: CartEvent = {
  type: 'CheckoutStarted',
  data: { orderId: 'one', lines: [{ productId: 'tea', quantity: 2 }], expiresAt: LATER },
};

const both: Fact[] = [
  ['cart-ann', added('tea', 2)],
  ['cart-ben', added('cup', 1)],
];
const ann = { buyer_id: 'ann', items: [{ productId: 'tea', quantity: 2 }], updated_at: FIRST };
const ben = { buyer_id: 'ben', items: [{ productId: 'cup', quantity: 1 }], updated_at: FIRST };

describe('carts', () => {
  it('hold what each buyer has put in', () => {
    given(carts, ...recordedEvents(...both)).then(ann, ben);
  });

  it('add up, change and lose what is in them, in the order it was put in', () => {
    const tea: CartEvent = { type: 'CartItemQuantityChanged', data: { productId: 'tea', quantity: 9, at: LATER } };
    const noCup: CartEvent = { type: 'CartItemRemoved', data: { productId: 'cup', at: LATER } };
    const events = recordedEvents(
      ...both,
      ['cart-ann', added('cup', 1, LATER)],
      ['cart-ann', added('cup', 3, LATER)],
      ['cart-ann', tea],
      ['cart-ben', noCup],
    );
    const items = [
      { productId: 'tea', quantity: 9 },
      { productId: 'cup', quantity: 4 },
    ];
    given(carts, ...events).then({ ...ann, items, updated_at: LATER }, { ...ben, items: [], updated_at: LATER });
  });

  it('are as they were while they are checked out, and when that failed', () => {
    const failed: CartEvent = { type: 'CheckoutFailed', data: { orderId: 'one', reason: 'expired' } };
    given(carts, ...recordedEvents(...both, ['cart-ann', started, LATER])).then(ann, ben);
    given(carts, ...recordedEvents(...both, ['cart-ann', started, LATER], ['cart-ann', failed, LATER])).then(ann, ben);
  });

  it('are empty when they were cleared or checked out', () => {
    const cleared: CartEvent = { type: 'CartCleared', data: { at: LATER } };
    const checkedOut: CartEvent = { type: 'CartCheckedOut', data: { orderId: 'one', at: LATER } };
    given(carts, ...recordedEvents(...both, ['cart-ann', cleared], ['cart-ben', checkedOut])).then(
      { ...ann, items: [], updated_at: LATER },
      { ...ben, items: [], updated_at: LATER },
    );
  });

  it('hold what the aggregate holds', () => {
    const life: CartEvent[] = [
      added('tea', 2),
      added('cup', 1),
      added('tea', 3),
      { type: 'CartItemQuantityChanged', data: { productId: 'cup', quantity: 4, at: FIRST } },
      { type: 'CartItemRemoved', data: { productId: 'tea', at: FIRST } },
      added('tea', 1),
      started,
      { type: 'CartCheckedOut', data: { orderId: 'one', at: LATER } },
      added('pot', 1, LATER),
    ];
    for (let length = 1; length <= life.length; length += 1) {
      const events = life.slice(0, length);
      const { items, updatedAt } = fold(cartDecider, cartDecider.initial, events);
      const [row] = rowsOf(carts, recordedEvents(...events.map((event): Fact => ['cart-ann', event])));
      expect(row).to.deep.equal({ buyer_id: 'ann', items, updated_at: updatedAt });
    }
  });
});
