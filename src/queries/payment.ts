import { type Static, Type } from 'typebox';
import { missing } from '../errors.ts';
import type { PaymentRow } from '../projections/payments.ts';
import { Currency, Fields, Id, Instant, Money, Nullable, Named } from '../schema.ts';
import { newestFirst, type Order, pageOf } from '../engine/ask/pages.ts';
import { conditions, type Conditions, Paging } from '../engine/ask/paging.ts';
import { defineQuery, type QueryContext } from './contract.ts';
import { toMajor } from '../aggregates/money.ts';

export const PaymentView = Named('Payment', {
  id: Id,
  order_id: Id,
  attempt: Type.Integer(),
  method: Type.String(),
  status: Type.String(),
  amount: Money,
  refund_requested: Money,
  refunded: Money,
  currency: Currency,
  decline_reason: Nullable(Type.String()),
  created_at: Instant,
  updated_at: Instant,
});
export type PaymentView = Static<typeof PaymentView>;

export const paymentView = (row: PaymentRow): PaymentView => ({
  id: row.id,
  order_id: row.order_id,
  attempt: row.attempt,
  method: row.method,
  status: row.status,
  amount: toMajor(row.amount, row.currency),
  refund_requested: toMajor(row.refund_requested, row.currency),
  refunded: toMajor(row.refunded, row.currency),
  currency: row.currency,
  decline_reason: row.decline_reason,
  created_at: row.created_at,
  updated_at: row.updated_at,
});

const FROM = 'payments p JOIN orders o ON o.id = p.order_id';

/** The actor's own payments; all of them for an admin. */
function visible({ actor }: QueryContext): Conditions {
  const where = conditions();
  if (actor.role !== 'admin') where.add('o.buyer_id = ?', actor.id);
  return where;
}

const listPayments = defineQuery({
  name: 'ListPayments',
  summary: 'My payments, newest first',
  tag: 'payments',
  route: 'GET /payments',
  access: 'user',
  query: Fields(Paging),
  result: Type.Array(PaymentView),
  paginated: true,
  reads: ['payments', 'orders'],
  run({ query }, context) {
    const from = context.actor.role === 'admin' ? 'payments p' : FROM;
    const sql = { columns: 'p.*', from, where: visible(context), order: newestFirst('p.') };
    return pageOf<PaymentRow>(context, sql, query, paymentView);
  },
});

const getPayment = defineQuery({
  name: 'GetPayment',
  summary: 'A payment of mine',
  tag: 'payments',
  route: 'GET /payments/:id',
  access: 'user',
  params: Fields({ id: Id }),
  result: PaymentView,
  reads: ['payments', 'orders'],
  async run({ params }, context) {
    const where = visible(context);
    where.add('p.id = ?', params.id);
    const [row] = await context.db.rows<PaymentRow>(`SELECT p.* FROM ${FROM} ${where.where()}`, where.values);
    return { data: paymentView(row ?? missing('PaymentUnknown', 'There is no such payment.')) };
  },
});

const BY_ATTEMPT: Order = {
  keys: [
    { sql: 'p.attempt', type: 'int' },
    { sql: 'p.id', type: 'uuid' },
  ],
  descending: false,
};

const listOrderPayments = defineQuery({
  name: 'ListOrderPayments',
  summary: 'Every attempt to pay an order of mine, oldest first',
  tag: 'payments',
  route: 'GET /orders/:id/payments',
  aliases: ['GET /payments/order/:id'],
  access: 'user',
  params: Fields({ id: Id }),
  query: Fields(Paging),
  result: Type.Array(PaymentView),
  paginated: true,
  reads: ['payments', 'orders'],
  async run({ params, query }, context) {
    const where = visible(context);
    where.add('o.id = ?', params.id);
    const sql = { columns: 'p.*', from: FROM, where, order: BY_ATTEMPT };
    const page = await pageOf<PaymentRow>(context, sql, query, paymentView);
    return page.pagination.total_items === 0 ? missing('OrderUnknown', 'There is no such order.') : page;
  },
});

export const paymentQueries = [listPayments, getPayment, listOrderPayments];
