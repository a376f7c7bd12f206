import type { CartLine } from '../aggregates/cart.ts';
import { orderDecider } from '../aggregates/order.ts';
import { pay } from '../aggregates/orderMoney.ts';
import { unpaidDecider, type UnpaidState } from '../aggregates/unpaid.ts';
import type { CommandContext as AnyContext } from '../engine/decide/context.ts';
import { isRefusal } from '../errors.ts';
import type { CommandContext } from './contract.ts';

/** The most places that are looked at when there is no room; the oldest come first. */
const LOOKED_AT_MAX = 100;

interface Place {
  readonly orderId: string;
  readonly lines: readonly CartLine[];
  readonly expiresAt: string;
  /** Names the steps. */
  readonly step: (name: string) => string;
}

/**
 * Takes a place among the buyer's unpaid orders, or refuses. All checkouts of a buyer write to one stream, so the bounds hold however
 * many run at once. When there is no room, it looks at the orders themselves: a place whose order is paid or closed by now, or whose
 * checkout broke off, is freed first.
 */
export async function takePlace(context: CommandContext, { orderId, lines, expiresAt, step }: Place): Promise<void> {
  const { unpaidBounds: bounds } = context.services.settings;
  if (bounds.ordersMax === 0 && bounds.unitsMax === 0) return;
  const wanted = lines.map(({ productId, quantity }) => ({ productId, quantity }));
  const intent = { type: 'OpenUnpaidOrder', data: { orderId, lines: wanted, expiresAt, bounds } } as const;
  const take = (name: string): Promise<unknown> =>
    context.handle(unpaidDecider, context.actor.id, intent, { step: step(name), provisional: true });
  try {
    await take('take a place');
  } catch (error) {
    if (!isRefusal(error) || error.kind === 'unavailable') throw error;
    await freeSettled(context);
    // Decided anew in any case: a handler may have freed a place since the refusal.
    await take('take a freed place');
  }
}

/** Frees the buyer's places that no open order needs. */
async function freeSettled(context: CommandContext): Promise<void> {
  const { state } = await context.load(unpaidDecider, context.actor.id);
  for (const [orderId, { expiresAt }] of Object.entries(state.orders).slice(0, LOOKED_AT_MAX)) {
    if (await isSettled(context, orderId, expiresAt)) await freePlace(context, context.actor.id, orderId);
  }
}

/** Whether an order needs its place no more. A checkout that is overdue is fenced first, so that it can no longer place its order. */
async function isSettled(
  context: CommandContext,
  orderId: string,
  expiresAt: UnpaidState['orders'][string]['expiresAt'],
): Promise<boolean> {
  const { state } = await context.load(orderDecider, orderId);
  if (state.status === 'placed') return state.cancelled || pay.hasCaptured(state.money);
  if (state.status === 'abandoned') return true;
  if (expiresAt > context.now) return false;
  const abandon = { type: 'AbandonOrder', data: {} } as const;
  const fenced = await context.handle(orderDecider, orderId, abandon, {
    step: `fence ${orderId}`,
    provisional: true,
  });
  return fenced.state.status === 'abandoned';
}

/** Frees an order's place; changes nothing when it has none. */
export async function freePlace(context: AnyContext, buyerId: string, orderId: string): Promise<void> {
  const intent = { type: 'CloseUnpaidOrder', data: { orderId } } as const;
  await context.handle(unpaidDecider, buyerId, intent, { step: `free the place of ${orderId}`, provisional: true });
}
