import { type Fulfilment, orderStatus, type OrderStatus } from '../aggregates/fulfilment.ts';
import type { OrderCancelled, OrderEvent, OrderLine, OrderPlaced } from '../aggregates/order.ts';
import { worthOf } from '../aggregates/orderLines.ts';
import { createShares } from '../aggregates/orderShares.ts';
import type { Reader } from '../engine/ask/history.ts';
import type { Conditions } from '../engine/ask/paging.ts';
import type { Actor } from '../engine/decide/context.ts';
import { replay } from '../engine/project/projection.ts';
import type { RecordedEvent } from '../eventstore/eventStore.ts';
import { type OrderRow, orders } from '../projections/orders.ts';
import { storeIdOf } from './store.ts';

/** The actor of an entry that another seller of the order caused. */
const ANOTHER_SELLER = 'another seller';

/** The part of an order that a caller may see: all of it, or the part of one store. */
export type Viewer = { readonly sees: 'all' } | { readonly sees: 'part'; readonly storeId: string };

interface Parties {
  readonly buyerId: string;
  readonly lines: readonly Pick<OrderLine, 'storeId'>[];
}

/** The buyer and admins see all of an order, a seller sees the part of their store; undefined when there is nothing to see. */
export function viewerOf({ id, role }: Actor, { buyerId, lines }: Parties): Viewer | undefined {
  if (id === buyerId || role === 'admin' || role === 'system') return { sees: 'all' };
  const storeId = storeIdOf(id);
  return lines.some((line) => line.storeId === storeId) ? { sees: 'part', storeId } : undefined;
}

/** The status of one store's part of an order. `addPartStatus` is the same rule in SQL. */
export const partStatus = (row: Pick<OrderRow, 'status' | 'paid'>, fulfilment: Fulfilment): OrderRow['status'] =>
  orderStatus({ cancelled: row.status === 'cancelled', paid: row.paid, fulfilments: [fulfilment] });

/** Adds the condition that a part `t` of an order `o` has this status. */
export function addPartStatus(where: Conditions, status: OrderStatus): void {
  const fulfilment = status === 'paid' ? 'pending' : status;
  const isPaid = status === 'paid' ? ' AND o.paid' : status === 'pending' ? ' AND NOT o.paid' : '';
  const isCancelled = "o.status = 'cancelled'";
  const has = 't.fulfilment = ?';
  where.add(
    status === 'cancelled' ? `(${isCancelled} OR ${has})` : `NOT ${isCancelled} AND ${has}${isPaid}`,
    fulfilment,
  );
}

type Read = (event: RecordedEvent) => RecordedEvent | undefined;

/**
 * Reads the events of an order, one after the other from its first, as the seller of one store may see them: their own lines,
 * amounts of these lines alone, and no events of other parts. An event that does not concern the part is undefined.
 */
export function createPartReader(storeId: string): Read {
  let read: Read = () => undefined;
  return (event) => {
    if (event.type === 'OrderPlaced') read = readerOf(storeId, event.data as OrderPlaced['data']);
    return read(event);
  };
}

function readerOf(storeId: string, placed: OrderPlaced['data']): Read {
  const shares = createShares(placed.lines, placed.total);
  const others = new Set(placed.lines.filter((line) => line.storeId !== storeId).map(({ sellerId }) => sellerId));
  others.delete(placed.buyerId);
  const hidden = new Set<string>();
  let closed = false;

  /** The data of an event as the part shows it; undefined when the event does not concern the part. */
  function dataOf(event: OrderEvent): object | undefined {
    switch (event.type) {
      case 'OrderPlaced':
        return partPlaced(placed, storeId);
      case 'OrderAbandoned':
        return undefined;
      case 'OrderCancelled':
        return closed ? undefined : event.data;
      case 'FulfilmentAdvanced':
      case 'FulfilmentCancelled':
        return event.data.storeId === storeId ? event.data : undefined;
      case 'PaymentRequested':
        return { ...event.data, amount: worthOf(placed.lines, storeId) };
      case 'PaymentAuthorised':
      case 'PaymentConfirmed':
      case 'PaymentDeclined':
        return event.data;
      case 'PaymentCaptured':
        return { ...event.data, amount: shares.capture(event.data).get(storeId) ?? 0 };
      case 'RefundRequested':
        return withShare(event.data, shares.refund(event.data).get(storeId));
      case 'PaymentRefunded':
        return withShare(event.data, shares.refundOf(event.data.refundId)?.get(storeId));
    }
  }

  return (event) => {
    const data = dataOf(event as unknown as OrderEvent);
    if (data === undefined) {
      hidden.add(event.id);
      return undefined;
    }
    closed ||= event.type === 'OrderCancelled' || event.type === 'FulfilmentCancelled';
    const { causationId, ...metadata } = event.metadata;
    const cause = causationId === undefined || hidden.has(causationId) ? {} : { causationId };
    const seen = { ...event, data, metadata: { ...metadata, ...cause } };
    return others.has(metadata.actor) ? ofAnother(seen) : seen;
  };
}

const withShare = (data: object, share: number | undefined): object | undefined =>
  share === undefined || share === 0 ? undefined : { ...data, amount: share };

/** The buyer's notes are for whoever gets the whole order, and the billing address is for no seller. */
function partPlaced(placed: OrderPlaced['data'], storeId: string): OrderPlaced['data'] {
  const lines = placed.lines.filter((line) => line.storeId === storeId);
  const notes = lines.length === placed.lines.length ? placed.notes : null;
  return { ...placed, lines, total: worthOf(lines, storeId), billingAddress: null, notes };
}

/** An event that another seller caused, and that closes this part too: without their id and their words. */
function ofAnother(event: RecordedEvent): RecordedEvent {
  const { data, metadata } = event;
  const reason = 'reason' in data ? { reason: 'refunded in full' } : {};
  return {
    ...event,
    data: { ...(data as OrderCancelled['data']), ...reason },
    metadata: { ...metadata, actor: ANOTHER_SELLER },
  };
}

/**
 * Reads the events of an order, one after the other from its first, as this caller may see them, and folds what they see into
 * the order's row. `refuse` throws; it is called when there is nothing to see.
 */
export function createOrderReader(id: string, actor: Actor, refuse: () => never): Reader<OrderRow> {
  let viewer: Viewer | undefined;
  let whole: OrderRow | undefined;
  let part: OrderRow | undefined;
  let inPart: Read | undefined;
  return (event) => {
    whole = replay(orders, id, [event], whole);
    if (whole === undefined) return { event, row: undefined };
    viewer ??= viewerOf(actor, { buyerId: whole.buyer_id, lines: whole.lines }) ?? refuse();
    if (viewer.sees === 'all') return { event, row: whole };
    const { storeId } = viewer;
    inPart ??= createPartReader(storeId);
    const seen = inPart(event);
    if (seen === undefined) return undefined;
    part = replay(orders, id, [seen], part);
    if (part === undefined) return { event: seen, row: undefined };
    // Whether the part is paid follows from the payment of the whole order, because buyers pay whole orders.
    const fulfilment = part.fulfilments[storeId] ?? 'pending';
    return { event: seen, row: { ...part, paid: whole.paid, status: partStatus(whole, fulfilment) } };
  };
}
