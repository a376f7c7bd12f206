import { orderDecider, type OrderEvent, type OrderState } from '../../src/aggregates/order.ts';
import { stockDecider, type StockEvent, type StockState } from '../../src/aggregates/stock.ts';
import type { RecordedEvent } from '../../src/eventstore/eventStore.ts';
import { sandboxLedger } from '../../src/handlers/gateways/sandbox.ts';
import { wholeLog } from '../support/events.ts';
import { expectRowsToBeTheFold } from '../support/fold.ts';
import type { Acknowledged, Client } from './client.ts';
import type { Fleet } from './fleet.ts';

/** Admins that the test itself creates, without the API. */
const ADMINS = 1;

/** The answers that clients got, and the events in the log. */
export interface Told {
  readonly history: readonly Acknowledged[];
  readonly log: readonly RecordedEvent[];
  readonly orders: ReadonlyMap<string, OrderState>;
}

interface Evidence extends Told {
  readonly fleet: Fleet;
}

/** Checks one invariant. Returns the violations, in words. */
type Check<E extends Told = Evidence> = (evidence: E) => string[] | Promise<string[]>;

interface Thing {
  readonly what: string;
  readonly type: string;
  readonly category: string;
  /** How many were created without the API. */
  readonly beside: number;
}

const done = (history: readonly Acknowledged[], what: string): Acknowledged[] =>
  history.filter((one) => one.what === what && one.status < 300);
const countOf = (log: readonly RecordedEvent[], type: string): number => log.filter((one) => one.type === type).length;

export function ordersOf(log: readonly RecordedEvent[]): Map<string, OrderState> {
  const orders = new Map<string, OrderState>();
  for (const { stream, type, data } of log) {
    if (!stream.startsWith('order-')) continue;
    const id = stream.slice('order-'.length);
    orders.set(id, orderDecider.evolve(orders.get(id) ?? orderDecider.initial, { type, data } as OrderEvent));
  }
  return orders;
}

/** Contiguous positions and revisions, and no event twice. */
export const wholeness: Check<Told> = ({ log }) => {
  const wrong: string[] = [];
  const revisions = new Map<string, bigint>();
  const ids = new Set(log.map(({ id }) => id));
  if (ids.size !== log.length) wrong.push(`${log.length - ids.size} events are in the log twice`);
  log.forEach(({ position, stream, revision }, index) => {
    if (index > 0 && position !== log[index - 1]!.position + 1n) wrong.push(`there is a gap before ${position}`);
    if (revision !== (revisions.get(stream) ?? -1n) + 1n) wrong.push(`${stream} jumps to revision ${revision}`);
    revisions.set(stream, revision);
  });
  return wrong;
};

export const acknowledged: Check<Told> = ({ history, log }) => {
  const at = new Map(log.map((event) => [event.position, event]));
  return history
    .filter(({ status, position }) => status < 300 && position !== undefined && !at.has(position))
    .map(({ what, who, position }) => `${what} of ${who} was acknowledged at ${position}, where the log has nothing`);
};

/** Checks that exactly the acknowledged things exist: none is missing, and none exists without an acknowledgement. */
function theVerySame({ history, log }: Told, { what, type, category, beside }: Thing): string[] {
  const wrong: string[] = [];
  const told = new Set(done(history, what).map(({ id }) => `${category}-${id}`));
  const made = log.filter((event) => event.type === type).map(({ stream }) => stream);
  for (const stream of told) if (!made.includes(stream)) wrong.push(`${stream} was acknowledged and is lost`);
  if (new Set(made).size !== made.length) wrong.push(`there is more than one ${type} in a stream`);
  if (made.length !== told.size + beside) wrong.push(`${told.size + beside} times ${what}, but ${made.length} ${type}`);
  if (told.size !== done(history, what).length) wrong.push(`two keys of "${what}" were answered with the same thing`);
  return wrong;
}

export const oneEach: Check<Told> = (told) => {
  const added = done(told.history, 'add to cart').length;
  const found = countOf(told.log, 'CartItemAdded');
  return [
    ...theVerySame(told, { what: 'order', type: 'OrderPlaced', category: 'order', beside: 0 }),
    ...theVerySame(told, { what: 'register', type: 'UserRegistered', category: 'user', beside: ADMINS }),
    ...(found === added ? [] : [`${added} times added to a cart, but ${found} CartItemAdded`]),
  ];
};

/** Checks stock at every prefix of the log, and that every reservation left at the end belongs to an order that needs it. */
export const stock: Check<Told> = ({ log, orders }) => {
  const wrong: string[] = [];
  const stocks = new Map<string, StockState>();
  for (const { stream, type, data, position } of log) {
    if (!stream.startsWith('stock-')) continue;
    const now = stockDecider.evolve(stocks.get(stream) ?? stockDecider.initial, { type, data } as StockEvent);
    stocks.set(stream, now);
    if (now.reserved < 0 || now.onHand < now.reserved) {
      wrong.push(`${stream} has ${now.onHand} and promised ${now.reserved} at ${position}`);
    }
  }
  return [...wrong, ...[...stocks].flatMap(([stream, { reservations }]) => outlived(stream, reservations, orders))];
};

function outlived(
  stream: string,
  reservations: StockState['reservations'],
  orders: ReadonlyMap<string, OrderState>,
): string[] {
  return reservations
    .flatMap((bucket) => Object.keys(bucket ?? {}))
    .filter((id) => {
      const order = orders.get(id);
      return order?.status !== 'placed' || order.cancelled;
    })
    .map((id) => `${stream} still holds for order ${id}, which is ${orders.get(id)?.status ?? 'not there'}`);
}

const keptOf = (order: OrderState): number =>
  order.status === 'placed' ? order.money.captured - order.money.refunded : 0;

function dueOf(order: OrderState): number {
  if (order.status !== 'placed' || order.cancelled || order.money.captured === 0) return 0;
  return order.money.total;
}

/** How often each payment was captured. */
function capturesOf(log: readonly RecordedEvent[]): Map<string, number> {
  const captures = new Map<string, number>();
  for (const { type, data } of log) {
    if (type !== 'PaymentCaptured') continue;
    const { paymentId } = data as { paymentId: string };
    captures.set(paymentId, (captures.get(paymentId) ?? 0) + 1);
  }
  return captures;
}

export const captures: Check<Told> = ({ log, orders }) => [
  ...[...capturesOf(log)]
    .filter(([, times]) => times > 1)
    .map(([id, times]) => `payment ${id} was captured ${times} times`),
  ...[...orders]
    .filter(([, order]) => keptOf(order) !== dueOf(order))
    .map(([id, order]) => `of order ${id} ${keptOf(order)} is kept, where ${dueOf(order)} is due`),
];

/** Compares the log with the books of the payment provider. */
const books: Check = async ({ fleet, log, orders }) => {
  const wrong: string[] = [];
  const captured = capturesOf(log);
  const charges = (await sandboxLedger(fleet.write.pool)).filter(({ status }) => status === 'captured');
  for (const { key } of charges)
    if (!captured.has(key)) wrong.push(`payment ${key} was charged, and the log says nothing`);
  if (charges.length !== captured.size) wrong.push(`${charges.length} charges, but ${captured.size} captures`);
  const has = charges.reduce((sum, { amount, refunded }) => sum + amount - refunded, 0);
  const kept = [...orders.values()].reduce((sum, order) => sum + keptOf(order), 0);
  if (has !== kept) wrong.push(`the provider has ${has}, the orders say ${kept}`);
  return wrong;
};

const mails: Check = ({ fleet }) => {
  const ids = fleet.smtp.mails.map(({ data }) => /^Message-ID: (.*)$/im.exec(data)?.[1] ?? 'none');
  const twice = ids.filter((id, index) => ids.indexOf(id) !== index);
  return [
    ...twice.map((id) => `the mail ${id} was sent twice`),
    ...(ids.length === 0 ? ['no mail was sent at all'] : []),
  ];
};

const deadLetters: Check = async ({ fleet }) => {
  const rows = await fleet.write.db.rows<{ consumer: string; type: string; reason: string }>(
    `SELECT consumer, type, reason FROM dead_letters WHERE status NOT IN ('resolved', 'skipped')`,
  );
  return rows.map(({ consumer, type, reason }) => `${consumer} could not take a ${type}: ${reason}`);
};

const readModels: Check = async ({ fleet }) => {
  try {
    await expectRowsToBeTheFold(fleet.write);
    return [];
  } catch (error) {
    return [`a read model is not the fold of the log: ${(error as Error).message.slice(0, 500)}`];
  }
};

const CHECKS: readonly Check[] = [
  wholeness,
  acknowledged,
  oneEach,
  stock,
  captures,
  books,
  mails,
  deadLetters,
  readModels,
];

/** Checks all invariants that must hold once all work is done. Returns the violations, in words. */
export async function violationsOf(fleet: Fleet, { history, violations }: Client): Promise<string[]> {
  const log = await wholeLog(fleet.write.store);
  const evidence: Evidence = { fleet, history, log, orders: ordersOf(log) };
  const found = [...violations];
  for (const check of CHECKS) found.push(...(await check(evidence)));
  return found;
}
