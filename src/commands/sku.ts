import { type ProductCommand, productDecider, type ProductEvent, type ProductState } from '../aggregates/product.ts';
import { sameSku, SKU_LENGTH_MAX, skuKey, skuOf } from '../aggregates/sku.ts';
import type { Done } from '../engine/decide/context.ts';
import { stateBefore, wasHandled } from '../engine/decide/answer.ts';
import type { Loaded } from '../engine/decide/services.ts';
import { invalid, reject } from '../errors.ts';
import { streamOf } from '../eventstore/eventStore.ts';
import { derivedId } from '../platform/ids.ts';
import {
  type Claim,
  type Holders,
  holderOf,
  isDoomed,
  obtain,
  releaseTurn,
  releaseUnused,
  turnOf,
  using,
} from './claim.ts';
import type { CommandContext } from './contract.ts';

/** The form in which a SKU is stored. Refuses one that is too long in that form, naming the field `sku`. */
export function storedSku(typed: string): string {
  const sku = skuOf(typed);
  if (sku.length > SKU_LENGTH_MAX) invalid('sku', `must be text of 1 to ${SKU_LENGTH_MAX} characters`);
  return sku;
}

/** The id of the claim that makes a SKU unique in its store. */
const claimOf = ({ storeId, sku }: { readonly storeId: string; readonly sku: string }): string =>
  `sku-${derivedId(skuKey(sku), storeId)}`;

/** The id of the claim on a product's SKU; null when it has none. */
const claimOfProduct = (state: ProductState): string | null =>
  (state.status === 'listed' || state.status === 'delisted') && state.sku !== null
    ? claimOf({ storeId: state.storeId, sku: state.sku })
    : null;

const PRODUCTS: Holders<ProductState, ProductCommand, ProductEvent> = {
  decider: productDecider,
  uses: (_context, { state }, claimId) => state.status === 'listed' && claimOfProduct(state) === claimId,
  fence: (state, claim) =>
    state.status === 'listed'
      ? { type: 'AbandonProductClaim', data: { claim, claimEpoch: state.claimEpoch } }
      : { type: 'AbandonProduct', data: {} },
};

interface Wanted {
  readonly storeId: string;
  readonly sku: string;
}

/**
 * The products that use a SKU, by their own streams. There is one at most, unless products of earlier versions clash: those took no
 * claim, so they are found by the read model.
 */
export async function productsUsing(context: CommandContext, { storeId, sku }: Wanted): Promise<readonly string[]> {
  const claimId = claimOf({ storeId, sku });
  const holder = await holderOf(context, claimId, PRODUCTS);
  const candidates = new Set(await context.services.hints.productsWithSku(storeId, sku));
  if (holder !== undefined) candidates.delete(holder.id);
  const users = holder === undefined ? [] : [holder.id];
  for (const id of candidates) {
    const { state } = await context.load(productDecider, id);
    if (await PRODUCTS.uses(context, { id, state }, claimId)) users.push(id);
  }
  return users;
}

/** Claims a SKU for a product of its store. */
export async function claimSku(context: CommandContext, wanted: Wanted, holder: string): Promise<Claim> {
  const users = await productsUsing(context, wanted);
  const isFree = users.every((id) => id === holder);
  const claimId = claimOf(wanted);
  const claimed = isFree ? await obtain(context, { claimId, holder, step: 'claim' }, PRODUCTS) : undefined;
  if (claimed !== undefined) return claimed;
  return reject('SkuTaken', 'Another product of your store has this SKU.', {
    errors: [{ code: 'CONFLICT', field: 'sku', message: 'Another product of your store has this SKU.' }],
  });
}

/** The changes of an update: the fields of the command and the SKU, which is null to take it away. */
type Update = Extract<ProductCommand, { type: 'UpdateProduct' }>['data'] & { readonly sku: string | null };

/** Claims the wanted SKU, unless the product has it, or the command will be refused or has been handled. */
async function claimNewSku(
  context: CommandContext,
  { id, data: { by, sku } }: { readonly id: string; readonly data: Update },
  { state, revision }: Pick<Loaded<ProductState>, 'state' | 'revision'>,
): Promise<Claim | undefined> {
  if (state.status !== 'listed' || state.sellerId !== by) return undefined;
  if (sku === null || sameSku(sku, state.sku) || isDoomed(context, revision)) return undefined;
  if (await wasHandled(context.services, streamOf(productDecider.category, id), context.origin)) return undefined;
  return claimSku(context, { storeId: state.storeId, sku }, id);
}

/** Changes a product and its SKU, at the claims that the product has now. */
export async function updateWithSku(
  context: CommandContext,
  id: string,
  data: Update,
): Promise<Done<ProductState, ProductEvent>> {
  const known = await context.load(productDecider, id);
  const { state } = known;
  const former = state.status === 'listed' && !sameSku(state.sku, data.sku) ? claimOfProduct(state) : null;
  const turn = former === null ? 0 : await turnOf(context, former);
  const claimed = await claimNewSku(context, { id, data }, known);
  const usable = state.status === 'listed' && (claimed !== undefined || data.sku === null);
  const intent = {
    type: 'UpdateProduct',
    data: { ...data, ...(usable ? { claimEpoch: state.claimEpoch } : {}) },
  } as const;
  const handled = await using(context, claimed, () => context.handle(productDecider, id, intent, { pinned: true }));
  if (handled.repeated) {
    const before = claimOfProduct(await stateBefore(context.services, productDecider, id, handled));
    if (before !== null) await releaseUnused(context, { claimId: before, holder: id }, PRODUCTS);
  } else if (former !== null) await releaseTurn(context, { claimId: former, holder: id, turn });
  return handled;
}

/** Lets the SKU of a delisted product be used again. */
export async function releaseSku(context: CommandContext, id: string, state: ProductState): Promise<void> {
  const claimId = claimOfProduct(state);
  if (claimId !== null) await releaseUnused(context, { claimId, holder: id }, PRODUCTS);
}
