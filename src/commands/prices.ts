import type { CartLine } from '../aggregates/cart.ts';
import type { OrderLine } from '../aggregates/order.ts';
import { inOtherCurrency, isOnSale, productDecider, type ProductState } from '../aggregates/product.ts';
import { isSuspended, storeDecider } from '../aggregates/store.ts';
import { type FieldError, reject } from '../errors.ts';
import type { CommandContext } from './contract.ts';

/** The product as the log has it now, and whether it is on sale: not while its store is suspended. A product never changes its store. */
export async function productOnSale(context: CommandContext, id: string): Promise<Found> {
  const { state: known } = await context.load(productDecider, id, 'cached');
  const storeOf = (state: ProductState) =>
    'storeId' in state ? context.load(storeDecider, state.storeId) : Promise.resolve(undefined);
  const [{ state }, beside] = await Promise.all([context.load(productDecider, id), storeOf(known)]);
  const store = beside ?? (await storeOf(state));
  return { state, onSale: isOnSale(state) && (store === undefined || !isSuspended(store.state)) };
}

interface Found {
  readonly state: ProductState;
  readonly onSale: boolean;
}

/** Why a product cannot be bought. */
function whyNot(productId: string, found: Found | undefined, currency: string): string {
  const product = found?.state;
  const isKnown = product?.status === 'listed' || product?.status === 'delisted';
  const named = isKnown ? `${product.name} (${productId})` : `Product ${productId}`;
  if (product?.status === 'listed' && found?.onSale === true) return `${named}: ${inOtherCurrency(product, currency)}`;
  return `${named} can no longer be bought: take it out to check out.`;
}

/** Adds each product's current name, price and store to its line. */
export async function price(context: CommandContext, lines: readonly CartLine[]): Promise<OrderLine[]> {
  const { currency } = context.services.settings;
  const loaded = await Promise.all(lines.map(({ productId }) => productOnSale(context, productId)));
  const errors: FieldError[] = [];
  const priced = lines.flatMap(({ productId, quantity }, index) => {
    const found = loaded[index];
    const product = found?.state;
    if (product?.status === 'listed' && found?.onSale === true && product.currency === currency) {
      const { storeId, sellerId, name, price: unit } = product;
      return { productId, storeId, sellerId, name, price: unit, currency, quantity };
    }
    const message = whyNot(productId, found, currency);
    errors.push({ code: 'CONFLICT', field: `items.${index}`, message });
    return [];
  });
  if (errors.length > 0) reject('ProductUnavailable', 'Some products can no longer be bought.', { errors });
  return priced;
}
