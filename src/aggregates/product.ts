import { missing, reject } from '../errors.ts';
import type { Command, Decider } from '../engine/decide/decider.ts';
import type { Money } from './money.ts';

export interface ProductDetails {
  readonly name: string;
  readonly description: string;
  /** Minor units. */
  readonly price: number;
  readonly categoryId: string;
}

// NOTE: these names and shapes are the storage format; version them with care.
export type ProductListed = {
  type: 'ProductListed';
  data: ProductDetails & { storeId: string; sellerId: string; currency: string; sku: string | null };
};
export type ProductUpdated = { type: 'ProductUpdated'; data: Partial<Omit<ProductDetails, 'price'>> };
/** `currency`: of the price. Earlier versions recorded none: their prices stay in the currency that the product has. */
export type ProductPriceChanged = { type: 'ProductPriceChanged'; data: { price: number; currency?: string } };
export type ProductDelisted = { type: 'ProductDelisted'; data: object };
export type ProductEvent = ProductListed | ProductUpdated | ProductPriceChanged | ProductDelisted;

export type ListProduct = Command<'ListProduct', ProductListed['data']>;
export type UpdateProduct = Command<
  'UpdateProduct',
  { by: string; price?: Money } & Partial<Omit<ProductDetails, 'price'>>
>;
export type DelistProduct = Command<'DelistProduct', { by: string }>;
export type ProductCommand = ListProduct | UpdateProduct | DelistProduct;

export type ListedProduct = { readonly status: 'listed' } & Readonly<ProductListed['data']>;
/** The name and price of a delisted product, for the carts that still hold it. */
export type DelistedProduct = { readonly status: 'delisted' } & Pick<
  ListedProduct,
  'sellerId' | 'name' | 'price' | 'currency'
>;
export type ProductState = { readonly status: 'none' } | DelistedProduct | ListedProduct;

/** Why a product cannot be bought whose price is in another currency than the shop's: an earlier version recorded it there. */
export const inOtherCurrency = (product: Pick<ListedProduct, 'currency'>, currency: string): string =>
  `it is priced in ${product.currency}, and this shop sells in ${currency}. It can be bought once its seller sets its price anew.`;

export const productDecider: Decider<ProductState, ProductCommand, ProductEvent> = {
  category: 'product',
  snapshotVersion: 4,
  initial: { status: 'none' },
  evolve(state, event) {
    switch (event.type) {
      case 'ProductListed':
        return { status: 'listed', ...event.data };
      case 'ProductUpdated':
      case 'ProductPriceChanged':
        return state.status === 'listed' ? { ...state, ...event.data } : state;
      case 'ProductDelisted':
        return state.status === 'listed' ? delisted(state) : state;
    }
  },
  decide(command, state) {
    switch (command.type) {
      case 'ListProduct':
        if (state.status !== 'none') reject('ProductExists', 'This product is already listed.');
        return [{ type: 'ProductListed', data: command.data }];
      case 'UpdateProduct':
        return update(command, theirs(state, command.data.by));
      case 'DelistProduct':
        if (state.status === 'delisted' && state.sellerId === command.data.by) return [];
        theirs(state, command.data.by);
        return [{ type: 'ProductDelisted', data: {} }];
    }
  },
};

const delisted = ({ sellerId, name, price, currency }: ListedProduct): DelistedProduct => ({
  ...{ status: 'delisted', sellerId, name, price, currency },
});

function theirs(state: ProductState, by: string): ListedProduct {
  if (state.status !== 'listed' || state.sellerId !== by)
    return missing('ProductUnknown', 'You have no product with this id.');
  return state;
}

function update({ data: { by: _by, price, ...wanted } }: UpdateProduct, state: ListedProduct): ProductEvent[] {
  const changed = Object.fromEntries(
    Object.entries(wanted).filter(([field, value]) => state[field as keyof typeof wanted] !== value),
  );
  return [
    ...(Object.keys(changed).length > 0 ? [{ type: 'ProductUpdated' as const, data: changed }] : []),
    ...(price !== undefined && (price.amount !== state.price || price.currency !== state.currency)
      ? [{ type: 'ProductPriceChanged' as const, data: { price: price.amount, currency: price.currency } }]
      : []),
  ];
}
