import { type Static, Type } from 'typebox';
import type { Actor } from '../engine/decide/context.ts';
import { storeIdOf } from './store.ts';
import { readStream } from '../engine/decide/answer.ts';
import { missing } from '../errors.ts';
import { type RecordedEvent, streamOf } from '../eventstore/eventStore.ts';
import { type OrderRow, orders } from '../projections/orders.ts';
import { replay } from '../engine/project/projection.ts';
import { Currency, Fields, Id, Instant, Money, Nullable, Named } from '../schema.ts';
import { type HistoryEntry, historyOf } from '../engine/ask/history.ts';
import { conditions, pageOf, Paging } from '../engine/ask/paging.ts';
import { defineQuery, type QueryContext, type Services } from './contract.ts';
import { toMajor } from '../aggregates/money.ts';
import { sealedInChange, sealedInOrder } from '../aggregates/sealed.ts';
import { type Fulfilment, ORDER_STATUSES, orderStatus } from '../aggregates/fulfilment.ts';

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
  cancel_reason: Nullable(Type.String()),
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

export const fulfilmentStatus = (row: OrderRow, status: Fulfilment): OrderRow['status'] =>
  orderStatus({ cancelled: row.status === 'cancelled', paid: row.paid, fulfilments: [status] });

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
    status: fulfilmentStatus(row, status),
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

const unknown = (): never => missing('OrderUnknown', 'There is no such order.');

/** The part of an order that `actor` may see: all of it, or a seller's own part. Refuses as unknown when there is none. */
function seenBy(actor: Actor, row: OrderRow): OrderRow {
  if (row.buyer_id === actor.id || actor.role === 'admin' || actor.role === 'system') return row;
  const storeId = storeIdOf(actor.id);
  const status = row.fulfilments[storeId];
  if (status === undefined) return unknown();
  const lines = row.lines.filter((line) => line.storeId === storeId);
  const total = lines.reduce((sum, { price, quantity }) => sum + price * quantity, 0);
  return { ...row, lines, total, fulfilments: { [storeId]: status }, billing_address: null };
}

export const ownStatus = { status: Type.Optional(Type.Enum(ORDER_STATUSES)) };

const listOrders = defineQuery({
  name: 'ListOrders',
  summary: 'My orders, newest first',
  tag: 'orders',
  route: 'GET /orders',
  access: 'user',
  query: Fields({ ...Paging, ...ownStatus }),
  result: Type.Array(OrderView),
  paginated: true,
  reads: ['orders'],
  async run({ query }, { actor, db, services }) {
    const where = conditions();
    where.add('buyer_id = ?', actor.id);
    if (query.status !== undefined) where.add('status = ?', query.status);
    const sql = { columns: '*', from: 'orders', where, order: 'created_at DESC, id' };
    const { data, pagination } = await pageOf<OrderRow>(db, sql, query, (row) => row);
    const rows = await services.personalData.revealAll(data as OrderRow[], sealedInOrder);
    return { data: rows.map(orderView), ...(pagination === undefined ? {} : { pagination }) };
  },
});

async function eventsOf(id: string, { store }: QueryContext): Promise<RecordedEvent[]> {
  const events = await readStream(store, streamOf('order', id));
  return events.length === 0 ? unknown() : events;
}

interface Moment {
  readonly as_of?: string;
  readonly revision?: number;
}

/** The order as it was at an instant or a revision: the read model's row functions, applied to the events up to then. */
async function asItWas(
  id: string,
  { as_of: asOf, revision }: Moment,
  context: QueryContext,
): Promise<{ row: OrderRow; revision: bigint }> {
  const until = asOf === undefined ? Infinity : Date.parse(asOf);
  const last = revision === undefined ? undefined : BigInt(revision);
  const events = (await eventsOf(id, context)).filter(
    (event) => Date.parse(event.metadata.occurredAt) <= until && (last === undefined || event.revision <= last),
  );
  const row = replay(orders, id, events) ?? unknown();
  return { row, revision: events.at(-1)?.revision ?? unknown() };
}

async function asItIs(id: string, { db }: QueryContext): Promise<{ row: OrderRow; revision: bigint }> {
  const [row] = await db.rows<OrderRow & { revision: number }>('SELECT * FROM orders WHERE id = $1', [id]);
  return row === undefined ? unknown() : { row, revision: BigInt(row.revision) };
}

const getOrder = defineQuery({
  name: 'GetOrder',
  summary: 'An order, as it is or as it was (`as_of`, `revision`)',
  tag: 'orders',
  route: 'GET /orders/:id',
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
    const { row, revision } = then ? await asItWas(id, query, context) : await asItIs(id, context);
    const seen = seenBy(context.actor, row);
    return { data: orderView(await context.services.personalData.reveal(seen, sealedInOrder(seen))), revision };
  },
});

const HistoryView = Named('HistoryEntry', {
  position: Type.String(),
  revision: Type.String(),
  event_id: Id,
  type: Type.String(),
  at: Instant,
  actor: Type.String(),
  command: Type.String(),
  command_id: Id,
  correlation_id: Type.String(),
  causation_id: Nullable(Id),
  because: Nullable(Type.String()),
  changes: Type.Array(Fields({ field: Type.String(), before: Type.Unknown(), after: Type.Unknown() })),
});

/** The history with the buyer's data opened. Both values of a change are the row's own. */
async function openHistory(
  { personalData }: Pick<Services, 'personalData'>,
  history: readonly HistoryEntry[],
  row: Pick<OrderRow, 'id' | 'buyer_id'>,
): Promise<HistoryEntry[]> {
  const changes = history.flatMap((entry) => entry.changes);
  const opened = (await personalData.revealAll(changes, ({ field }) => sealedInChange(field, row))).values();
  return history.map((entry) => ({ ...entry, changes: entry.changes.map((change) => opened.next().value ?? change) }));
}

const getOrderHistory = defineQuery({
  name: 'GetOrderHistory',
  summary: 'Every event of an order: when, who, why, and what it changed field by field',
  tag: 'orders',
  route: 'GET /orders/:id/history',
  access: 'user',
  params: Fields({ id: Id }),
  result: Type.Array(HistoryView),
  revised: 'always',
  reads: ['orders'],
  async run({ params: { id } }, context) {
    const events = await eventsOf(id, context);
    const row = replay(orders, id, events) ?? unknown();
    seenBy(context.actor, row);
    const history = historyOf(orders, id, events, (then) => orderView(seenBy(context.actor, then)));
    return { data: await openHistory(context.services, history, row), revision: events.at(-1)?.revision ?? 0n };
  },
});

export const orderQueries = [listOrders, getOrder, getOrderHistory];
