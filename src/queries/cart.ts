import type { CartRow } from '../projections/carts.ts';
import { defineQuery } from './contract.ts';
import { type Static, Type } from 'typebox';
import type { CartLine } from '../aggregates/cart.ts';
import { toMajor } from '../aggregates/money.ts';
import { Currency, Id, Instant, Money, Named, Nullable } from '../schema.ts';

export const CartView = Named('Cart', {
  items: Type.Array(
    Named('CartLine', {
      product_id: Id,
      name: Type.String(),
      price: Money,
      quantity: Type.Integer(),
      subtotal: Money,
      image_url: Nullable(Type.String()),
      available: Type.Boolean({
        description:
          'False when the product can no longer be bought: it adds nothing to the total, and a checkout is refused until it is taken out.',
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
  /** Whether it can be bought. */
  readonly listed: boolean;
}

/** Shows every line of the cart. A product that can no longer be bought is marked, with its last price, and costs nothing. */
export function cartView(
  items: readonly CartLine[],
  products: ReadonlyMap<string, CartProduct>,
  currency: string,
  updatedAt: string | null,
): CartView {
  let total = 0;
  const shown = items.flatMap(({ productId, quantity }) => {
    const product = products.get(productId);
    if (product === undefined) return [];
    const subtotal = product.listed ? product.price * quantity : 0;
    total += subtotal;
    return {
      product_id: productId,
      name: product.name,
      price: toMajor(product.price, currency),
      quantity,
      subtotal: toMajor(subtotal, currency),
      image_url: null,
      available: product.listed,
    };
  });
  return { items: shown, total: toMajor(total, currency), currency, updated_at: updatedAt };
}

const getCart = defineQuery({
  name: 'GetCart',
  summary: 'My cart, at today’s prices',
  tag: 'cart',
  route: 'GET /cart',
  access: ['buyer'],
  result: CartView,
  revised: 'sometimes',
  reads: ['carts', 'products'],
  async run(_input, { actor, db, services }) {
    const [cart] = await db.rows<CartRow & { revision: number }>('SELECT * FROM carts WHERE buyer_id = $1', [actor.id]);
    const items = cart?.items ?? [];
    const products = await db.rows<CartProduct & { id: string }>(
      'SELECT id, name, price, listed FROM products WHERE id = ANY($1)',
      [items.map(({ productId }) => productId)],
    );
    const known = new Map(products.map(({ id, ...product }) => [id, product]));
    const data = cartView(items, known, services.settings.currency, cart?.updated_at ?? null);
    return { data, ...(cart === undefined ? {} : { revision: BigInt(cart.revision) }) };
  },
});

export const cartQueries = [getCart];
