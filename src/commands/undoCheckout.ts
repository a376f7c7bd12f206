import { cartDecider } from '../aggregates/cart.ts';
import { orderDecider } from '../aggregates/order.ts';
import { stockDecider } from '../aggregates/stock.ts';
import type { CommandContext } from '../engine/decide/context.ts';
import { failpoint } from '../platform/failpoint.ts';
import { freePlace } from './unpaid.ts';

export interface Undoing {
  readonly orderId: string;
  readonly productIds: readonly string[];
  readonly buyerId: string;
  /** Whether this checkout may still hold the buyer's cart. */
  readonly cartHeld: boolean;
  readonly reason: string;
  /** The checkout may be repeated, under another order id. */
  readonly forNow?: boolean;
  /** Names the steps of this undoing. */
  readonly step?: (name: string) => string;
}

/**
 * Undoes a checkout that cannot finish. It fences the order first, so that no concurrent run of the same checkout can still
 * place it. Only then does it release the cart, the place and the reserved stock. It undoes nothing when the order was already placed.
 */
export async function undoCheckout(context: CommandContext, undoing: Undoing): Promise<void> {
  const {
    orderId,
    productIds,
    buyerId,
    cartHeld,
    reason,
    forNow = false,
    step = (name: string): string => name,
  } = undoing;
  const abandon = { type: 'AbandonOrder', data: forNow ? { forNow } : {} } as const;
  const fenced = await context.handle(orderDecider, orderId, abandon, { step: step('abandon'), provisional: true });
  if (fenced.state.status !== 'abandoned') return;
  failpoint('checkout:abandoned');
  if (cartHeld) {
    const fail = { type: 'FailCheckout', data: { orderId, reason } } as const;
    await context.handle(cartDecider, buyerId, fail, { step: step('fail'), provisional: true });
  }
  await freePlace(context, buyerId, orderId);
  for (const productId of productIds) {
    const release = { type: 'ReleaseStock', data: { orderId } } as const;
    await context.handle(stockDecider, productId, release, { step: step(`release ${productId}`), provisional: true });
  }
}
