import { setTimeout as delay } from 'node:timers/promises';
import { toMajor } from '../aggregates/money.ts';
import { FULFILMENT_STEPS, stepOf } from '../aggregates/fulfilment.ts';
import { orderDecider, type PlacedOrder } from '../aggregates/order.ts';
import { pay } from '../aggregates/orderMoney.ts';
import type { Actor } from '../engine/decide/context.ts';
import { isRefusal } from '../errors.ts';
import { type EventStore, idOf } from '../eventstore/eventStore.ts';
import { perform } from './contracts.ts';
import { CANCEL_REASONS } from './seedCatalogue.ts';
import type { Fate, OrderPlan } from './seedPlan.ts';
import { contextFor, patiently, type Seeding, type Stocked } from './seedShop.ts';

/** How long the payment handler may take for one order while a thousand others wait, ms. */
const PAYMENT_WAIT_MAX_MS = 120_000;
type Step = (typeof FULFILMENT_STEPS)[number];

/** The last fulfilment step of an order with this fate; undefined for none. */
const FURTHEST: Readonly<Record<Fate, Step | undefined>> = {
  completed: 'completed',
  shipped: 'shipped',
  processing: 'processing',
  paid: undefined,
  cancelled: undefined,
  declined: undefined,
  'paid at the second attempt': 'completed',
  refunded: 'completed',
  'refunded in part': 'completed',
};

type Outcome = 'PaymentCaptured' | 'PaymentDeclined';

/** Follows the log for the outcomes of payments. */
export interface PaymentWatch {
  /** Resolves once the order has this outcome after the position where the watch began. */
  until(orderId: string, outcome: Outcome): Promise<void>;
  stop(): Promise<void>;
}

export function watchPayments(store: EventStore, after: bigint): PaymentWatch {
  const stopping = new AbortController();
  const seen = new Set<string>();
  const waiting = new Map<string, () => void>();
  const watch = async (): Promise<void> => {
    for await (const events of store.follow(after, { signal: stopping.signal })) {
      for (const { type, stream } of events) {
        if (type !== 'PaymentCaptured' && type !== 'PaymentDeclined') continue;
        const key = `${idOf(stream)} ${type}`;
        seen.add(key);
        waiting.get(key)?.();
      }
    }
  };
  const watching = watch();
  const over = watching.then(() => {
    throw new Error('Payments are no longer watched.');
  });
  over.catch(() => undefined);
  return {
    async until(orderId, outcome) {
      const key = `${orderId} ${outcome}`;
      if (seen.has(key)) return;
      const bound = new AbortController();
      const happened = new Promise<void>((resolve) => waiting.set(key, resolve));
      const late = delay(PAYMENT_WAIT_MAX_MS, undefined, { signal: bound.signal }).then(() => {
        throw new Error(`No payment handler has answered for order ${orderId} within ${PAYMENT_WAIT_MAX_MS} ms.`);
      });
      late.catch(() => undefined);
      await Promise.race([happened, late, over]).finally(() => bound.abort());
      waiting.delete(key);
    },
    async stop() {
      stopping.abort();
      await watching;
    },
  };
}

const isAt = (order: PlacedOrder, step: Step | undefined): boolean =>
  step === undefined ||
  Object.values(order.fulfilments).every((now) => now === 'cancelled' || stepOf(now) >= stepOf(step));

/** Whether nothing is left to do for the order to meet its fate. */
function isSettled(fate: Fate, order: PlacedOrder): boolean {
  if (order.cancelled) return true;
  if (fate === 'declined') return Object.values(order.money.payments).some(({ status }) => status === 'declined');
  if (fate === 'cancelled' || !pay.hasCaptured(order.money)) return false;
  const refunds = fate === 'refunded' || fate === 'refunded in part';
  return isAt(order, FURTHEST[fate]) && (!refunds || order.money.refundRequested > 0);
}

export interface Placed {
  readonly plan: OrderPlan;
  readonly id: string;
  readonly buyer: Actor;
}

/** Brings an order to its fate. When the shop refuses a step, because the order was changed meanwhile, the order is left as it is. */
export async function followUp(seeding: Seeding, shop: Stocked, watch: PaymentWatch, placed: Placed): Promise<void> {
  const { state } = await seeding.shop.services.aggregates.load(orderDecider, placed.id);
  if (state.status !== 'placed' || isSettled(placed.plan.fate, state)) return;
  try {
    await settle(seeding, { shop, watch, order: state }, placed);
  } catch (error) {
    if (!isRefusal(error) || error.kind === 'unavailable') throw error;
  }
}

interface World {
  readonly shop: Stocked;
  readonly watch: PaymentWatch;
  readonly order: PlacedOrder;
}

async function settle(seeding: Seeding, world: World, placed: Placed): Promise<void> {
  const { plan, id, buyer } = placed;
  const ask = (name: string, step: string, actor: Actor, input: Parameters<typeof perform>[2]): Promise<unknown> =>
    patiently(() => perform(contextFor(seeding, `${plan.key}:${step}`, actor), name, input));
  const statuses = Object.values(world.order.money.payments).map(({ status }) => status);
  const captured = statuses.includes('captured');
  const declined = statuses.includes('declined');

  if (plan.fate === 'cancelled') {
    const reason = CANCEL_REASONS[plan.lines.length % CANCEL_REASONS.length]!;
    await ask('CancelOrder', 'cancel', buyer, { params: { id }, body: { reason } });
    return;
  }
  if (plan.fate === 'declined' || plan.fate === 'paid at the second attempt') {
    if (!declined) await world.watch.until(id, 'PaymentDeclined');
    if (plan.fate === 'declined') return;
    await ask('RequestPayment', 'pay again', buyer, { body: { order_id: id, method: 'sandbox' } });
  }
  if (!captured) await world.watch.until(id, 'PaymentCaptured');
  for (const storeId of Object.keys(world.order.fulfilments)) {
    for (const status of FULFILMENT_STEPS.slice(0, FULFILMENT_STEPS.indexOf(FURTHEST[plan.fate]!) + 1)) {
      await ask('AdvanceOrder', `${storeId}:${status}`, sellerOf(world, storeId), { params: { id }, body: { status } });
    }
  }
  if (plan.fate === 'refunded' || plan.fate === 'refunded in part') await giveBack(seeding, world, placed, ask);
}

const sellerOf = ({ shop }: World, storeId: string): Actor => {
  const seller = shop.sellers.get(storeId);
  if (seller === undefined) throw new Error(`Nobody of this seed owns the store ${storeId}.`);
  return seller;
};

/** Refunds all of it as the admin, or one unit of the first line as its seller. */
async function giveBack(
  seeding: Seeding,
  world: World,
  { plan, id }: Placed,
  ask: (name: string, step: string, actor: Actor, input: Parameters<typeof perform>[2]) => Promise<unknown>,
): Promise<void> {
  const { state } = await seeding.shop.services.aggregates.load(orderDecider, id);
  if (state.status !== 'placed') return;
  const { payments, currency } = state.money;
  const paid = Object.entries(payments).find(([, { status }]) => status === 'captured');
  const line = state.lines[0];
  if (paid === undefined || line === undefined) return;
  const whole = plan.fate === 'refunded';
  const actor = whole ? world.shop.admin : sellerOf(world, line.storeId);
  const reason = whole ? 'damaged on the way' : 'one piece was missing';
  const body = { reason, ...(whole ? {} : { amount: toMajor(line.price, currency) }) };
  await ask('RefundPayment', 'refund', actor, { params: { id: paid[0] }, body });
}
