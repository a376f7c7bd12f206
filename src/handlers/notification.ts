import { categoryOf, idOf, type RecordedEvent } from '../eventstore/eventStore.ts';
import { orderDecider, type OrderEvent, type PlacedOrder } from '../aggregates/order.ts';
import { pay } from '../aggregates/orderMoney.ts';
import { productDecider } from '../aggregates/product.ts';
import type { StockRanLow } from '../aggregates/stock.ts';
import { sealedInEvent, sealedInUser } from '../aggregates/sealed.ts';
import { type ActiveUser, userDecider } from '../aggregates/user.ts';
import type { EmailChanged, LinkRequested } from '../aggregates/userLinks.ts';
import { linkMailOf } from './linkMail.ts';
import type { Subscription } from '../bus/bus.ts';
import { ERASED } from '../eventstore/sealing.ts';
import type { Pool } from '../platform/postgres/pool.ts';
import type { Sender } from './senders/mailer.ts';
import { type Channel, closeLeft, sendOnce } from './senders/outbox.ts';
import type { Services } from '../commands/contract.ts';
import type { ReactionDeps } from '../engine/react/reaction.ts';
import { type Message, type OrderFacts, templates } from './senders/templates.ts';

export interface NotificationDeps extends ReactionDeps {
  /** Where people reach the shop; mailed links begin with it. */
  readonly publicUrl: () => string;
  readonly services: Services;
  readonly pool: Pool;
  readonly senders: Readonly<Record<Channel, Sender>>;
}

interface Addressee {
  readonly order: PlacedOrder;
  readonly facts: OrderFacts;
}

/** The message to the buyer for each type of order event; types that are not listed send none. */
const ORDER_MESSAGES: {
  readonly [Type in OrderEvent['type']]?: (
    data: Extract<OrderEvent, { type: Type }>['data'],
    to: Addressee,
  ) => Message | undefined;
} = {
  OrderPlaced: (_data, { facts }) => templates.orderPlaced(facts),
  PaymentCaptured: ({ paymentId, amount }, { order, facts }) =>
    pay.isPaidWith(order.money, paymentId) ? templates.orderPaid(facts, amount) : undefined,
  PaymentDeclined: ({ reason }, { order, facts }) =>
    order.cancelled ? undefined : templates.paymentDeclined(facts, reason),
  OrderCancelled: ({ reason }, { order, facts }) =>
    templates.orderCancelled(facts, { reason, givenBack: order.money.refundRequested > 0 }),
  FulfilmentCancelled({ storeId, reason }, { order, facts }) {
    const lines = order.lines.filter((line) => line.storeId === storeId);
    const givenBack = order.money.refundRequested > 0;
    return templates.linesCancelled({ ...facts, lines }, { reason, givenBack });
  },
  FulfilmentAdvanced({ storeId, status }, { order, facts }) {
    const lines = order.lines.filter((line) => line.storeId === storeId);
    if (status === 'shipped') return templates.orderShipped({ ...facts, lines });
    return status === 'completed' ? templates.orderCompleted({ ...facts, lines }) : undefined;
  },
};

const TYPES = ['UserRegistered', 'LinkRequested', 'EmailChanged', 'StockRanLow', ...Object.keys(ORDER_MESSAGES)];

/** Notifies people about their registration, their address, their orders and products that run low, and mails links, at most once per event and channel. */
export const notification = (deps: NotificationDeps): Subscription => ({
  name: 'notification',
  types: TYPES,
  async handle({ event }) {
    const written = await writtenFor(deps, event);
    if (written === undefined) return closeLeft(deps.pool, event.id, ['email', 'sms']);
    const { person, userId, message, to = person.email } = written;
    const { kind, subject, text, sms, link } = message;
    const notice = { eventId: event.id, userId, kind, subject };
    const outbox = { pool: deps.pool, senders: deps.senders, personalData: deps.services.personalData };
    await sendOnce(outbox, { ...notice, channel: 'email', to, text, link });
    if (sms === undefined) return;
    if (person.phone === null) return closeLeft(deps.pool, event.id, ['sms']);
    await sendOnce(outbox, { ...notice, channel: 'sms', to: person.phone, text: sms });
  },
});

/** The message about an event, and its addressee; undefined when there is none, or none any more. */
async function writtenFor(deps: NotificationDeps, event: RecordedEvent) {
  if (event.type === 'StockRanLow') return stockLow(deps, event as RecordedEvent<StockRanLow>);
  const order = await orderOf(deps, event);
  const userId = order?.buyerId ?? idOf(event.stream);
  const person = await personOf(deps, userId);
  if (person === undefined) return undefined;
  const data = await deps.services.personalData.reveal(event.data, sealedInEvent(event, userId));
  if (event.type === 'LinkRequested') {
    const { user } = person;
    const mail = await linkMailOf(deps, { userId, user, data: event.data as LinkRequested['data'] });
    return mail && { person, userId, ...mail };
  }
  if (event.type === 'EmailChanged') {
    const { formerEmail: to } = data as EmailChanged['data'];
    return to === ERASED ? undefined : { person, userId, message: templates.emailChanged(), to: to as string };
  }
  const message = messageOf({ ...event, data }, order);
  return message && { person, userId, message, to: person.email };
}

/** The message to the seller of a product; undefined when it was delisted meanwhile. */
async function stockLow(deps: NotificationDeps, { stream, data }: RecordedEvent<StockRanLow>) {
  const productId = idOf(stream);
  const { state: product } = await deps.services.aggregates.load(productDecider, productId);
  if (product.status !== 'listed') return undefined;
  const userId = product.sellerId;
  const person = await personOf(deps, userId);
  const message = templates.stockLow({ productId, name: product.name, available: data.available });
  return person && { person, userId, message, to: person.email };
}

async function orderOf({ services }: NotificationDeps, event: RecordedEvent): Promise<PlacedOrder | undefined> {
  if (categoryOf(event.stream) !== orderDecider.category) return undefined;
  const { state } = await services.aggregates.load(orderDecider, idOf(event.stream));
  if (state.status !== 'placed') throw new Error(`${event.type} of an order that was never placed`);
  return state;
}

interface Person {
  readonly user: ActiveUser;
  readonly email: string;
  readonly phone: string | null;
}

/** Undefined when the user is not active or was erased. */
async function personOf({ services }: NotificationDeps, userId: string): Promise<Person | undefined> {
  const { state } = await services.aggregates.load(userDecider, userId);
  if (state.status !== 'active') return undefined;
  const { email, phone } = await services.personalData.reveal(state, sealedInUser(userId));
  return email === ERASED ? undefined : { user: state, email, phone: phone === ERASED ? null : phone };
}

/** The message about an event; undefined for events that send none. */
function messageOf(recorded: RecordedEvent, order?: PlacedOrder): Message | undefined {
  if (recorded.type === 'UserRegistered') return templates.welcome();
  if (order === undefined) return undefined;
  const { currency, total } = order.money;
  const facts: OrderFacts = { orderId: idOf(recorded.stream), currency, total, lines: order.lines };
  const entries = ORDER_MESSAGES as Readonly<Record<string, (data: object, to: Addressee) => Message | undefined>>;
  return entries[recorded.type]?.(recorded.data, { order, facts });
}
