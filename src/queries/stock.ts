import { Type } from 'typebox';
import { sealedInEvent } from '../aggregates/sealed.ts';
import { missing } from '../errors.ts';
import { NO_STREAM, streamOf } from '../eventstore/eventStore.ts';
import type { ProductRow } from '../projections/products.ts';
import { Fields, Id, Instant, Nullable, Named } from '../schema.ts';
import {
  type FoundProduct,
  InventoryView,
  inventoryView,
  PRODUCT_COLUMNS,
  ProductView,
  productView,
} from './product.ts';
import { type Order, pageOf } from '../engine/ask/pages.ts';
import { conditions, EventPaging, eventPageOf, Paging } from '../engine/ask/paging.ts';
import { defineQuery, type QueryContext } from './contract.ts';
import { KEPT } from './visible.ts';

export const LOW_STOCK_BELOW_DEFAULT = 10;

/** A product of the calling seller, or any product for an admin; also a hidden one. */
async function theirs(id: string, { actor, db }: QueryContext): Promise<ProductRow> {
  const [row] = await db.rows<ProductRow>(`SELECT * FROM products p WHERE p.id = $1 AND ${KEPT}`, [id]);
  if (row === undefined || (actor.role === 'seller' && row.seller_id !== actor.id)) {
    return missing('ProductUnknown', 'You have no product with this id.');
  }
  return row;
}

const getStock = defineQuery({
  name: 'GetStock',
  summary: 'Stock of a product of mine',
  tag: 'products',
  route: 'GET /products/:id/stock',
  aliases: ['GET /inventory/:id'],
  access: ['seller', 'admin'],
  params: Fields({ id: Id }),
  result: InventoryView,
  reads: ['products'],
  run: async ({ params }, context) => ({ data: inventoryView(await theirs(params.id, context)) }),
});

/** The data fields of all stock events together. */
interface MovementData {
  readonly quantity?: number;
  readonly change?: number;
  readonly reason?: string;
  readonly orderId?: string;
}

const StockMovement = Named('StockMovement', {
  revision: Type.String(),
  position: Type.String(),
  type: Type.String(),
  at: Instant,
  actor: Type.String(),
  quantity: Type.Integer(),
  reason: Nullable(Type.String()),
  order_id: Nullable(Id),
});

const listStockHistory = defineQuery({
  name: 'ListStockHistory',
  summary: 'Every change of the stock of a product of mine, oldest first',
  tag: 'products',
  route: 'GET /products/:id/stock/history',
  aliases: ['GET /inventory/:id/history'],
  access: ['seller', 'admin'],
  params: Fields({ id: Id }),
  query: Fields(EventPaging),
  result: Type.Array(StockMovement),
  reads: ['products'],
  async run({ params, query }, context) {
    await theirs(params.id, context);
    const { after = NO_STREAM, limit } = eventPageOf(query);
    const events = await context.store.read(streamOf('stock', params.id), after + 1n, limit);
    const opened = await context.services.personalData.revealAll(
      events.map(({ data }) => data),
      (_data, index) => sealedInEvent(events[index]!, events[index]!.metadata.actor),
    );
    return {
      data: events.map(({ revision, position, type, metadata }, index) => {
        const data = opened[index]!;
        const { quantity, change, reason, orderId } = data as MovementData;
        return {
          ...{
            revision: String(revision),
            position: String(position),
            type,
            at: metadata.occurredAt,
            actor: metadata.actor,
          },
          ...{ quantity: quantity ?? change ?? 0, reason: reason ?? null, order_id: orderId ?? null },
        };
      }),
    };
  },
});

const LEAST_FIRST: Order = {
  keys: [
    { sql: '(p.on_hand - p.reserved)', type: 'bigint' },
    { sql: 'p.id', type: 'uuid' },
  ],
  descending: false,
};

/** Bounds the rows that are compared each with its own threshold, so that an index finds them. */
const HIGHEST_THRESHOLD = `(SELECT greatest(${LOW_STOCK_BELOW_DEFAULT}, max(t.low_stock_below)) FROM products t
  WHERE t.seller_id = ? AND t.low_stock_below IS NOT NULL)`;

const listLowStock = defineQuery({
  name: 'ListLowStock',
  summary: 'Products of mine of which little is left: less than `below`, or than the threshold of each, or than 10',
  tag: 'products',
  route: 'GET /inventory/low-stock',
  access: ['seller'],
  query: Fields({
    ...Paging,
    below: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000 })),
  }),
  result: Type.Array(ProductView),
  paginated: true,
  reads: ['products', 'stores'],
  run({ query }, context) {
    const where = conditions(KEPT);
    where.add('p.seller_id = ?', context.actor.id);
    if (query.below === undefined) {
      where.add(`p.on_hand - p.reserved < ${HIGHEST_THRESHOLD}`, context.actor.id);
      where.add('p.on_hand - p.reserved < coalesce(p.low_stock_below, ?)', LOW_STOCK_BELOW_DEFAULT);
    } else where.add('p.on_hand - p.reserved < ?', query.below);
    const sql = { columns: PRODUCT_COLUMNS, from: 'products p JOIN stores s ON s.id = p.store_id', where };
    return pageOf<FoundProduct>(context, { ...sql, order: LEAST_FIRST }, query, (row) =>
      productView(row, row.store_name),
    );
  },
});

export const stockQueries = [getStock, listStockHistory, listLowStock];
