import { Type } from 'typebox';
import { productDecider } from '../aggregates/product.ts';
import { stockDecider, type StockFigures } from '../aggregates/stock.ts';
import { isOutcomeUnknown, isRefusal, missing } from '../errors.ts';
import { Nullable } from '../schema.ts';
import { isDoomed } from './claim.ts';
import type { CommandContext } from './contract.ts';

export const STOCK_MAX = 1_000_000_000;

/** Units below which a seller is told that little is left; null for never. */
export const LowStockThreshold = Nullable(Type.Integer({ minimum: 0, maximum: STOCK_MAX }));

const SET_WITH_PRODUCT = 'set with the product';
const TAKEN_BACK = 'taken back: the product was not changed';

/** As `stockInTag` writes it. */
const STOCK_IN_TAG = /^(\d{1,16})-(\d{1,16})$/;

/** The stock that the caller saw, by its `If-Match`: null when that names none. Nothing is pinned without it. */
export function pinnedStock({ origin: { ifMatch, ifMatchBeside = '' } }: CommandContext): {
  seen?: StockFigures | null;
} {
  if (ifMatch === undefined) return {};
  const [, onHand, reserved] = STOCK_IN_TAG.exec(ifMatchBeside) ?? [];
  const named = onHand !== undefined && reserved !== undefined;
  return { seen: named ? { onHand: Number(onHand), reserved: Number(reserved) } : null };
}

/**
 * Adjusts the stock of the caller's product to a total, then changes the product. When the product refuses, the adjustment is taken
 * back, so that the caller sees both changes or neither.
 */
export async function withStock<T>(
  context: CommandContext,
  { id, total }: { readonly id: string; readonly total: number },
  change: () => Promise<T>,
): Promise<T> {
  const { state, revision } = await context.load(productDecider, id);
  const isTheirs = state.status === 'listed' && state.sellerId === context.actor.id;
  if (!isTheirs) return missing('ProductUnknown', 'You have no product with this id.');
  if (isDoomed(context, revision)) return change();
  const data = { total, reason: SET_WITH_PRODUCT, ...pinnedStock(context) };
  const set = { type: 'SetStock', data } as const;
  const adjusted = await context.handle(stockDecider, id, set, { step: 'stock', provisional: true });
  let changed: T;
  try {
    changed = await change();
  } catch (error) {
    const undone = isRefusal(error) && !isOutcomeUnknown(error) && context.effect === undefined;
    const moved = adjusted.events.reduce(
      (sum, { type, data }) => (type === 'StockAdjusted' ? sum + data.change : sum),
      0,
    );
    if (undone && moved !== 0) {
      const back = { type: 'AdjustStock', data: { change: -moved, reason: TAKEN_BACK } } as const;
      // What was reserved of it meanwhile stays.
      await context.handle(stockDecider, id, back, { step: 'stock back', provisional: true }).catch(() => undefined);
    }
    throw error;
  }
  if (adjusted.events.length > 0) context.happened({ stream: adjusted.stream, position: adjusted.position });
  return changed;
}

/** Changes the threshold of a product that was found to be the caller's. Without one it stays as it is. */
export async function changeThreshold(context: CommandContext, id: string, below?: number | null): Promise<void> {
  if (below === undefined) return;
  const intent = { type: 'ChangeLowStockThreshold', data: { below } } as const;
  await context.handle(stockDecider, id, intent, { step: 'threshold' });
}
