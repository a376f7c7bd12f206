import { Type, type Static } from 'typebox';
import { toMajor } from '../aggregates/money.ts';
import type { PaymentRow } from '../projections/payments.ts';
import { Currency, Fields, Id, Instant, Money, Nullable } from '../schema.ts';

export const PaymentView = Fields({
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
