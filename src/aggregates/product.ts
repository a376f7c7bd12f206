import { missing, reject } from '../errors.ts';
import type { Command, Decider } from '../engine/decide/decider.ts';
import type { Money } from './money.ts';
import type { Picture, ReplacedKey } from './picture.ts';
import { sameSku } from './sku.ts';

export const PRODUCT_STATUSES = ['active', 'draft', 'inactive'] as const;
export type ProductStatus = (typeof PRODUCT_STATUSES)[number];
/** Why a product is not for everybody; null when it is. */
export type Hidden = Exclude<ProductStatus, 'active'> | null;

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
export type ProductUpdated = {
  type: 'ProductUpdated';
  data: Partial<Omit<ProductDetails, 'price'>> & { sku?: string | null };
};
/** `currency`: of the price. Earlier versions recorded none: their prices stay in the currency that the product has. */
export type ProductPriceChanged = { type: 'ProductPriceChanged'; data: { price: number; currency?: string } };
export type ProductDelisted = { type: 'ProductDelisted'; data: object };
/** Everybody sees and buys an active product. Its seller alone sees a draft and an inactive one. Without this event it is active. */
export type ProductStatusChanged = { type: 'ProductStatusChanged'; data: { status: ProductStatus } };
/** Fences a listing that stopped half way: this product can no longer be listed. */
export type ProductAbandoned = { type: 'ProductAbandoned'; data: object };
/** Fences a change that claimed a SKU and did not take it up: a change that was begun before this event can no longer do so. */
export type ProductClaimAbandoned = { type: 'ProductClaimAbandoned'; data: { claim: string } };
export type ProductImageChanged = { type: 'ProductImageChanged'; data: { image: Picture; replaced: ReplacedKey } };
export type ProductImageRemoved = { type: 'ProductImageRemoved'; data: { replaced: ReplacedKey } };
export type ProductEvent =
  | ProductListed
  | ProductUpdated
  | ProductPriceChanged
  | ProductImageChanged
  | ProductImageRemoved
  | ProductStatusChanged
  | ProductDelisted
  | ProductAbandoned
  | ProductClaimAbandoned;

/** Without `status` the product is active at once. */
export type ListProduct = Command<'ListProduct', ProductListed['data'] & { status?: ProductStatus }>;
/** `claimEpoch`: that of the product when the command began, before it claimed the SKU. Without it the SKU stays the same. */
export type UpdateProduct = Command<
  'UpdateProduct',
  { by: string; price?: Money; status?: ProductStatus; claimEpoch?: number } & ProductUpdated['data']
>;
export type ChangeProductImage = Command<'ChangeProductImage', { by: string; image: Picture }>;
export type RemoveProductImage = Command<'RemoveProductImage', { by: string }>;
export type DelistProduct = Command<'DelistProduct', { by: string }>;
export type AbandonProduct = Command<'AbandonProduct', object>;
/** Does nothing when the product's claims have changed since `claimEpoch`: the caller has to look again. */
export type AbandonProductClaim = Command<'AbandonProductClaim', { claim: string; claimEpoch: number }>;
export type ProductCommand =
  | ListProduct
  | UpdateProduct
  | ChangeProductImage
  | RemoveProductImage
  | DelistProduct
  | AbandonProduct
  | AbandonProductClaim;

export type ListedProduct = Readonly<ProductListed['data']> & {
  readonly status: 'listed';
  readonly hidden: Hidden;
  /** How often the SKU of this product changed or a claim of it was abandoned; it begins with 1. */
  readonly claimEpoch: number;
  readonly image: Picture | null;
};
/** The name and price of a delisted product are for the carts that still hold it; its SKU can be used again. It has no picture. */
export type DelistedProduct = { readonly status: 'delisted' } & Pick<
  ListedProduct,
  'storeId' | 'sellerId' | 'sku' | 'name' | 'price' | 'currency' | 'image'
>;
export type ProductState =
  | { readonly status: 'none'; readonly hidden?: Hidden }
  | { readonly status: 'abandoned' }
  | DelistedProduct
  | ListedProduct;

/** Whether everybody may find and buy the product. */
export const isOnSale = (state: ProductState): state is ListedProduct =>
  state.status === 'listed' && state.hidden === null;

const hiddenBy = (status: ProductStatus): Hidden => (status === 'active' ? null : status);

/** Why a product cannot be bought whose price is in another currency than the shop's: an earlier version recorded it there. */
export const inOtherCurrency = (product: Pick<ListedProduct, 'currency'>, currency: string): string =>
  `it is priced in ${product.currency}, and this shop sells in ${currency}. It can be bought once its seller sets its price anew.`;

export const productDecider: Decider<ProductState, ProductCommand, ProductEvent> = {
  category: 'product',
  snapshotVersion: 8,
  initial: { status: 'none' },
  evolve(state, event) {
    switch (event.type) {
      case 'ProductListed':
        return { status: 'listed', hidden: hiddenFirst(state), ...event.data, claimEpoch: 1, image: null };
      case 'ProductUpdated':
        return state.status === 'listed' ? updated(state, event.data) : state;
      case 'ProductPriceChanged':
        return state.status === 'listed' ? { ...state, ...event.data } : state;
      case 'ProductImageChanged':
        return state.status === 'listed' ? { ...state, image: event.data.image } : state;
      case 'ProductImageRemoved':
        return state.status === 'listed' ? { ...state, image: null } : state;
      case 'ProductStatusChanged':
        return state.status === 'listed' || state.status === 'none'
          ? { ...state, hidden: hiddenBy(event.data.status) }
          : state;
      case 'ProductDelisted':
        return state.status === 'listed' ? delisted(state) : state;
      case 'ProductAbandoned':
        return { status: 'abandoned' };
      case 'ProductClaimAbandoned':
        return state.status === 'listed' ? { ...state, claimEpoch: state.claimEpoch + 1 } : state;
    }
  },
  decide(command, state) {
    switch (command.type) {
      case 'ListProduct':
        if (state.status === 'abandoned') reject('ProductExpired', 'This took too long; please try again.');
        if (state.status !== 'none') reject('ProductExists', 'This product is already listed.');
        return list(command);
      case 'UpdateProduct':
        return update(command, theirs(state, command.data.by));
      case 'ChangeProductImage': {
        const replaced = theirs(state, command.data.by).image?.key ?? null;
        return [{ type: 'ProductImageChanged', data: { image: command.data.image, replaced } }];
      }
      case 'RemoveProductImage': {
        const { image } = theirs(state, command.data.by);
        return image === null ? [] : [{ type: 'ProductImageRemoved', data: { replaced: image.key } }];
      }
      case 'DelistProduct':
        if (state.status === 'delisted' && state.sellerId === command.data.by) return [];
        return delist(theirs(state, command.data.by));
      case 'AbandonProduct':
        return state.status === 'none' ? [{ type: 'ProductAbandoned', data: {} }] : [];
      case 'AbandonProductClaim': {
        const { claim, claimEpoch } = command.data;
        if (state.status !== 'listed' || state.claimEpoch !== claimEpoch) return [];
        return [{ type: 'ProductClaimAbandoned', data: { claim } }];
      }
    }
  },
};

const hiddenFirst = (state: ProductState): Hidden => (state.status === 'none' ? (state.hidden ?? null) : null);

/** The status comes first, so that nobody sees a draft for a moment. */
function list({ data: { status, ...data } }: ListProduct): ProductEvent[] {
  const hidden: ProductEvent[] =
    status === undefined || status === 'active' ? [] : [{ type: 'ProductStatusChanged', data: { status } }];
  return [...hidden, { type: 'ProductListed', data }];
}

const updated = (state: ListedProduct, data: ProductUpdated['data']): ListedProduct => ({
  ...state,
  ...data,
  claimEpoch: state.claimEpoch + (claimsAnother(data, state) ? 1 : 0),
});

const claimsAnother = ({ sku: wanted }: ProductUpdated['data'], { sku }: ListedProduct): boolean =>
  wanted !== undefined && !sameSku(wanted, sku);

const delisted = ({ storeId, sellerId, sku, name, price, currency, image }: ListedProduct): DelistedProduct => ({
  ...{ status: 'delisted', storeId, sellerId, sku, name, price, currency, image },
});

/** The picture goes first, so that its files go as those of any other picture. */
const delist = ({ image }: ListedProduct): ProductEvent[] => [
  ...(image === null ? [] : [{ type: 'ProductImageRemoved' as const, data: { replaced: image.key } }]),
  { type: 'ProductDelisted', data: {} },
];

function theirs(state: ProductState, by: string): ListedProduct {
  if (state.status !== 'listed' || state.sellerId !== by)
    return missing('ProductUnknown', 'You have no product with this id.');
  return state;
}

function update(
  { data: { by: _by, price, status, claimEpoch, ...wanted } }: UpdateProduct,
  state: ListedProduct,
): ProductEvent[] {
  if (claimsAnother(wanted, state) && claimEpoch !== state.claimEpoch) {
    reject('ClaimOutdated', 'The SKU of this product was changed meanwhile; please try again.');
  }
  const changed = Object.fromEntries(
    Object.entries(wanted).filter(([field, value]) => state[field as keyof typeof wanted] !== value),
  );
  return [
    ...(Object.keys(changed).length > 0 ? [{ type: 'ProductUpdated' as const, data: changed }] : []),
    ...(price !== undefined && (price.amount !== state.price || price.currency !== state.currency)
      ? [{ type: 'ProductPriceChanged' as const, data: { price: price.amount, currency: price.currency } }]
      : []),
    ...(status !== undefined && hiddenBy(status) !== state.hidden
      ? [{ type: 'ProductStatusChanged' as const, data: { status } }]
      : []),
  ];
}
