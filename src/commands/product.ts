import { Type } from 'typebox';
import { categoryDecider } from '../aggregates/category.ts';
import { type Money, priceInWords, toMinor } from '../aggregates/money.ts';
import { PRODUCT_STATUSES, productDecider } from '../aggregates/product.ts';
import { stockDecider } from '../aggregates/stock.ts';
import { storeDecider } from '../aggregates/store.ts';
import { invalid, missing } from '../errors.ts';
import { checkOnce } from '../engine/decide/answer.ts';
import { streamOf } from '../eventstore/eventStore.ts';
import { type ProductRow, products } from '../projections/products.ts';
import { Fields, Id, Line, Message, Name, Nullable, Price, Text } from '../schema.ts';
import { ProductView, productView, stockInTag } from '../queries/product.ts';
import type { Answers } from '../engine/decide/command.ts';
import { type CommandContext, defineChange, defineCommand, type Services } from './contract.ts';
import { storeIdOf } from '../queries/store.ts';
import { changeThreshold, LowStockThreshold, STOCK_MAX, withStock } from './stock.ts';
import { onCurrentClaims, using } from './claim.ts';
import { SKU_LENGTH_MAX } from '../aggregates/sku.ts';
import { claimSku, releaseSku, storedSku, updateWithSku } from './sku.ts';

/** A price in the shop's currency. Refuses zero, too many decimals and too high a price, naming the field `price`. */
export function priceOf({ settings: { currency } }: Services, amount: string | number): Money {
  const minor = toMinor(amount, currency);
  if (minor !== undefined && minor > 0) return { amount: minor, currency };
  return invalid('price', `must be ${priceInWords(currency)}`);
}

/** Unique in a store; neither case nor spacing makes a difference. */
const Sku = Line(SKU_LENGTH_MAX);

const Status = Type.Enum(PRODUCT_STATUSES);

const checkFields = ({ price, sku }: Readonly<Record<string, unknown>>, services: Services): void => {
  if (typeof price === 'string' || typeof price === 'number') priceOf(services, price);
  if (typeof sku === 'string') storedSku(sku);
};

async function categoryMustExist(context: CommandContext, id: string): Promise<void> {
  const { state } = await context.load(categoryDecider, id);
  if (state.status !== 'active') invalid('category_id', 'must be the id of a category that exists');
}

export const answers: Answers<ProductRow, Services> = {
  row: products,
  async view(row, context) {
    const [{ state: store }, { state: stock }, ratings] = await Promise.all([
      context.load(storeDecider, row.store_id, 'cached'),
      context.load(stockDecider, row.id),
      context.services.hints.ratingsOf(row.id),
    ]);
    const whole = { ...row, ...ratings, on_hand: stock.onHand, reserved: stock.reserved };
    return productView(whole, store.status === 'open' ? store.name : '');
  },
  beside: (data) => stockInTag((data as ProductView).stock),
};

const listProduct = defineChange({
  name: 'ListProduct',
  summary: 'List a product in my store',
  tag: 'products',
  route: 'POST /products',
  access: ['seller'],
  body: Fields({
    name: Name,
    description: Type.Optional(Text),
    price: Price,
    stock: Type.Integer({ minimum: 0, maximum: STOCK_MAX }),
    category_id: Id,
    sku: Type.Optional(Sku),
    status: Type.Optional(Status),
    low_stock_threshold: Type.Optional(LowStockThreshold),
  }),
  status: 201,
  result: ProductView,
  answers,
  codes: ['CONFLICT'],
  check: checkFields,
  async run({ body }, context) {
    const { amount: price, currency } = priceOf(context.services, body.price);
    const id = context.derive('product');
    await checkOnce(context, { stream: streamOf(productDecider.category, id), step: 'list' }, () =>
      categoryMustExist(context, body.category_id),
    );
    const storeId = storeIdOf(context.actor.id);
    const sku = body.sku === undefined ? null : storedSku(body.sku);
    const data = {
      ...{ name: body.name.trim(), description: body.description ?? '', price, categoryId: body.category_id },
      ...{ storeId, sellerId: context.actor.id, sku, currency },
      ...(body.status === undefined ? {} : { status: body.status }),
    };
    const isNew = sku !== null && (await context.load(productDecider, id)).state.status === 'none';
    const claimed = isNew ? await claimSku(context, { storeId, sku }, id) : undefined;
    const listed = await using(context, claimed, async () => {
      const received = { type: 'ReceiveStock', data: { quantity: body.stock } } as const;
      await context.handle(stockDecider, id, received, { step: 'receive', provisional: true });
      return context.handle(productDecider, id, { type: 'ListProduct', data }, { step: 'list' });
    });
    await changeThreshold(context, id, body.low_stock_threshold);
    return listed;
  },
});

const updateProduct = defineChange({
  name: 'UpdateProduct',
  summary: 'Change a product of mine',
  tag: 'products',
  route: 'PUT /products/:id',
  aliases: ['PATCH /products/:id'],
  access: ['seller'],
  params: Fields({ id: Id }),
  body: Fields({
    name: Type.Optional(Name),
    description: Type.Optional(Text),
    price: Type.Optional(Price),
    category_id: Type.Optional(Id),
    sku: Type.Optional(Nullable(Sku)),
    status: Type.Optional(Status),
    stock: Type.Optional(Type.Integer({ minimum: 0, maximum: STOCK_MAX })),
    low_stock_threshold: Type.Optional(LowStockThreshold),
  }),
  result: ProductView,
  answers,
  codes: ['CONFLICT', 'INSUFFICIENT_STOCK'],
  check: checkFields,
  async run({ params, body }, context) {
    const { category_id: category } = body;
    if (category !== undefined) {
      await checkOnce(context, { stream: streamOf(productDecider.category, params.id) }, () =>
        categoryMustExist(context, category),
      );
    }
    const data = {
      by: context.actor.id,
      ...(body.name === undefined ? {} : { name: body.name.trim() }),
      ...(body.description === undefined ? {} : { description: body.description }),
      ...(body.price === undefined ? {} : { price: priceOf(context.services, body.price) }),
      ...(body.category_id === undefined ? {} : { categoryId: body.category_id }),
      ...(body.status === undefined ? {} : { status: body.status }),
    };
    const { sku } = body;
    const update = () =>
      sku === undefined
        ? context.handle(productDecider, params.id, { type: 'UpdateProduct', data }, { pinned: true })
        : onCurrentClaims(() =>
            updateWithSku(context, params.id, { ...data, sku: sku === null ? null : storedSku(sku) }),
          );
    const { stock: total } = body;
    const updated = await (total === undefined ? update() : withStock(context, { id: params.id, total }, update));
    await changeThreshold(context, params.id, body.low_stock_threshold);
    return updated;
  },
});

/** The seller whose product it is: the caller; for an admin, the one who listed it. */
async function sellerOf(context: CommandContext, productId: string): Promise<string> {
  if (context.actor.role !== 'admin') return context.actor.id;
  const { state } = await context.load(productDecider, productId);
  return 'sellerId' in state ? state.sellerId : missing('ProductUnknown', 'There is no such product.');
}

const delistProduct = defineCommand({
  name: 'DelistProduct',
  summary: 'Take a product of mine off the shop; as an admin, any product',
  tag: 'products',
  route: 'DELETE /products/:id',
  access: ['seller', 'admin'],
  params: Fields({ id: Id }),
  result: Message,
  revised: 'always',
  async run({ params }, context) {
    const by = await sellerOf(context, params.id);
    const intent = { type: 'DelistProduct', data: { by } } as const;
    const { revision, state } = await context.handle(productDecider, params.id, intent, { pinned: true });
    await releaseSku(context, params.id, state);
    return { data: { message: 'product deleted' }, revision };
  },
});

export const productCommands = [listProduct, updateProduct, delistProduct];
