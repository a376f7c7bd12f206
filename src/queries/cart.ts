import type { CartRow } from '../projections/carts.ts';
import { CartView, cartView } from '../views/cart.ts';
import { defineQuery } from './contract.ts';

const getCart = defineQuery({
  name: 'GetCart',
  summary: 'My cart, at today’s prices',
  tag: 'cart',
  route: 'GET /cart',
  access: ['buyer'],
  result: CartView,
  reads: ['carts', 'products'],
  async run(_input, { actor, db, services }) {
    const [cart] = await db.rows<CartRow & { revision: number }>('SELECT * FROM carts WHERE buyer_id = $1', [actor.id]);
    const items = cart?.items ?? [];
    const products = await db.rows<{ id: string; name: string; price: number }>(
      'SELECT id, name, price FROM products WHERE id = ANY($1) AND listed',
      [items.map(({ productId }) => productId)],
    );
    const known = new Map(products.map(({ id, ...product }) => [id, product]));
    const data = cartView(items, known, services.settings.currency, cart?.updated_at ?? null);
    return { data, ...(cart === undefined ? {} : { revision: BigInt(cart.revision) }) };
  },
});

export const cartQueries = [getCart];
