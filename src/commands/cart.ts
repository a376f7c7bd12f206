import { Type } from 'typebox';
import { type CartCommand, cartDecider, type CartState, QUANTITY_MAX } from '../aggregates/cart.ts';
import { inOtherCurrency, isOnSale, productDecider } from '../aggregates/product.ts';
import { isSuspended, storeDecider } from '../aggregates/store.ts';
import { missing, reject } from '../errors.ts';
import { Amount, Fields, Id } from '../schema.ts';
import { canBeBought, type CartProduct, CartView, cartView } from '../queries/cart.ts';
import type { Answer } from '../engine/decide/command.ts';
import { type CommandContext, defineCommand } from './contract.ts';
import { productOnSale } from './prices.ts';

const Quantity = Type.Integer({ minimum: 1, maximum: QUANTITY_MAX });

async function productOf(context: CommandContext, id: string): Promise<CartProduct | undefined> {
  const { state } = await context.load(productDecider, id, 'cached');
  if (state.status !== 'listed' && state.status !== 'delisted') return undefined;
  const { name, price, currency, image, storeId } = state;
  const { state: store } = await context.load(storeDecider, storeId, 'cached');
  return { name, price, currency, image, listed: isOnSale(state) && !isSuspended(store) };
}

async function view(context: CommandContext, cart: CartState): Promise<CartView> {
  const found = new Map<string, CartProduct>();
  for (const { productId } of cart.items) {
    const product = await productOf(context, productId);
    if (product !== undefined) found.set(productId, product);
  }
  return cartView(cart.items, found, context.services.settings.currency, cart.updatedAt);
}

async function change(context: CommandContext, intent: Pick<CartCommand, 'type' | 'data'>): Promise<Answer> {
  const { state, revision } = await context.handle(cartDecider, context.actor.id, intent as CartCommand, {
    pinned: true,
  });
  return { data: await view(context, state), revision };
}

async function add(context: CommandContext, productId: string, quantity: number): Promise<Answer> {
  const { currency } = context.services.settings;
  const found = await productOf(context, productId);
  if (found === undefined || !canBeBought(found, currency)) {
    // The cached fold may lag behind another process, so check the stream before refusing.
    const { state, onSale } = await productOnSale(context, productId);
    if (state.status !== 'listed' || !onSale) return missing('ProductUnknown', 'There is no such product.');
    if (state.currency !== currency) {
      reject('OtherCurrency', `This product cannot be bought: ${inOtherCurrency(state, currency)}`);
    }
  }
  return change(context, { type: 'AddCartItem', data: { productId, quantity } });
}

const addItem = defineCommand({
  name: 'AddCartItem',
  summary: 'Put a product into my cart; the same one again adds up',
  tag: 'cart',
  route: 'POST /cart/items',
  access: ['buyer'],
  body: Fields({ product_id: Id, quantity: Quantity }),
  result: CartView,
  revised: 'always',
  codes: ['CONFLICT', 'NOT_FOUND'],
  run: ({ body }, context) => add(context, body.product_id, body.quantity),
});

/** Clients of other shops send a price here. It counts for nothing: the price is the product's. */
const addItemPriced = defineCommand({
  name: 'AddPricedCartItem',
  summary: 'Put a product into my cart, at its own price',
  tag: 'cart',
  route: 'POST /cart',
  access: ['buyer'],
  body: Fields({
    product_id: Id,
    quantity: Quantity,
    price: Type.Optional(
      Type.Union([Amount, Type.Null()], { description: 'Is not used: the price is that of the product.' }),
    ),
  }),
  result: CartView,
  revised: 'always',
  codes: ['CONFLICT', 'NOT_FOUND'],
  run: ({ body }, context) => add(context, body.product_id, body.quantity),
});

const changeItem = defineCommand({
  name: 'ChangeCartItem',
  summary: 'Change how many of a product are in my cart',
  tag: 'cart',
  route: 'PUT /cart/items/:product_id',
  aliases: ['PUT /cart/:product_id'],
  access: ['buyer'],
  params: Fields({ product_id: Id }),
  body: Fields({ quantity: Quantity }),
  result: CartView,
  revised: 'always',
  run: ({ params, body }, context) =>
    change(context, { type: 'ChangeCartItem', data: { productId: params.product_id, quantity: body.quantity } }),
});

const removeItem = defineCommand({
  name: 'RemoveCartItem',
  summary: 'Take a product out of my cart',
  tag: 'cart',
  route: 'DELETE /cart/items/:product_id',
  aliases: ['DELETE /cart/:product_id'],
  access: ['buyer'],
  params: Fields({ product_id: Id }),
  result: CartView,
  revised: 'always',
  run: ({ params }, context) => change(context, { type: 'RemoveCartItem', data: { productId: params.product_id } }),
});

const clearCart = defineCommand({
  name: 'ClearCart',
  summary: 'Empty my cart',
  tag: 'cart',
  route: 'DELETE /cart',
  access: ['buyer'],
  result: CartView,
  revised: 'always',
  run: (_input, context) => change(context, { type: 'ClearCart', data: {} }),
});

export const cartCommands = [addItem, addItemPriced, changeItem, removeItem, clearCart];
