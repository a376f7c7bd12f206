import { expect } from 'chai';
import fc from 'fast-check';
import {
  CART_ITEMS_MAX,
  QUANTITY_MAX,
  cartDecider,
  type CartCommand,
  type CartEvent,
  type CartLine,
} from '../../src/aggregates/cart.ts';
import { fold } from '../../src/engine/decide/decider.ts';
import { isRefusal } from '../../src/errors.ts';
import { NOW, commandOf, given, type Intent } from '../support/given.ts';
import { RUNS } from '../support/properties.ts';

const EXPIRY = '2026-03-01T12:15:00.000Z';

const added = (productId: string, quantity: number): CartEvent => ({
  type: 'CartItemAdded',
  data: { productId, quantity, at: NOW },
});
const firstAdded = (productId: string, quantity: number): CartEvent => ({
  type: 'CartItemAdded',
  data: { productId, quantity, at: NOW, first: true },
});
const changed = (productId: string, quantity: number): CartEvent => ({
  type: 'CartItemQuantityChanged',
  data: { productId, quantity, at: NOW },
});
const removed = (productId: string): CartEvent => ({ type: 'CartItemRemoved', data: { productId, at: NOW } });
const cleared: CartEvent = { type: 'CartCleared', data: { at: NOW } };
const started = (orderId: string, ...lines: CartLine[]): CartEvent => ({
  type: 'CheckoutStarted',
  data: { orderId, expiresAt: EXPIRY, lines },
});
const failed = (orderId: string, reason = 'InsufficientStock'): CartEvent => ({
  type: 'CheckoutFailed',
  data: { orderId, reason },
});
const checkedOut = (orderId: string): CartEvent => ({ type: 'CartCheckedOut', data: { orderId, at: NOW } });

const add = (productId: string, quantity: number) => ({ type: 'AddCartItem', data: { productId, quantity } }) as const;
const change = (productId: string, quantity: number) =>
  ({ type: 'ChangeCartItem', data: { productId, quantity } }) as const;
const remove = (productId: string) => ({ type: 'RemoveCartItem', data: { productId } }) as const;
const clear = { type: 'ClearCart', data: {} } as const;
const start = (orderId: string, abandoned?: string) =>
  ({
    type: 'StartCheckout',
    data: { orderId, expiresAt: EXPIRY, ...(abandoned === undefined ? {} : { abandoned }) },
  }) as const;
const fail = (orderId: string) => ({ type: 'FailCheckout', data: { orderId, reason: 'InsufficientStock' } }) as const;
const finish = (orderId: string) => ({ type: 'CheckOutCart', data: { orderId } }) as const;

const tea: CartLine = { productId: 'tea', quantity: 2 };
const checkingOut = [added('tea', 2), started('one', tea)];

describe('cart', () => {
  it('takes a product, and more of the same adds up', () => {
    given(cartDecider).when(add('tea', 2)).then(firstAdded('tea', 2));
    given(cartDecider, added('tea', 2)).when(add('tea', 3)).then(added('tea', 3));
    given(cartDecider, added('tea', 2), added('tea', 3))
      .when(start('one'))
      .then(started('one', { productId: 'tea', quantity: 5 }));
  });

  it('holds a limited number of one product', () => {
    given(cartDecider, added('tea', QUANTITY_MAX - 1))
      .when(add('tea', 1))
      .then(added('tea', 1));
    given(cartDecider, added('tea', QUANTITY_MAX)).when(add('tea', 1)).thenRefused('QuantityTooLarge');
  });

  it('holds a limited number of different products', () => {
    const full = Array.from({ length: CART_ITEMS_MAX }, (_, index) => added(`tea ${index}`, 1));
    given(cartDecider, ...full)
      .when(add('one more', 1))
      .thenRefused('CartFull');
    given(cartDecider, ...full)
      .when(add('tea 0', 1))
      .then(added('tea 0', 1));
    given(cartDecider, ...full, removed('tea 0'))
      .when(add('one more', 1))
      .then(added('one more', 1));
  });

  it('changes how many there are', () => {
    given(cartDecider, added('tea', 2)).when(change('tea', 7)).then(changed('tea', 7));
    given(cartDecider, added('tea', 2)).when(change('tea', 2)).thenNothing();
    given(cartDecider, added('tea', 2), changed('tea', 7))
      .when(start('one'))
      .then(started('one', { productId: 'tea', quantity: 7 }));
  });

  it('gives a product back', () => {
    given(cartDecider, added('tea', 2)).when(remove('tea')).then(removed('tea'));
  });

  it('cannot change or give back what is not in it', () => {
    for (const past of [[], [added('tea', 2), removed('tea')], [added('tea', 2), cleared]]) {
      given(cartDecider, ...past)
        .when(change('tea', 7))
        .thenRefused('NotInCart');
      given(cartDecider, ...past)
        .when(remove('tea'))
        .thenRefused('NotInCart');
    }
  });

  it('is cleared, once', () => {
    given(cartDecider, added('tea', 2)).when(clear).then(cleared);
    given(cartDecider, added('tea', 2), cleared).when(clear).thenNothing();
    given(cartDecider).when(clear).thenNothing();
  });
});

describe('cart, while it is checked out', () => {
  it('tells the checkout what is in it', () => {
    given(cartDecider, added('tea', 2), added('cup', 1))
      .when(start('one'))
      .then(started('one', tea, { productId: 'cup', quantity: 1 }));
  });

  it('is not checked out empty', () => {
    given(cartDecider).when(start('one')).thenRefused('EmptyCart', 'EMPTY_CART');
    given(cartDecider, added('tea', 2), removed('tea')).when(start('one')).thenRefused('EmptyCart', 'EMPTY_CART');
  });

  it('belongs to that checkout alone', () => {
    for (const intent of [add('cup', 1), change('tea', 1), remove('tea'), clear, start('two')]) {
      given(cartDecider, ...checkingOut)
        .when(intent)
        .thenRefused('CheckoutInProgress');
    }
    given(cartDecider, ...checkingOut)
      .when(start('one'))
      .thenNothing();
  });

  it('is empty once the order stands', () => {
    given(cartDecider, ...checkingOut)
      .when(finish('one'))
      .then(checkedOut('one'));
    given(cartDecider, ...checkingOut, checkedOut('one'))
      .when(start('two'))
      .thenRefused('EmptyCart');
    given(cartDecider, ...checkingOut, checkedOut('one'))
      .when(finish('one'))
      .thenNothing();
  });

  it('is as it was when the checkout failed', () => {
    given(cartDecider, ...checkingOut)
      .when(fail('one'))
      .then(failed('one'));
    given(cartDecider, ...checkingOut, failed('one'))
      .when(start('two'))
      .then(started('two', tea));
    given(cartDecider, ...checkingOut, failed('one'))
      .when(fail('one'))
      .thenNothing();
  });

  it('does not hear another checkout', () => {
    for (const intent of [finish('two'), fail('two')]) {
      given(cartDecider, ...checkingOut)
        .when(intent)
        .thenNothing();
      given(cartDecider, added('tea', 2)).when(intent).thenNothing();
    }
  });

  it('is taken over from a checkout that was fenced, and from no other', () => {
    given(cartDecider, ...checkingOut)
      .when(start('two', 'one'))
      .then(failed('one', 'expired'), started('two', tea));
    given(cartDecider, ...checkingOut)
      .when(start('two', 'three'))
      .thenRefused('CheckoutInProgress');
    given(cartDecider, added('tea', 2)).when(start('two', 'one')).then(started('two', tea));
  });
});

type CartIntent = Intent<
  Extract<CartCommand, { type: 'AddCartItem' | 'ChangeCartItem' | 'RemoveCartItem' | 'ClearCart' }>
>;

/** A naive model of the same rules: a map. */
function apply(items: Map<string, number>, { type, data }: CartIntent): 'done' | 'refused' {
  switch (type) {
    case 'AddCartItem': {
      const sum = (items.get(data.productId) ?? 0) + data.quantity;
      if (sum > QUANTITY_MAX || (!items.has(data.productId) && items.size === CART_ITEMS_MAX)) return 'refused';
      items.set(data.productId, sum);
      return 'done';
    }
    case 'ChangeCartItem':
      if (!items.has(data.productId)) return 'refused';
      items.set(data.productId, data.quantity);
      return 'done';
    case 'RemoveCartItem':
      return items.delete(data.productId) ? 'done' : 'refused';
    case 'ClearCart':
      items.clear();
      return 'done';
  }
}

describe('cart, under any sequence of commands', () => {
  const product = fc.integer({ min: 0, max: 54 }).map((index) => `product ${index}`);
  const quantity = fc.integer({ min: 1, max: QUANTITY_MAX });
  const intent: fc.Arbitrary<CartIntent> = fc.oneof(
    { weight: 8, arbitrary: fc.tuple(product, quantity).map(([id, many]) => add(id, many)) },
    { weight: 2, arbitrary: fc.tuple(product, quantity).map(([id, many]) => change(id, many)) },
    { weight: 2, arbitrary: product.map(remove) },
    { weight: 1, arbitrary: fc.constant(clear) },
  );

  it('holds what a map would hold, in the order it was put in', () => {
    fc.assert(
      fc.property(fc.array(intent, { maxLength: 120, size: 'max' }), (intents) => {
        const items = new Map<string, number>();
        let state = cartDecider.initial;
        for (const one of intents) {
          const before = state;
          let outcome: 'done' | 'refused' = 'done';
          try {
            state = fold(cartDecider, state, cartDecider.decide(commandOf<CartCommand>(one), state));
          } catch (error) {
            if (!isRefusal(error)) throw error;
            outcome = 'refused';
          }
          expect(outcome).to.equal(apply(items, one));
          if (outcome === 'refused') expect(state).to.equal(before);
          const held = state.items.map(({ productId, quantity: many }) => [productId, many]);
          expect(JSON.stringify(held)).to.equal(JSON.stringify([...items]));
        }
      }),
      RUNS,
    );
  });
});
