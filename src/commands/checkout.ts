import { cartDecider, type CartLine } from '../aggregates/cart.ts';
import { orderDecider, type OrderLine, type PlaceOrder } from '../aggregates/order.ts';
import { totalOf } from '../aggregates/orderLines.ts';
import { placeOfOrder, type Sealed, type SealedName } from '../aggregates/sealed.ts';
import { stockDecider } from '../aggregates/stock.ts';
import { type FieldError, isOutcomeUnknown, isRefusal, type Refusal, reject, unavailable } from '../errors.ts';
import { streamOf } from '../eventstore/eventStore.ts';
import { failpoint } from '../platform/failpoint.ts';
import type { Outcome } from '../engine/decide/context.ts';
import { type Turn, turnOf } from './checkoutTurn.ts';
import type { CommandContext } from './contract.ts';
import { price } from './prices.ts';
import { undoCheckout } from './undoCheckout.ts';
import { takePlace } from './unpaid.ts';

export interface Wishes {
  /** The cart's items when absent. */
  readonly items?: readonly CartLine[];
  readonly method: string;
  readonly shippingAddress: string;
  readonly billingAddress: string | null;
  readonly notes: string | null;
}

/** The revision of an order that was just placed: its events are `OrderPlaced` and `PaymentRequested`. */
const PLACED_REVISION = 1n;

/**
 * Checks out in steps on several streams: claim the cart, take a place among the buyer's unpaid orders, reserve each product's stock in
 * a fixed order, place the order, empty the cart. Every step's command id is derived from the checkout's, so a repeated checkout skips
 * finished steps and continues where it stopped. A checkout that never finishes is undone at its deadline. Placing the order and abandoning
 * it exclude each other on the order's own stream. A checkout that is refused for now is undone at once; a repeat of it begins
 * another turn.
 */
export async function checkOut(context: CommandContext, wishes: Wishes): Promise<Outcome> {
  const turn = await turnOf(context);
  const finished = await alreadyPlaced(context, turn, wishes);
  if (finished !== undefined) return finished;
  try {
    return await attempt(context, wishes, turn);
  } catch (error) {
    if (!isRefusal(error) || error.kind === 'unavailable') throw error;
    // Another process may run the same checkout, and its steps look like obstacles here. The order says which of the two is right.
    const latest = await turnOf(context);
    const placed = await alreadyPlaced(context, latest, wishes);
    if (placed !== undefined) return placed;
    if (latest.number === turn.number) throw error;
    throw unavailable('StreamBusy', 'This checkout was refused for now in another request; try again.');
  }
}

async function attempt(context: CommandContext, wishes: Wishes, turn: Turn): Promise<Outcome> {
  const { orderId, step } = turn;
  const { checkoutDeadlineMs } = context.services.settings;
  const expiresAt = new Date(Date.parse(context.now) + checkoutDeadlineMs).toISOString();
  const lines = wishes.items ?? (await claimCart(context, turn, expiresAt));
  failpoint('checkout:started');
  try {
    const priced = await price(context, lines);
    await takePlace(context, { orderId, lines, expiresAt, step });
    failpoint('checkout:placeTaken');
    await reserve(context, turn, expiresAt, priced);
    failpoint('checkout:reserved');
    const order = await toOrder(context, wishes, {
      orderId,
      lines: priced,
      paymentId: context.derive(step('payment')),
    });
    const intent = { type: 'PlaceOrder', data: order } as const;
    const placed = await context.handle(orderDecider, orderId, intent, { step: step('place') });
    failpoint('checkout:placed');
    if (wishes.items === undefined) await emptyCart(context, turn);
    failpoint('checkout:emptied');
    return placed;
  } catch (error) {
    if (isRefusal(error)) await undo(context, turn, { lines, error });
    throw error;
  }
}

/** Undoes a turn that was refused, also one that was refused for now. Not when its order may have been placed. */
async function undo(
  context: CommandContext,
  { orderId, step }: Turn,
  { lines, error }: { readonly lines: readonly CartLine[]; readonly error: Refusal },
): Promise<void> {
  if (isOutcomeUnknown(error) || (error.kind === 'unavailable' && context.effect !== undefined)) return;
  const productIds = lines.map(({ productId }) => productId);
  const undoing = { orderId, productIds, buyerId: context.actor.id, cartHeld: true, reason: error.rule, step };
  if (error.kind !== 'unavailable') return undoCheckout(context, undoing);
  // What is unavailable may prevent the undoing too. Then the deadline undoes the checkout, and the caller gets the first refusal.
  await undoCheckout(context, { ...undoing, forNow: true }).catch((failure: unknown) => {
    if (!isRefusal(failure)) throw failure;
  });
}

async function claimCart(context: CommandContext, turn: Turn, expiresAt: string): Promise<readonly CartLine[]> {
  const buyerId = context.actor.id;
  const { orderId, step } = turn;
  const abandoned = await abandonedCheckout(context, buyerId, turn);
  const data = { orderId, expiresAt, ...(abandoned === undefined ? {} : { abandoned }) };
  const { events, repeated } = await context.handle(
    cartDecider,
    buyerId,
    { type: 'StartCheckout', data },
    { step: step('start'), provisional: true },
  );
  const started = events.find((event) => event.type === 'CheckoutStarted');
  if (started === undefined) throw new Error('a checkout was started without an event');
  if (repeated) await mustStillRun(context, orderId);
  return started.data.lines;
}

/**
 * Returns the order id of an earlier checkout that this one may replace: an overdue one, or an earlier turn of this one. It is
 * fenced first; if it did place its order, its cart is checked out instead.
 */
async function abandonedCheckout(context: CommandContext, buyerId: string, turn: Turn): Promise<string | undefined> {
  const { checkout } = (await context.load(cartDecider, buyerId)).state;
  if (checkout === null || checkout.orderId === turn.orderId) return undefined;
  if (checkout.expiresAt > context.now && !turn.earlier.includes(checkout.orderId)) return undefined;
  const overdue = checkout.orderId;
  const intent = { type: 'AbandonOrder', data: {} } as const;
  const { state } = await context.handle(orderDecider, overdue, intent, {
    step: `abandon ${overdue}`,
    provisional: true,
  });
  if (state.status === 'abandoned') return overdue;
  const finish = { type: 'CheckOutCart', data: { orderId: overdue } } as const;
  await context.handle(cartDecider, buyerId, finish, { step: `finish ${overdue}`, provisional: true });
  return undefined;
}

/** Refuses a repeated checkout that no longer owns the cart. */
async function mustStillRun(context: CommandContext, orderId: string): Promise<void> {
  const { checkout } = (await context.load(cartDecider, context.actor.id)).state;
  if (checkout?.orderId !== orderId) {
    reject('CheckoutExpired', 'This checkout ended without an order; please try again.');
  }
}

/** When a repeated checkout has already placed its order, only empties its cart. Later changes of the products do not matter. */
async function alreadyPlaced(context: CommandContext, turn: Turn, wishes: Wishes): Promise<Outcome | undefined> {
  const { orderId, state, position } = turn;
  if (state.status !== 'placed') return undefined;
  const stream = streamOf(orderDecider.category, orderId);
  context.happened({ stream, position });
  if (wishes.items === undefined) await emptyCart(context, turn);
  return { stream, revision: PLACED_REVISION, appended: () => [] };
}

const emptyCart = (context: CommandContext, { orderId, step }: Turn): Promise<unknown> =>
  context.handle(cartDecider, context.actor.id, { type: 'CheckOutCart', data: { orderId } }, { step: step('empty') });

async function reserve(
  context: CommandContext,
  { orderId, step }: Turn,
  expiresAt: string,
  lines: readonly OrderLine[],
): Promise<void> {
  const errors: FieldError[] = [];
  const code = 'INSUFFICIENT_STOCK';
  for (const { productId, name, quantity } of lines.toSorted((a, b) => (a.productId < b.productId ? -1 : 1))) {
    const data = { orderId, buyerId: context.actor.id, quantity, expiresAt };
    const intent = { type: 'ReserveStock', data } as const;
    try {
      await context.handle(stockDecider, productId, intent, { step: step(`reserve ${productId}`), provisional: true });
    } catch (error) {
      if (!isRefusal(error) || error.code !== code) throw error;
      const index = lines.findIndex((line) => line.productId === productId);
      errors.push({
        code,
        field: `items.${index}`,
        message: `${name} (${productId}): ${quantity} wanted. ${error.message}`,
      });
    }
  }
  if (errors.length > 0)
    reject('InsufficientStock', 'Some products are not in stock in the wanted quantity.', { code, errors });
}

async function toOrder(
  context: CommandContext,
  wishes: Wishes,
  {
    orderId,
    lines,
    paymentId,
  }: Pick<Turn, 'orderId'> & { readonly lines: readonly OrderLine[]; readonly paymentId: string },
): Promise<PlaceOrder['data']> {
  const { personalData, settings } = context.services;
  const buyerId = context.actor.id;
  const { amount: total, currency } = totalOf(lines, settings.currency);
  const seal = (field: SealedName, text: string): Promise<Sealed> =>
    personalData.seal(placeOfOrder({ id: orderId, buyerId }, field), text);
  const { billingAddress, notes } = wishes;
  return {
    order: {
      buyerId,
      lines,
      currency,
      total,
      shippingAddress: await seal('OrderPlaced.shippingAddress', wishes.shippingAddress),
      billingAddress: billingAddress === null ? null : await seal('OrderPlaced.billingAddress', billingAddress),
      notes: notes === null ? null : await seal('OrderPlaced.notes', notes),
      fromCart: wishes.items === undefined,
      payBy: new Date(Date.parse(context.now) + settings.paymentDeadlineMs).toISOString(),
    },
    payment: { paymentId, method: wishes.method },
  };
}
