import { Type } from 'typebox';
import { decimalsOf, toMajor, toMinor } from '../aggregates/money.ts';
import { refundedInFull } from '../aggregates/reason.ts';
import { type OrderCommand, orderDecider, type PlacedOrder } from '../aggregates/order.ts';
import { invalid, missing } from '../errors.ts';
import { payments } from '../projections/payments.ts';
import { Amount, Fields, Id } from '../schema.ts';
import { PaymentView, paymentView } from '../queries/payment.ts';
import type { Outcome } from '../engine/decide/context.ts';
import { type CommandContext, defineChange } from './contract.ts';
import { storeIdOf } from '../queries/store.ts';
import { loadOwn, loadPlaced, methodOf, PaymentMethod } from './order.ts';
import { sealedReasons } from './reason.ts';

const unknown = (): never => missing('PaymentUnknown', 'There is no such payment.');

async function record(
  context: CommandContext,
  orderId: string,
  paymentId: string,
  intent: Pick<OrderCommand, 'type' | 'data'>,
): Promise<Outcome> {
  return { ...(await context.handle(orderDecider, orderId, intent as OrderCommand)), key: paymentId };
}

const answers = { row: payments, view: paymentView };

async function orderOf(context: CommandContext, paymentId: string): Promise<{ orderId: string; order: PlacedOrder }> {
  const orderId = (await context.services.hints.orderOfPayment(paymentId)) ?? unknown();
  return { orderId, order: await loadPlaced(context, orderId) };
}

const requestPayment = defineChange({
  name: 'RequestPayment',
  summary: 'Pay an order, or pay it again after a decline',
  tag: 'payments',
  route: 'POST /payments',
  access: 'user',
  body: Fields({ order_id: Id, method: Type.Optional(PaymentMethod) }),
  status: 201,
  result: PaymentView,
  answers,
  seenAt: (orderId) => `/orders/${orderId}/payments`,
  codes: ['CONFLICT', 'INVALID_STATUS'],
  async run({ body }, context) {
    const method = methodOf(context, body.method, 'method');
    await loadOwn(context, body.order_id);
    const paymentId = context.derive('payment');
    return record(context, body.order_id, paymentId, { type: 'RequestPayment', data: { paymentId, method } });
  },
});

const confirmPayment = defineChange({
  name: 'ConfirmPayment',
  summary: 'Confirm an authorised payment, which captures it',
  tag: 'payments',
  route: 'POST /payments/:id/confirm',
  access: 'user',
  params: Fields({ id: Id }),
  result: PaymentView,
  answers,
  codes: ['INVALID_STATUS'],
  async run({ params: { id } }, context) {
    const { orderId, order } = await orderOf(context, id);
    if (order.buyerId !== context.actor.id) unknown();
    return record(context, orderId, id, { type: 'ConfirmPayment', data: { paymentId: id } });
  },
});

const refundPayment = defineChange({
  name: 'RefundPayment',
  summary: 'Give back all or part of a captured payment',
  tag: 'payments',
  route: 'POST /payments/:id/refund',
  access: ['seller', 'admin'],
  params: Fields({ id: Id }),
  body: Fields({
    amount: Type.Optional(Amount),
    reason: Type.String({ minLength: 1, maxLength: 500, pattern: '\\S' }),
  }),
  result: PaymentView,
  answers,
  codes: ['CONFLICT'],
  async run({ params: { id }, body }, context) {
    const { orderId, order } = await orderOf(context, id);
    const storeId = context.actor.role === 'admin' ? null : storeIdOf(context.actor.id);
    if (storeId !== null && order.fulfilments[storeId] === undefined) unknown();
    const about = { id: orderId, buyerId: order.buyerId };
    const reason = await sealedReasons(context, about, body.reason, refundedInFull(body.reason));
    const data = {
      ...{ refundId: context.derive('refund'), paymentId: id, reason, storeId },
      ...(body.amount === undefined ? {} : { amount: refundAmount(body.amount, order) }),
    };
    return record(context, orderId, id, { type: 'RequestRefund', data });
  },
});

function refundAmount(amount: string | number, { money: { currency, total } }: PlacedOrder): number {
  // An order may cost more than a product's highest price; the order itself checks the upper bound.
  const minor = toMinor(amount, currency, Number.MAX_SAFE_INTEGER);
  if (minor !== undefined && minor > 0) return minor;
  return invalid(
    'amount',
    `must be above 0 and at most ${toMajor(total, currency)}, with at most ${decimalsOf(currency)} decimals`,
  );
}

export const paymentCommands = [requestPayment, confirmPayment, refundPayment];
