import { setTimeout as pause } from 'node:timers/promises';
import { orderDecider, type PlacedOrder } from '../aggregates/order.ts';
import type { PaymentConfirmed, PaymentRequested, RefundRequested } from '../aggregates/orderMoney.ts';
import type { Delivery, Subscription } from '../bus/bus.ts';
import { delayAfter } from '../platform/backoff.ts';
import type { CommandContext } from '../engine/decide/context.ts';
import { unavailable } from '../errors.ts';
import { idOf, type RecordedEvent } from '../eventstore/eventStore.ts';
import { failpoint } from '../platform/failpoint.ts';
import { scrub } from '../platform/scrub.ts';
import { type ChargeState, GatewayRefused, GatewayTimeout, type PaymentGateway } from './gateways/gateway.ts';
import { contextOf, type ReactionDeps } from '../engine/react/reaction.ts';

/** How often, and first how many ms apart, the outcome of an unanswered call is asked for; after that, the event is redelivered. */
const FIND_ATTEMPTS_MAX = 5;
const FIND_DELAY_MS = 200;
const FIND_DELAY_MAX_MS = 5_000;

export interface PaymentDeps extends ReactionDeps {
  readonly gateway: PaymentGateway;
  readonly findDelayMs?: number;
}

const NAME = 'payment';
const CANCELLED = 'The order was cancelled before it was charged.';

/**
 * Charges, captures and refunds as the order's events request, and records the outcomes. The payment's id is the provider's
 * key, and the provider is first asked for that key. So a redelivered event charges once, wherever it was interrupted.
 */
export const payment = (deps: PaymentDeps): Subscription => ({
  name: NAME,
  types: ['PaymentRequested', 'PaymentConfirmed', 'RefundRequested'],
  async handle({ event, signal }: Delivery) {
    const context = contextOf(NAME, event, deps);
    const { state } = await context.load(orderDecider, idOf(event.stream));
    if (state.status !== 'placed') throw new Error(`${event.type} of an order that was never placed`);
    const step: Step = {
      context,
      order: state,
      orderId: idOf(event.stream),
      gateway: deps.gateway,
      signal,
      findDelayMs: deps.findDelayMs ?? FIND_DELAY_MS,
    };
    switch (event.type) {
      case 'PaymentRequested':
        return charge(step, event as RecordedEvent<PaymentRequested>);
      case 'PaymentConfirmed':
        return capture(step, event as RecordedEvent<PaymentConfirmed>);
      case 'RefundRequested':
        return refund(step, event as RecordedEvent<RefundRequested>);
    }
  },
});

interface Step {
  readonly context: CommandContext;
  readonly order: PlacedOrder;
  readonly orderId: string;
  readonly gateway: PaymentGateway;
  readonly signal: AbortSignal;
  readonly findDelayMs: number;
}

async function charge(step: Step, { data }: RecordedEvent<PaymentRequested>): Promise<void> {
  const { gateway, signal, order } = step;
  const { paymentId: key, amount, currency, method } = data;
  if (order.money.payments[key]?.status !== 'requested') return;
  const known = await gateway.find(key, signal);
  if (known === undefined && order.cancelled) {
    await record(step, key, { status: 'declined', reason: CANCELLED });
    return;
  }
  const outcome =
    known ??
    (await certainly(
      step,
      () => unlessRefused(step, key, gateway.charge({ key, amount, currency, method }, signal)),
      () => gateway.find(key, signal),
    ));
  failpoint('payment:charged');
  await record(step, key, outcome);
}

async function capture(step: Step, { data: { paymentId: key } }: RecordedEvent<PaymentConfirmed>): Promise<void> {
  const { gateway, signal, order } = step;
  if (order.money.payments[key]?.status !== 'confirmed') return;
  const known = await gateway.find(key, signal);
  if (known === undefined) throw new GatewayRefused('The provider does not know a payment that it authorised.');
  if (known.status !== 'authorised') return record(step, key, known);
  if (order.cancelled) return record(step, key, { status: 'declined', reason: CANCELLED });
  const outcome = await certainly(
    step,
    () => gateway.capture({ key, reference: known.reference }, signal),
    async () => {
      const found = await gateway.find(key, signal);
      return found?.status === 'authorised' ? undefined : found;
    },
  );
  failpoint('payment:captured');
  await record(step, key, outcome);
}

async function refund(step: Step, { data }: RecordedEvent<RefundRequested>): Promise<void> {
  const { gateway, signal, order, context, orderId } = step;
  const { refundId: key, paymentId, amount, currency = order.money.currency } = data;
  if (order.money.refunds[key]?.done === true) return;
  const charged = await gateway.find(paymentId, signal);
  if (charged?.status !== 'captured')
    throw new GatewayRefused('The provider has captured nothing that could be refunded.');
  const { reference } =
    (await gateway.findRefund(key, signal)) ??
    (await certainly(
      step,
      () => gateway.refund({ key, reference: charged.reference, amount, currency }, signal),
      () => gateway.findRefund(key, signal),
    ));
  failpoint('payment:refunded');
  const intent = { type: 'RecordRefund', data: { refundId: key, reference } } as const;
  await context.handle(orderDecider, orderId, intent, { step: `RecordRefund:${key}` });
}

/** A refused charge counts as declined, unless the provider already knows the charge: then it throws, for an operator to look at. */
async function unlessRefused(
  { gateway, signal }: Step,
  key: string,
  charging: Promise<ChargeState>,
): Promise<ChargeState> {
  try {
    return await charging;
  } catch (error) {
    if (!(error instanceof GatewayRefused) || (await gateway.find(key, signal)) !== undefined) throw error;
    return { status: 'declined', reason: error.message };
  }
}

/** Calls `act` once. After a timeout it asks for the outcome instead of calling again; refuses when the outcome stays unknown. */
async function certainly<T>(
  { signal, findDelayMs }: Step,
  act: () => Promise<T>,
  ask: () => Promise<T | undefined>,
): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof GatewayTimeout)) throw error;
    for (let attempt = 1; attempt <= FIND_ATTEMPTS_MAX; attempt += 1) {
      const known = await answered(ask);
      if (known !== undefined) return known;
      await pause(delayAfter({ delayMs: findDelayMs, delayMaxMs: FIND_DELAY_MAX_MS }, attempt), undefined, { signal });
    }
    throw unavailable(
      'PaymentOutcomeUnknown',
      'The payment provider has not reported the outcome of a payment.',
      error,
    );
  }
}

async function answered<T>(ask: () => Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof GatewayTimeout) return undefined;
    throw error;
  }
}

async function record({ context, orderId }: Step, paymentId: string, state: ChargeState): Promise<void> {
  switch (state.status) {
    case 'authorised': {
      const data = { paymentId, reference: state.reference };
      const intent = { type: 'RecordAuthorisation', data } as const;
      await context.handle(orderDecider, orderId, intent, { step: `RecordAuthorisation:${paymentId}` });
      return;
    }
    case 'captured': {
      const { reference, amount, currency } = state;
      const data = { paymentId, reference, amount, currency, refundId: context.derive(`refund:${paymentId}`) };
      const intent = { type: 'RecordCapture', data } as const;
      await context.handle(orderDecider, orderId, intent, { step: `RecordCapture:${paymentId}` });
      return;
    }
    case 'declined': {
      const intent = { type: 'RecordDecline', data: { paymentId, reason: scrub(state.reason) } } as const;
      await context.handle(orderDecider, orderId, intent, { step: `RecordDecline:${paymentId}` });
      return;
    }
  }
}
