import { type Static, Type } from 'typebox';
import { pagesOf } from '../engine/decide/answer.ts';
import { missing } from '../errors.ts';
import { streamOf } from '../eventstore/eventStore.ts';
import type { OrderRow } from '../projections/orders.ts';
import { Currency, Fields, Id, Instant, Money, Nullable, Named } from '../schema.ts';
import { endsPast, type Moment } from '../engine/ask/history.ts';
import { newestFirst, readPage } from '../engine/ask/pages.ts';
import { addTimes, conditions, Paging, Times } from '../engine/ask/paging.ts';
import { defineQuery, type QueryContext } from './contract.ts';
import { toMajor } from '../aggregates/money.ts';
import { sealedInOrder } from '../aggregates/sealed.ts';
import { ORDER_STATUSES } from '../aggregates/fulfilment.ts';
import { createOrderReader, partStatus, viewerOf } from './orderPart.ts';

export const OrderStatusText = Type.Enum(ORDER_STATUSES);

export const LineView = Named('OrderLine', {
  product_id: Id,
  store_id: Id,
  name: Type.String(),
  price: Money,
  quantity: Type.Integer(),
  subtotal: Money,
});

/** The text or object that the buyer gave; `[erased]` when the person was erased. */
export const AddressView = Type.Unknown();

export const OrderView = Named('Order', {
  id: Id,
  buyer_id: Id,
  status: OrderStatusText,
  items: Type.Array(LineView),
  total: Money,
  currency: Currency,
  fulfilments: Type.Array(Fields({ store_id: Id, status: OrderStatusText })),
  payment: Fields({
    id: Nullable(Id),
    method: Nullable(Type.String()),
    status: Nullable(Type.String()),
    captured: Money,
    refunded: Money,
    pay_by: Instant,
  }),
  shipping_address: AddressView,
  billing_address: AddressView,
  notes: Nullable(Type.String()),
  cancel_reason: Nullable(
    Type.String({ description: 'Why the order was cancelled, or the part of it that was cancelled last.' }),
  ),
  created_at: Instant,
  updated_at: Instant,
});
export type OrderView = Static<typeof OrderView>;

export const lineView = (line: OrderRow['lines'][number], currency: string): Static<typeof LineView> => ({
  product_id: line.productId,
  store_id: line.storeId,
  name: line.name,
  price: toMajor(line.price, currency),
  quantity: line.quantity,
  subtotal: toMajor(line.price * line.quantity, currency),
});

/** Parses a revealed address as JSON; a text that is not JSON (`[erased]`) stays text. */
export const address = (text: string | null): unknown => {
  if (text === null) return null;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
};

/** Expects a `row` whose personal fields are already revealed. */
export const orderView = (row: OrderRow): OrderView => ({
  id: row.id,
  buyer_id: row.buyer_id,
  status: row.status,
  items: row.lines.map((line) => lineView(line, row.currency)),
  total: toMajor(row.total, row.currency),
  currency: row.currency,
  fulfilments: Object.entries(row.fulfilments).map(([storeId, status]) => ({
    store_id: storeId,
    status: partStatus(row, status),
  })),
  payment: {
    id: row.payment_id,
    method: row.payment_method,
    status: row.payment_status,
    captured: toMajor(row.captured, row.currency),
    refunded: toMajor(row.refunded, row.currency),
    pay_by: row.pay_by,
  },
  shipping_address: address(row.shipping_address),
  billing_address: address(row.billing_address),
  notes: row.notes,
  cancel_reason: row.cancel_reason,
  created_at: row.created_at,
  updated_at: row.updated_at,
});

export const unknownOrder = (): never => missing('OrderUnknown', 'There is no such order.');

export const OrderFilters = { status: Type.Optional(Type.Enum(ORDER_STATUSES)), ...Times(Instant) };

const listOrders = defineQuery({
  name: 'ListOrders',
  summary: 'My orders, newest first',
  tag: 'orders',
  route: 'GET /orders',
  aliases: ['GET /transactions'],
  access: 'user',
  query: Fields({ ...Paging, ...OrderFilters }),
  result: Type.Array(OrderView),
  paginated: true,
  reads: ['orders'],
  async run({ query }, context) {
    const { actor, services } = context;
    const where = conditions();
    where.add('buyer_id = ?', actor.id);
    if (query.status !== undefined) where.add('status = ?', query.status);
    addTimes(where, 'created_at', query);
    const sql = { columns: '*', from: 'orders', where, order: newestFirst() };
    const { rows, pagination } = await readPage<OrderRow>(context, sql, query);
    const revealed = await services.personalData.revealAll(rows, sealedInOrder);
    return { data: revealed.map(orderView), pagination };
  },
});

interface Found {
  readonly row: OrderRow;
  readonly revision: bigint;
}

/** The order as the caller may see it, folded from its events up to a moment. */
async function asItWas(id: string, moment: Moment, { actor, store }: QueryContext): Promise<Found> {
  const read = createOrderReader(id, actor, unknownOrder);
  let row: OrderRow | undefined;
  let revision: bigint | undefined;
  fold: for await (const page of pagesOf(store, streamOf('order', id))) {
    for (const event of page) {
      if (endsPast(event, moment)) break fold;
      row = read(event)?.row ?? row;
      ({ revision } = event);
    }
  }
  return row === undefined || revision === undefined ? unknownOrder() : { row, revision };
}

/** The order as the caller may see it, from the read model. It has no sums per store, so a seller's part comes from the events. */
async function asItIs(id: string, context: QueryContext): Promise<Found> {
  const { actor, db } = context;
  const [row] = await db.rows<OrderRow & { revision: number }>('SELECT * FROM orders WHERE id = $1', [id]);
  if (row === undefined) return unknownOrder();
  const viewer = viewerOf(actor, { buyerId: row.buyer_id, lines: row.lines }) ?? unknownOrder();
  if (viewer.sees === 'part') return asItWas(id, { revision: row.revision }, context);
  return { row, revision: BigInt(row.revision) };
}

const getOrder = defineQuery({
  name: 'GetOrder',
  summary: 'An order, as it is or as it was (`as_of`, `revision`)',
  tag: 'orders',
  route: 'GET /orders/:id',
  aliases: ['GET /transactions/:id'],
  access: 'user',
  params: Fields({ id: Id }),
  query: Fields({
    as_of: Type.Optional(Instant),
    revision: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  }),
  result: OrderView,
  revised: 'always',
  reads: ['orders'],
  async run({ params: { id }, query }, context) {
    const then = query.as_of !== undefined || query.revision !== undefined;
    const moment = { asOf: query.as_of, revision: query.revision };
    const { row, revision } = await (then ? asItWas(id, moment, context) : asItIs(id, context));
    return { data: orderView(await context.services.personalData.reveal(row, sealedInOrder(row))), revision };
  },
});

export const orderQueries = [listOrders, getOrder];
