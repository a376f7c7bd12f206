import { Type, type Static } from 'typebox';
import { worthOf } from '../aggregates/orderLines.ts';
import { toMajor } from '../aggregates/money.ts';
import { sealedInOrder } from '../aggregates/sealed.ts';
import { newestFirst, readPage } from '../engine/ask/pages.ts';
import { addTimes, conditions, Paging } from '../engine/ask/paging.ts';
import type { OrderRow } from '../projections/orders.ts';
import { Currency, Fields, Id, Instant, Money, Named } from '../schema.ts';
import { defineQuery } from './contract.ts';
import { address, AddressView, lineView, LineView, OrderFilters, OrderStatusText } from './order.ts';
import { addPartStatus, partStatus } from './orderPart.ts';
import { storeIdOf } from './store.ts';

/** An order as one of its sellers sees it: only their lines and their part of the total. */
export const SellerOrderView = Named('SellerOrder', {
  id: Id,
  store_id: Id,
  status: OrderStatusText,
  items: Type.Array(LineView),
  total: Money,
  currency: Currency,
  shipping_address: AddressView,
  created_at: Instant,
  updated_at: Instant,
});
export type SellerOrderView = Static<typeof SellerOrderView>;

export function sellerOrderView(row: OrderRow, storeId: string): SellerOrderView {
  const lines = row.lines.filter((line) => line.storeId === storeId);
  return {
    id: row.id,
    store_id: storeId,
    status: partStatus(row, row.fulfilments[storeId] ?? 'pending'),
    items: lines.map((line) => lineView(line, row.currency)),
    total: toMajor(worthOf(row.lines, storeId), row.currency),
    currency: row.currency,
    shipping_address: address(row.shipping_address),
    created_at: row.created_at,
    updated_at: row.updated_at,
  };
}

/** Parts with their orders, looked up one by one until enough are counted: a join of whole tables would read all orders of the shop. */
const ONE_BY_ONE = `order_parts t
  CROSS JOIN LATERAL (SELECT status, paid FROM orders WHERE id = t.order_id OFFSET 0) o`;

const listSellerOrders = defineQuery({
  name: 'ListSellerOrders',
  summary: 'Orders with products of mine, newest first',
  tag: 'orders',
  route: 'GET /seller/orders',
  access: ['seller'],
  query: Fields({ ...Paging, ...OrderFilters }),
  result: Type.Array(SellerOrderView),
  paginated: true,
  reads: ['orders', 'order_parts'],
  async run({ query }, context) {
    const { actor, services } = context;
    const storeId = storeIdOf(actor.id);
    const where = conditions();
    where.add('t.store_id = ?', storeId);
    addTimes(where, 't.created_at', query);
    if (query.status !== undefined) addPartStatus(where, query.status);
    const from = 'order_parts t JOIN orders o ON o.id = t.order_id';
    const countFrom = query.status === undefined ? 'order_parts t' : ONE_BY_ONE;
    const sql = { columns: 'o.*', from, countFrom, where, order: newestFirst('t.', 'order_id') };
    const { rows, pagination } = await readPage<OrderRow>(context, sql, query);
    const revealed = await services.personalData.revealAll(rows, sealedInOrder);
    return { data: revealed.map((row) => sellerOrderView(row, storeId)), pagination };
  },
});

export const sellerOrderQueries = [listSellerOrders];
