import { Type } from 'typebox';
import { CART_ITEMS_MAX, type CartLine, QUANTITY_MAX } from '../aggregates/cart.ts';
import { FULFILMENT_STEPS } from '../aggregates/fulfilment.ts';
import { orderDecider, type PlacedOrder } from '../aggregates/order.ts';
import { sealedInOrder } from '../aggregates/sealed.ts';
import { invalid, missing, reject } from '../errors.ts';
import { orders } from '../projections/orders.ts';
import { Fields, Id, Line, Message, Named, Phone } from '../schema.ts';
import { OrderView, orderView } from '../queries/order.ts';
import { SellerOrderView, sellerOrderView } from '../queries/sellerOrder.ts';
import { checkOut } from './checkout.ts';
import { type CommandContext, defineChange, defineCommand, type Services } from './contract.ts';
import { methodsInWords } from './forms.ts';
import { storeIdOf } from '../queries/store.ts';
import { sealedReason, sealedReasons } from './reason.ts';

const Address = Type.Union([
  Line(500),
  Named('Address', {
    name: Type.Optional(Line(200)),
    line1: Line(200),
    line2: Type.Optional(Line(200)),
    city: Line(100),
    region: Type.Optional(Line(100)),
    postal_code: Type.Optional(Line(20)),
    country: Line(100),
    phone: Type.Optional(Phone),
  }),
]);

export const PaymentMethod = Type.String({
  ...{ title: 'PaymentMethod', minLength: 1, maxLength: 50, pattern: '^[a-z_]+$' },
  description: 'a payment method that this shop takes',
});

export function methodOf({ settings }: Pick<Services, 'settings'>, wanted: string | undefined, field: string): string {
  const { paymentMethods, paymentMethodDefault } = settings;
  const method = wanted ?? paymentMethodDefault;
  return paymentMethods.includes(method) ? method : invalid(field, `must be ${methodsInWords(paymentMethods)}`);
}

/** Merges items of the same product into one line. */
function merged(items: readonly { product_id: string; quantity: number }[]): CartLine[] {
  const quantities = new Map<string, number>();
  for (const { product_id, quantity } of items)
    quantities.set(product_id, (quantities.get(product_id) ?? 0) + quantity);
  const lines = [...quantities].map(([productId, quantity]) => ({ productId, quantity }));
  if (lines.length === 0) reject('EmptyCart', 'The order has no items.', { code: 'EMPTY_CART' });
  if (lines.some(({ quantity }) => quantity > QUANTITY_MAX))
    invalid('items', `must have at most ${QUANTITY_MAX} of one product`);
  return lines;
}

const placeOrder = defineChange({
  name: 'PlaceOrder',
  summary: 'Check out my cart, or the given items',
  tag: 'orders',
  route: 'POST /orders',
  aliases: ['POST /transactions'],
  access: ['buyer'],
  body: Fields({
    shipping_address: Address,
    billing_address: Type.Optional(Address),
    notes: Type.Optional(Line(1_000)),
    payment_method: Type.Optional(PaymentMethod),
    items: Type.Optional(
      Type.Array(Fields({ product_id: Id, quantity: Type.Integer({ minimum: 1, maximum: QUANTITY_MAX }) }), {
        maxItems: CART_ITEMS_MAX,
      }),
    ),
  }),
  check: ({ payment_method: method }, services) => {
    if (typeof method === 'string') methodOf(services, method, 'payment_method');
  },
  status: 201,
  result: OrderView,
  answers: {
    row: orders,
    view: async (row, { services }) => orderView(await services.personalData.reveal(row, sealedInOrder(row))),
  },
  codes: ['EMPTY_CART', 'INSUFFICIENT_STOCK', 'CONFLICT'],
  async run({ body }, context) {
    const method = methodOf(context.services, body.payment_method, 'payment_method');
    return checkOut(context, {
      ...(body.items === undefined ? {} : { items: merged(body.items) }),
      method,
      shippingAddress: JSON.stringify(body.shipping_address),
      billingAddress: body.billing_address === undefined ? null : JSON.stringify(body.billing_address),
      notes: body.notes ?? null,
    });
  },
});

const unknownOrder = (): never => missing('OrderUnknown', 'There is no such order.');

export async function loadPlaced(context: CommandContext, id: string): Promise<PlacedOrder> {
  const { state } = await context.load(orderDecider, id);
  return state.status === 'placed' ? state : unknownOrder();
}

/** Whether the order is the caller's, or the caller is an admin. */
const mayManage = ({ actor }: CommandContext, { buyerId }: PlacedOrder): boolean =>
  buyerId === actor.id || actor.role === 'admin';

/** Loads an order of the caller, or any order for an admin; refuses others as unknown. */
export async function loadOwn(context: CommandContext, id: string): Promise<PlacedOrder> {
  const order = await loadPlaced(context, id);
  return mayManage(context, order) ? order : unknownOrder();
}

/** The cancellation that the caller may ask for: of the whole order, or of their own store's part. */
async function cancellationOf(context: CommandContext, id: string, reason: string | undefined) {
  const order = await loadPlaced(context, id);
  const { buyerId } = order;
  const refundId = context.derive('refund');
  if (mayManage(context, order)) {
    const by = order.buyerId === context.actor.id ? 'buyer' : 'admin';
    const told = reason === undefined ? 'not wanted any more' : await sealedReason(context, { id, buyerId }, reason);
    const data = { reason: told, by, refundId } as const;
    return { intent: { type: 'CancelOrder', data }, message: 'order cancelled' } as const;
  }
  const storeId = storeIdOf(context.actor.id);
  if (context.actor.role !== 'seller' || order.fulfilments[storeId] === undefined) unknownOrder();
  const told = reason === undefined ? 'cancelled by the seller' : await sealedReasons(context, { id, buyerId }, reason);
  const data = { storeId, reason: told, refundId };
  return { intent: { type: 'CancelFulfilment', data }, message: 'your part of the order cancelled' } as const;
}

const cancelOrder = defineCommand({
  name: 'CancelOrder',
  summary: 'Cancel an order that is not being shipped yet; as a seller, my own lines that were not shipped',
  tag: 'orders',
  route: 'PUT /orders/:id/cancel',
  aliases: ['POST /orders/:id/cancel', 'DELETE /orders/:id'],
  access: 'user',
  params: Fields({ id: Id }),
  body: Fields({ reason: Type.Optional(Line(500)) }),
  result: Message,
  revised: 'always',
  codes: ['INVALID_STATUS'],
  async run({ params: { id }, body }, context) {
    const { intent, message } = await cancellationOf(context, id, body.reason);
    const { revision } = await context.handle(orderDecider, id, intent, { pinned: true });
    return { data: { message }, revision };
  },
});

const advanceOrder = defineChange({
  name: 'AdvanceOrder',
  summary: 'Move my part of an order one step on: processing, shipping, shipped, completed',
  tag: 'orders',
  route: 'PUT /orders/:id/status',
  aliases: ['POST /orders/:id/status'],
  access: ['seller'],
  params: Fields({ id: Id }),
  body: Fields({ status: Type.Enum(FULFILMENT_STEPS) }),
  result: SellerOrderView,
  answers: {
    row: orders,
    view: async (row, { actor, services }) =>
      sellerOrderView(await services.personalData.reveal(row, sealedInOrder(row)), storeIdOf(actor.id)),
  },
  codes: ['INVALID_STATUS'],
  async run({ params: { id }, body }, context) {
    const storeId = storeIdOf(context.actor.id);
    const order = await loadPlaced(context, id);
    if (order.fulfilments[storeId] === undefined) missing('OrderUnknown', 'There is no such order.');
    const intent = { type: 'AdvanceFulfilment', data: { storeId, status: body.status } } as const;
    return context.handle(orderDecider, id, intent, { pinned: true });
  },
});

export const orderCommands = [placeOrder, cancelOrder, advanceOrder];
