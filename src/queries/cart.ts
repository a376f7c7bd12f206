import type { CartRow } from '../projections/carts.ts';
import { defineQuery, type QueryContext } from './contract.ts';
import { type Static, Type } from 'typebox';
import type { CartLine } from '../aggregates/cart.ts';
import type { Picture } from '../aggregates/picture.ts';
import { imageUrl } from './picture.ts';
import { type Money as Amount, sumOf, times, toMajor } from '../aggregates/money.ts';
import { Currency, Id, Instant, Money, Named, Nullable } from '../schema.ts';

export const CartView = Named('Cart', {
  items: Type.Array(
    Named('CartLine', {
      product_id: Id,
      name: Type.String(),
      price: Money,
      currency: Currency,
      quantity: Type.Integer(),
      subtotal: Money,
      image_url: Nullable(Type.String()),
      available: Type.Boolean({
        description:
          'False when the product can no longer be bought, or is priced in another currency: it adds nothing to the total, and a checkout is refused until it is taken out.',
      }),
    }),
  ),
  total: Money,
  currency: Currency,
  updated_at: Nullable(Instant),
});
export type CartView = Static<typeof CartView>;

/** The fields of a product that a cart shows; `price` in minor units. */
export interface CartProduct {
  readonly name: string;
  readonly price: number;
  readonly currency: string;
  readonly listed: boolean;
  readonly image: Picture | null;
}

/** Whether a product can be bought in a shop of this currency. */
export const canBeBought = (product: Pick<CartProduct, 'listed' | 'currency'>, currency: string): boolean =>
  product.listed && product.currency === currency;

/**
 * Shows every line of the cart. A product that can no longer be bought, or whose price is in another currency, is marked, with its last
 * price, and costs nothing.
 */
export function cartView(
  items: readonly CartLine[],
  products: ReadonlyMap<string, CartProduct>,
  currency: string,
  updatedAt: string | null,
): CartView {
  const subtotals: Amount[] = [];
  const shown = items.flatMap(({ productId, quantity }) => {
    const product = products.get(productId);
    if (product === undefined) return [];
    const available = canBeBought(product, currency);
    const subtotal = available
      ? times({ amount: product.price, currency: product.currency }, quantity)
      : { amount: 0, currency };
    subtotals.push(subtotal);
    return {
      product_id: productId,
      name: product.name,
      price: toMajor(product.price, product.currency),
      currency: product.currency,
      quantity,
      subtotal: toMajor(subtotal.amount, currency),
      image_url: imageUrl(product.image),
      available,
    };
  });
  const total = sumOf(subtotals, currency);
  return { items: shown, total: toMajor(total.amount, currency), currency, updated_at: updatedAt };
}

/** The cart of the caller, at today's prices. */
export async function cartOf({ actor, db, services }: QueryContext): Promise<{ data: CartView; revision?: bigint }> {
  const [cart] = await db.rows<CartRow & { revision: number }>('SELECT * FROM carts WHERE buyer_id = $1', [actor.id]);
  const items = cart?.items ?? [];
  const products = await db.rows<CartProduct & { id: string }>(
    `SELECT p.id, p.name, p.price, p.currency, p.image, p.listed AND NOT coalesce(s.suspended, false) AS listed
     FROM products p LEFT JOIN stores s ON s.id = p.store_id WHERE p.id = ANY($1)`,
    [items.map(({ productId }) => productId)],
  );
  const known = new Map(products.map(({ id, ...product }) => [id, product]));
  const data = cartView(items, known, services.settings.currency, cart?.updated_at ?? null);
  return { data, ...(cart === undefined ? {} : { revision: BigInt(cart.revision) }) };
}

const getCart = defineQuery({
  name: 'GetCart',
  summary: 'My cart, at today’s prices',
  tag: 'cart',
  route: 'GET /cart',
  access: ['buyer'],
  result: CartView,
  revised: 'sometimes',
  reads: ['carts', 'products', 'stores'],
  run: (_input, context) => cartOf(context),
});

export const cartQueries = [getCart];
