import { missing, reject } from '../errors.ts';
import type { Command, Decider } from '../engine/decide/decider.ts';

/** The most different products in one cart, and so the most lines in one order. */
export const CART_ITEMS_MAX = 50;
export const QUANTITY_MAX = 999;

export interface CartLine {
  readonly productId: string;
  readonly quantity: number;
}

// NOTE: these names and shapes are the storage format; version them with care.
/** `first`: the cart was empty before. Earlier versions did not record it. */
export type CartItemAdded = {
  type: 'CartItemAdded';
  data: { productId: string; quantity: number; at: string; first?: true };
};
export type CartItemQuantityChanged = {
  type: 'CartItemQuantityChanged';
  data: { productId: string; quantity: number; at: string };
};
export type CartItemRemoved = { type: 'CartItemRemoved'; data: { productId: string; at: string } };
export type CartCleared = { type: 'CartCleared'; data: { at: string } };
/** Locks the cart for one checkout, until `CheckoutFailed` or `CartCheckedOut`. */
export type CheckoutStarted = {
  type: 'CheckoutStarted';
  data: { orderId: string; lines: readonly CartLine[]; expiresAt: string };
};
export type CheckoutFailed = { type: 'CheckoutFailed'; data: { orderId: string; reason: string } };
export type CartCheckedOut = { type: 'CartCheckedOut'; data: { orderId: string; at: string } };
export type CartEvent =
  | CartItemAdded
  | CartItemQuantityChanged
  | CartItemRemoved
  | CartCleared
  | CheckoutStarted
  | CheckoutFailed
  | CartCheckedOut;

export type AddCartItem = Command<'AddCartItem', CartLine>;
export type ChangeCartItem = Command<'ChangeCartItem', CartLine>;
export type RemoveCartItem = Command<'RemoveCartItem', { productId: string }>;
export type ClearCart = Command<'ClearCart', object>;
/** `abandoned`: the order id of an earlier checkout. The caller has made sure that it can no longer place its order. */
export type StartCheckout = Command<'StartCheckout', { orderId: string; expiresAt: string; abandoned?: string }>;
export type FailCheckout = Command<'FailCheckout', { orderId: string; reason: string }>;
export type CheckOutCart = Command<'CheckOutCart', { orderId: string }>;
export type CartCommand =
  AddCartItem | ChangeCartItem | RemoveCartItem | ClearCart | StartCheckout | FailCheckout | CheckOutCart;

export interface CartState {
  readonly items: readonly CartLine[];
  readonly checkout: { readonly orderId: string; readonly expiresAt: string } | null;
  readonly updatedAt: string | null;
}

const without = (items: readonly CartLine[], productId: string): CartLine[] =>
  items.filter((item) => item.productId !== productId);
const withQuantity = (items: readonly CartLine[], line: CartLine): readonly CartLine[] =>
  items.some((item) => item.productId === line.productId)
    ? items.map((item) => (item.productId === line.productId ? line : item))
    : [...items, line];
const quantityOf = (state: CartState, productId: string): number =>
  state.items.find((item) => item.productId === productId)?.quantity ?? 0;

export const cartDecider: Decider<CartState, CartCommand, CartEvent> = {
  category: 'cart',
  snapshotVersion: 1,
  initial: { items: [], checkout: null, updatedAt: null },
  evolve(state, event) {
    switch (event.type) {
      case 'CartItemAdded': {
        const { productId, quantity, at } = event.data;
        const line = { productId, quantity: quantityOf(state, productId) + quantity };
        return { ...state, items: withQuantity(state.items, line), updatedAt: at };
      }
      case 'CartItemQuantityChanged': {
        const { productId, quantity, at } = event.data;
        return { ...state, items: withQuantity(state.items, { productId, quantity }), updatedAt: at };
      }
      case 'CartItemRemoved':
        return { ...state, items: without(state.items, event.data.productId), updatedAt: event.data.at };
      case 'CartCleared':
        return { ...state, items: [], updatedAt: event.data.at };
      case 'CheckoutStarted':
        return { ...state, checkout: { orderId: event.data.orderId, expiresAt: event.data.expiresAt } };
      case 'CheckoutFailed':
        return { ...state, checkout: null };
      case 'CartCheckedOut':
        return { items: [], checkout: null, updatedAt: event.data.at };
    }
  },
  decide(command, state) {
    switch (command.type) {
      case 'AddCartItem':
        return add(command, free(state));
      case 'ChangeCartItem':
        return change(command, free(state));
      case 'RemoveCartItem':
        return remove(command, free(state));
      case 'ClearCart':
        return free(state).items.length === 0 ? [] : [{ type: 'CartCleared', data: { at: command.now } }];
      case 'StartCheckout':
        return startCheckout(command, state);
      case 'FailCheckout':
        return state.checkout?.orderId === command.data.orderId ? [{ type: 'CheckoutFailed', data: command.data }] : [];
      case 'CheckOutCart':
        return state.checkout?.orderId === command.data.orderId
          ? [{ type: 'CartCheckedOut', data: { orderId: command.data.orderId, at: command.now } }]
          : [];
    }
  },
};

const free = (state: CartState): CartState =>
  state.checkout === null
    ? state
    : reject('CheckoutInProgress', 'A checkout of this cart is in progress; try again in a moment.');

function add({ data, now }: AddCartItem, state: CartState): CartEvent[] {
  const had = quantityOf(state, data.productId);
  if (had === 0 && state.items.length >= CART_ITEMS_MAX) {
    reject('CartFull', `A cart holds at most ${CART_ITEMS_MAX} different products.`);
  }
  if (had + data.quantity > QUANTITY_MAX) {
    reject('QuantityTooLarge', `At most ${QUANTITY_MAX} of one product; ${had} are in the cart already.`);
  }
  const first = state.items.length === 0 ? { first: true as const } : {};
  return [{ type: 'CartItemAdded', data: { ...data, at: now, ...first } }];
}

function change({ data, now }: ChangeCartItem, state: CartState): CartEvent[] {
  const had = quantityOf(state, data.productId);
  if (had === 0) missing('NotInCart', 'This product is not in the cart.');
  return had === data.quantity ? [] : [{ type: 'CartItemQuantityChanged', data: { ...data, at: now } }];
}

function remove({ data, now }: RemoveCartItem, state: CartState): CartEvent[] {
  if (quantityOf(state, data.productId) === 0) missing('NotInCart', 'This product is not in the cart.');
  return [{ type: 'CartItemRemoved', data: { productId: data.productId, at: now } }];
}

function startCheckout({ data }: StartCheckout, state: CartState): CartEvent[] {
  const { orderId, expiresAt, abandoned } = data;
  const events: CartEvent[] = [];
  if (state.checkout !== null) {
    if (state.checkout.orderId === orderId) return [];
    if (state.checkout.orderId !== abandoned) free(state);
    events.push({ type: 'CheckoutFailed', data: { orderId: state.checkout.orderId, reason: 'expired' } });
  }
  if (state.items.length === 0) reject('EmptyCart', 'There is nothing in the cart.', { code: 'EMPTY_CART' });
  return [...events, { type: 'CheckoutStarted', data: { orderId, expiresAt, lines: state.items } }];
}
