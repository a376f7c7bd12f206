import { Type } from 'typebox';
import { amountInWords, type Money, toMajor, toMinor } from '../aggregates/money.ts';
import { worthOf } from '../aggregates/orderLines.ts';
import { refundedInFull } from '../aggregates/reason.ts';
import { type OrderCommand, orderDecider, type PlacedOrder } from '../aggregates/order.ts';
import { invalid, missing } from '../errors.ts';
import { replay } from '../engine/project/projection.ts';
import { type PaymentRow, payments } from '../projections/payments.ts';
import { Amount, Currency, Fields, Id, Line } from '../schema.ts';
import { PaymentView, paymentView } from '../queries/payment.ts';
import { answerWith, pagesOf } from '../engine/decide/answer.ts';
import type { Answer } from '../engine/decide/command.ts';
import type { Outcome } from '../engine/decide/context.ts';
import { createPartReader, viewerOf } from '../queries/orderPart.ts';
import { type CommandContext, defineChange, defineCommand } from './contract.ts';
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

/** A caller may say what they expect to pay. A payment is of the order's whole total, and of nothing else. */
function mustBeTheTotal(
  { money: { total, currency } }: PlacedOrder,
  expected: { readonly amount?: string | number; readonly currency?: string },
): void {
  if (expected.currency !== undefined && expected.currency.toUpperCase() !== currency) {
    invalid('currency', `must be ${currency}, the currency of the order, or absent`);
  }
  if (expected.amount !== undefined && toMinor(expected.amount, currency) !== total) {
    invalid('amount', `must be ${toMajor(total, currency)}, the total of the order, or absent`);
  }
}

const requestPayment = defineChange({
  name: 'RequestPayment',
  summary: 'Pay an order, or pay it again after a decline',
  tag: 'payments',
  route: 'POST /payments',
  access: 'user',
  body: Fields({
    order_id: Id,
    method: Type.Optional(PaymentMethod),
    amount: Type.Optional(Amount),
    currency: Type.Optional(Currency),
  }),
  check: ({ method }, services) => {
    if (typeof method === 'string') methodOf(services, method, 'method');
  },
  status: 201,
  result: PaymentView,
  answers,
  seenAt: (orderId) => `/orders/${orderId}/payments`,
  codes: ['CONFLICT', 'INVALID_STATUS'],
  async run({ body }, context) {
    const method = methodOf(context.services, body.method, 'method');
    mustBeTheTotal(await loadOwn(context, body.order_id), body);
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
  body: Fields({
    payment_intent_id: Type.Optional(
      Type.String({
        maxLength: 200,
        description: "The gateway's own name of the payment. It is known already and not used.",
      }),
    ),
  }),
  result: PaymentView,
  answers,
  codes: ['INVALID_STATUS'],
  async run({ params: { id } }, context) {
    const { orderId, order } = await orderOf(context, id);
    if (order.buyerId !== context.actor.id) unknown();
    return record(context, orderId, id, { type: 'ConfirmPayment', data: { paymentId: id } });
  },
});

/** The payment as a store may see it: its share of the amounts. */
async function answerForStore(context: CommandContext, storeId: string, outcome: Outcome): Promise<Answer> {
  const { stream, revision, key = unknown() } = outcome;
  const inPart = createPartReader(storeId);
  let row: PaymentRow | undefined;
  for await (const page of pagesOf(context.services.store, stream, revision)) {
    const seen = page.flatMap((event) => inPart(event) ?? []);
    row = replay(payments, key, seen, row);
  }
  return { data: paymentView(row ?? unknown()), revision };
}

const refundPayment = defineCommand({
  name: 'RefundPayment',
  summary: 'Give back all or part of a captured payment',
  tag: 'payments',
  route: 'POST /payments/:id/refund',
  access: ['seller', 'admin'],
  params: Fields({ id: Id }),
  body: Fields({
    amount: Type.Optional(Amount),
    reason: Line(500),
  }),
  result: PaymentView,
  revised: 'always',
  codes: ['CONFLICT'],
  async run({ params: { id }, body }, context) {
    const { orderId, order } = await orderOf(context, id);
    const viewer = viewerOf(context.actor, order) ?? unknown();
    const storeId = context.actor.role === 'admin' ? null : storeIdOf(context.actor.id);
    if (storeId !== null && order.fulfilments[storeId] === undefined) unknown();
    const most = storeId === null ? order.money.total : worthOf(order.lines, storeId);
    const about = { id: orderId, buyerId: order.buyerId };
    const reason = await sealedReasons(context, about, body.reason, refundedInFull(body.reason));
    const data = {
      ...{ refundId: context.derive('refund'), paymentId: id, reason, storeId },
      ...(body.amount === undefined ? {} : { amount: refundAmount(body.amount, order.money.currency, most) }),
    };
    const outcome = await record(context, orderId, id, { type: 'RequestRefund', data });
    return viewer.sees === 'all'
      ? answerWith(answers, outcome, context)
      : answerForStore(context, viewer.storeId, outcome);
  },
});

/** `most`: what there is to refund at all, for the message. What is left of it is for the order to check. */
function refundAmount(amount: string | number, currency: string, most: number): Money {
  // An order may cost more than a product's highest price.
  const minor = toMinor(amount, currency, Number.MAX_SAFE_INTEGER);
  if (minor !== undefined && minor > 0) return { amount: minor, currency };
  return invalid('amount', `must be ${amountInWords(currency, { above: true, most })}`);
}

export const paymentCommands = [requestPayment, confirmPayment, refundPayment];
