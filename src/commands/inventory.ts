import { Type } from 'typebox';
import { CART_ITEMS_MAX } from '../aggregates/cart.ts';
import { productDecider } from '../aggregates/product.ts';
import { placeOfStock, type SealedOrOwn } from '../aggregates/sealed.ts';
import { type AdjustStock, available, type SetStock, stockDecider, type StockState } from '../aggregates/stock.ts';
import { checkOnce } from '../engine/decide/answer.ts';
import type { Answer } from '../engine/decide/command.ts';
import type { Loaded } from '../engine/decide/services.ts';
import { invalid, missing } from '../errors.ts';
import { streamOf } from '../eventstore/eventStore.ts';
import { InventoryView, inventoryView, stockInTag } from '../queries/product.ts';
import { Fields, Id, Line, Named } from '../schema.ts';
import { type CommandContext, defineCommand } from './contract.ts';
import { productOnSale } from './prices.ts';
import { changeThreshold, LowStockThreshold, pinnedStock, STOCK_MAX } from './stock.ts';

const REASON_LENGTH_MAX = 500;
const OPERATIONS = ['set', 'add', 'subtract'] as const;
/** The reason of an adjustment for which its author gave none. */
const NO_REASON = 'no reason given';

type Intent = Pick<AdjustStock, 'type' | 'data'> | Pick<SetStock, 'type' | 'data'>;

/** Refuses a product that is not the caller's; as an admin, one that is not there. */
async function mustBeTheirs(context: CommandContext, id: string): Promise<void> {
  const { state } = await context.load(productDecider, id);
  const theirs = state.status === 'listed' && (context.actor.role !== 'seller' || state.sellerId === context.actor.id);
  if (!theirs) missing('ProductUnknown', 'You have no product with this id.');
}

/** Changes the stock of a product, by the intent that a reason completes. */
async function move(
  context: CommandContext,
  { id, reason }: { readonly id: string; readonly reason: string | undefined },
  intentWith: (reason: SealedOrOwn) => Intent,
): Promise<Answer> {
  await checkOnce(context, { stream: streamOf(stockDecider.category, id) }, () => mustBeTheirs(context, id));
  const place = placeOfStock(id, context.actor.id, 'StockAdjusted.reason');
  const given = reason === undefined ? NO_REASON : await context.services.personalData.seal(place, reason);
  return answerOf(await context.handle(stockDecider, id, intentWith(given)));
}

function answerOf({ state, revision }: Loaded<StockState>): Answer {
  const { onHand, reserved, lowBelow } = state;
  const data = inventoryView({ on_hand: onHand, reserved, low_stock_below: lowBelow });
  return { data, revision, beside: stockInTag(data) };
}

const adjustStock = defineCommand({
  name: 'AdjustStock',
  summary: 'Add to or take from the stock of a product',
  tag: 'products',
  route: 'POST /products/:id/stock',
  access: ['seller', 'admin'],
  params: Fields({ id: Id }),
  body: Fields({
    change: Type.Integer({ minimum: -STOCK_MAX, maximum: STOCK_MAX }),
    reason: Line(REASON_LENGTH_MAX),
  }),
  check({ change }) {
    if (change === 0) invalid('change', 'must not be 0');
  },
  result: InventoryView,
  revised: 'always',
  codes: ['INSUFFICIENT_STOCK'],
  run: ({ params: { id }, body: { change, reason: typed } }, context) =>
    move(context, { id, reason: typed }, (reason) => ({ type: 'AdjustStock', data: { change, reason } })),
});

const changeInventory = defineCommand({
  name: 'ChangeInventory',
  summary: 'Set the stock of a product to a total, add to it or take from it',
  tag: 'products',
  route: 'PUT /inventory/:id',
  access: ['seller', 'admin'],
  params: Fields({ id: Id }),
  body: Fields({
    operation: Type.Optional(Type.Enum(OPERATIONS, { default: 'set' })),
    quantity: Type.Optional(Type.Integer({ minimum: 0, maximum: STOCK_MAX })),
    reason: Type.Optional(Line(REASON_LENGTH_MAX)),
    low_stock_threshold: Type.Optional(LowStockThreshold),
  }),
  check({ operation, quantity, low_stock_threshold: threshold }) {
    const moves = operation === 'add' || operation === 'subtract';
    if (moves && quantity === 0) invalid('quantity', 'must be above 0 to add or to subtract');
    if (quantity !== undefined) return;
    if (operation !== undefined) invalid('quantity', 'must be there with an operation');
    if (threshold === undefined) invalid('quantity', 'must be there, or low_stock_threshold');
  },
  result: InventoryView,
  revised: 'always',
  codes: ['INSUFFICIENT_STOCK'],
  async run({ params: { id }, body }, context) {
    const { operation = 'set', quantity, reason: typed, low_stock_threshold: threshold } = body;
    if (quantity === undefined) await mustBeTheirs(context, id);
    else {
      const moved = await move(context, { id, reason: typed }, (reason) =>
        operation === 'set'
          ? { type: 'SetStock', data: { total: quantity, reason, ...pinnedStock(context) } }
          : { type: 'AdjustStock', data: { change: operation === 'add' ? quantity : -quantity, reason } },
      );
      if (threshold === undefined) return moved;
    }
    await changeThreshold(context, id, threshold);
    return answerOf(await context.load(stockDecider, id));
  },
});

const AvailabilityView = Named('Availability', {
  available: Type.Boolean({ description: 'Whether all of it can be bought together.' }),
  items: Type.Array(
    Named('ItemAvailability', {
      product_id: Id,
      quantity: Type.Integer(),
      available: Type.Boolean(),
      in_stock: Type.Integer({ description: 'Units that no order has reserved; 0 of what cannot be bought.' }),
    }),
  ),
});

/** Units of a product that can be bought now; 0 when it is not on sale. */
async function unitsOnSale(context: CommandContext, id: string): Promise<number> {
  const { currency } = context.services.settings;
  const [{ state: product, onSale }, { state: stock }] = await Promise.all([
    productOnSale(context, id),
    context.load(stockDecider, id),
  ]);
  return onSale && product.status === 'listed' && product.currency === currency ? available(stock) : 0;
}

const checkAvailability = defineCommand({
  name: 'CheckAvailability',
  summary: 'Whether all of these products can be bought now; nothing is reserved',
  tag: 'products',
  route: 'POST /inventory/check-availability',
  access: 'anyone',
  body: Fields({
    items: Type.Array(Fields({ product_id: Id, quantity: Type.Integer({ minimum: 1, maximum: STOCK_MAX }) }), {
      minItems: 1,
      maxItems: CART_ITEMS_MAX,
    }),
  }),
  result: AvailabilityView,
  async run({ body: { items } }, context) {
    const wanted = new Map<string, number>();
    for (const { product_id: id, quantity } of items) wanted.set(id, (wanted.get(id) ?? 0) + quantity);
    const found = new Map(
      await Promise.all([...wanted.keys()].map(async (id) => [id, await unitsOnSale(context, id)] as const)),
    );
    const lines = items.map(({ product_id: id, quantity }) => {
      const inStock = found.get(id) ?? 0;
      return { product_id: id, quantity, available: (wanted.get(id) ?? 0) <= inStock, in_stock: inStock };
    });
    return { data: { available: lines.every((line) => line.available), items: lines } };
  },
});

export const inventoryCommands = [adjustStock, changeInventory, checkAvailability];
