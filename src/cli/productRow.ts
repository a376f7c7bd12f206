import { type ListedProduct, type ProductCommand, productDecider, type ProductState } from '../aggregates/product.ts';
import { sameSku, skuOf } from '../aggregates/sku.ts';
import { type StockCommand, stockDecider } from '../aggregates/stock.ts';
import type { Command } from '../engine/decide/decider.ts';
import { using } from '../commands/claim.ts';
import type { CommandContext } from '../commands/contract.ts';
import { priceOf } from '../commands/product.ts';
import { STOCK_MAX } from '../commands/stock.ts';
import { SKU_LENGTH_MAX } from '../aggregates/sku.ts';
import { claimSku, productsUsing } from '../commands/sku.ts';
import { type Money, priceInWords } from '../aggregates/money.ts';
import { isRefusal, reject } from '../errors.ts';
import { bodyCheck, type Check } from '../http/api/validate.ts';
import { Fields, Line, Name, Price, Text } from '../schema.ts';
import { type Static, Type } from 'typebox';
import { derivedId } from '../platform/ids.ts';

/** How often setting a stock is tried when it changes at the same time. */
const STOCK_ATTEMPTS_MAX = 5;
/** Ids that follow from one SKU, at most. Another one is needed when the product with the id before has got another SKU. */
const IDS_PER_SKU_MAX = 100;
const STOCK_REASON = 'set by import';

export const ROW_FIELDS = ['sku', 'name', 'description', 'price', 'stock', 'category'] as const;
type RowField = (typeof ROW_FIELDS)[number];
export type Row = Readonly<Record<RowField, string>>;

export const RowSchema = Fields({
  sku: Line(SKU_LENGTH_MAX),
  name: Name,
  description: Text,
  price: Price,
  stock: Type.Integer({ minimum: 0, maximum: STOCK_MAX }),
  category: Name,
});

export type ProductRow = Static<typeof RowSchema>;

/** Parses a row; returns all its errors in one sentence when it is not valid. */
export type ReadRow = (row: Row) => ProductRow | string;

export function createReadRow(currency: string): ReadRow {
  const check = bodyCheck(RowSchema, { Price: priceInWords(currency) });
  return (row) => readRow(row, check);
}

function readRow(row: Row, check: Check): ProductRow | string {
  const { sku, name, description, price, category } = row;
  const stock = row.stock.trim();
  const value = {
    ...{ sku: skuOf(sku), name: name.trim(), description, price: price.trim(), category: category.trim() },
    stock: /^-?\d{1,15}$/.test(stock) ? Number(stock) : stock,
  };
  const errors = check(value);
  if (errors.length === 0) return value as ProductRow;
  return errors.map(({ message }) => message).join('; ');
}

/** The store, seller and category of a row's product, and how to import it. */
export interface Target {
  readonly storeId: string;
  /** The store's owner, who is the product's seller. */
  readonly sellerId: string;
  readonly categoryId: string;
  /** The id of the product that has this SKU, as the read model says. */
  readonly knownId: string | undefined;
  /** Makes the same decisions, but writes nothing. */
  readonly dryRun: boolean;
}

export type Outcome = 'created' | 'updated' | 'unchanged';

/** An id of an imported product: always the same for the same store, SKU and number. */
const productIdOf = (storeId: string, sku: string, nth: number): string =>
  derivedId(nth === 0 ? sku : `${sku}\n${nth}`, storeId);

/** The refusal of a row whose SKU several products of earlier versions have. */
export const clash = (sku: string, ids: readonly string[]): never =>
  reject(
    'SkuTaken',
    `several products of the store have the sku ${sku}: ${ids.join(', ')}. Give each another SKU but one, or delete it`,
  );

interface Found {
  readonly id: string;
  readonly state: ProductState;
}

const uses = (state: ProductState, sku: string): state is ListedProduct =>
  state.status === 'listed' && sameSku(state.sku, sku);

/** The product of a row, or the id that a new one gets. */
async function find(context: CommandContext, { sku }: ProductRow, { storeId, knownId }: Target): Promise<Found> {
  const load = async (id: string): Promise<Found> => ({ id, state: (await context.load(productDecider, id)).state });
  if (knownId !== undefined) {
    const known = await load(knownId);
    if (uses(known.state, sku)) return known;
  }
  const users = await productsUsing(context, { storeId, sku });
  if (users.length > 1) return clash(sku, users);
  if (users[0] !== undefined) return load(users[0]);
  for (let nth = 0; nth < IDS_PER_SKU_MAX; nth += 1) {
    const found = await load(productIdOf(storeId, sku, nth));
    const { state } = found;
    if (state.status === 'none' || uses(state, sku)) return found;
    if (state.status === 'delisted' && sameSku(state.sku, sku)) {
      reject('ProductDelisted', `product ${sku} was delisted, and stays so`);
    }
  }
  return reject('SkuTaken', `the sku ${sku} was given to too many products in turn`);
}

/**
 * Creates or updates one product from its row, with the usual commands and only with those that change something. If it is
 * interrupted, importing the row again finishes it.
 */
export async function importRow(contextOf: ContextOf, row: ProductRow, target: Target): Promise<Outcome> {
  const context = contextOf();
  const { id, state: product } = await find(context, row, target);
  const { sellerId, categoryId, dryRun } = target;
  const { name, description, sku } = row;
  const wanted = { name, description, sku, price: priceOf(context.services, row.price), categoryId };
  if (product.status !== 'listed') {
    await create({ contextOf, context, id }, { row, wanted, target });
    return 'created';
  }
  const changed = changes(product, wanted, target);
  if (changed !== undefined) {
    await decide(context, id, { type: 'UpdateProduct', data: { by: sellerId, ...changed } }, dryRun);
  }
  const moved = await setStock(contextOf, id, row.stock, dryRun);
  return moved || changed !== undefined ? 'updated' : 'unchanged';
}

/** Lists a new product, at a claim of its SKU. */
async function create(
  { contextOf, context, id }: { readonly contextOf: ContextOf; readonly context: CommandContext; readonly id: string },
  { row, wanted, target }: { readonly row: ProductRow; readonly wanted: Wanted; readonly target: Target },
): Promise<void> {
  const { storeId, sellerId, dryRun } = target;
  const { amount: price, currency } = wanted.price;
  const data = { ...wanted, price, storeId, sellerId, currency };
  const claimed = dryRun ? undefined : await claimSku(context, { storeId, sku: row.sku }, id);
  await using(context, claimed, async () => {
    await setStock(contextOf, id, row.stock, dryRun);
    await decide(context, id, { type: 'ListProduct', data }, dryRun);
  });
}

/** Makes a context for one command; `ifMatch` pins the revision that the command must find. */
export type ContextOf = (ifMatch?: bigint) => CommandContext;

type Wanted = Pick<ListedProduct, 'name' | 'description' | 'categoryId'> & {
  readonly sku: string;
  readonly price: Money;
};

/** The wanted fields that differ from the product's; undefined when none does. A price in another currency differs. */
function changes(product: ListedProduct, wanted: Wanted, { storeId, sellerId }: Target): Partial<Wanted> | undefined {
  if (product.storeId !== storeId || product.sellerId !== sellerId) {
    reject('ProductElsewhere', 'the product with this SKU belongs to another store');
  }
  const { price, ...texts } = wanted;
  const fields = Object.entries(texts).filter(([field, value]) => product[field as keyof typeof texts] !== value);
  const isPriced = price.amount === product.price && price.currency === product.currency;
  if (fields.length === 0 && isPriced) return undefined;
  return { ...(Object.fromEntries(fields) as Partial<Wanted>), ...(isPriced ? {} : { price }) };
}

async function decide(
  context: CommandContext,
  id: string,
  intent: Pick<ProductCommand, 'type' | 'data'>,
  dryRun: boolean,
): Promise<void> {
  if (!dryRun) {
    await context.handle(productDecider, id, intent as ProductCommand, { step: intent.type });
    return;
  }
  const { state } = await context.load(productDecider, id);
  productDecider.decide(imagined(context, intent) as ProductCommand, state);
}

const imagined = (context: CommandContext, intent: { type: string; data: object }): Command => ({
  ...intent,
  id: context.origin.id,
  actor: context.actor.id,
  now: context.now,
  correlationId: context.origin.correlationId,
});

/**
 * Sets the units on hand (reserved units included) to `figure`; returns whether that changed them. It pins the revision, so
 * that a sale in between is noticed and not counted twice.
 */
async function setStock(contextOf: ContextOf, id: string, figure: number, dryRun: boolean): Promise<boolean> {
  for (let attempt = 1; ; attempt += 1) {
    const { state, revision } = await contextOf().load(stockDecider, id);
    const change = figure - state.onHand;
    if (change === 0) return false;
    const intent: Pick<StockCommand, 'type' | 'data'> =
      revision < 0n
        ? { type: 'ReceiveStock', data: { quantity: figure } }
        : { type: 'AdjustStock', data: { change, reason: STOCK_REASON } };
    const context = contextOf(revision);
    if (dryRun) {
      stockDecider.decide(imagined(context, intent) as StockCommand, state);
      return true;
    }
    try {
      await context.handle(stockDecider, id, intent as StockCommand, { step: 'stock', pinned: true });
      return true;
    } catch (error) {
      if (!isRefusal(error) || error.kind !== 'stale' || attempt >= STOCK_ATTEMPTS_MAX) throw error;
    }
  }
}
