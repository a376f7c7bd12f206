import { userDecider } from '../aggregates/user.ts';
import { readStream } from '../engine/decide/answer.ts';
import { missing } from '../errors.ts';
import { streamOf, type RecordedEvent } from '../eventstore/eventStore.ts';
import { poisonOf } from '../eventstore/upcast.ts';
import { orders, type OrderRow } from '../projections/orders.ts';
import { prepare } from '../engine/project/validate.ts';
import type { Projection } from '../engine/project/projection.ts';
import { historyOf, type HistoryEntry } from '../engine/ask/history.ts';
import type { Shop } from '../compose/shop.ts';
import { toMajor } from '../aggregates/money.ts';
import { orderView, type OrderView } from '../queries/order.ts';

/** Which past is asked for; the whole of it when neither is given. */
export interface Moment {
  /** ISO 8601 UTC. */
  readonly asOf?: string;
  readonly revision?: number;
}

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly email: string;
}

/** The event that led to another one, wherever in the log it is. */
export interface Cause {
  readonly event_id: string;
  readonly type: string;
  readonly stream: string;
  readonly revision: string;
  readonly position: string;
}

export type AuditEntry = Omit<HistoryEntry, 'because'> & {
  /** Who that is, when it is a person that is still known. */
  readonly who: Person | null;
  /** Null when nothing led to it, or what did was not found. */
  readonly because: Cause | null;
};

/** An event that the order's functions cannot make sense of; it changed nothing. */
export interface UnreadableEntry {
  readonly position: string;
  readonly revision: string;
  readonly event_id: string;
  readonly type: string;
  readonly unreadable: string;
}

/** The order as its buyer sees it, and what they do not: money that is to go back and has not yet. */
export type AuditedOrder = OrderView & { readonly refund_requested: number };

const auditedOrder = (row: OrderRow): AuditedOrder => ({
  ...orderView(row),
  refund_requested: toMajor(row.refund_requested, row.currency),
});

export interface OrderAudit {
  readonly id: string;
  /** Of the last event told; the order's own when no past was asked for. */
  readonly revision: string;
  readonly newest_revision: string;
  readonly history: readonly (AuditEntry | UnreadableEntry)[];
  /** Null when no readable event had placed it yet. */
  readonly order: AuditedOrder | null;
  /** False when the log has no index of ids and was not searched to its beginning for the events that led to these. */
  readonly causes_complete: boolean;
}

const isWithin = (event: RecordedEvent, { asOf, revision }: Moment): boolean => {
  if (revision !== undefined && event.revision > BigInt(revision)) return false;
  if (asOf === undefined) return true;
  // What cannot be read says not when it was; it is told rather than hidden.
  return poisonOf(event) !== undefined || Date.parse(event.metadata.occurredAt) <= Date.parse(asOf);
};

/** Everything that happened to an order, told to a person; personal data are opened where their key still exists. */
export async function auditOrder(shop: Shop, id: string, moment: Moment): Promise<OrderAudit> {
  const recorded = await readStream(shop.store, streamOf(orders.of, id));
  const newest = recorded.at(-1) ?? missing('OrderUnknown', `There is no order ${id}.`);
  const events: RecordedEvent[] = [];
  for (const event of recorded.filter((one) => isWithin(one, moment))) events.push(await opened(shop, event));
  const last = events.at(-1) ?? missing('OrderUnknown', `There was no order ${id} then.`);

  const { readable, row, unreadable } = sift(id, events);
  const told = historyOf(orders, id, readable, auditedOrder);
  const people = await peopleOf(shop, [...new Set(told.map(({ actor }) => actor))]);
  const causeIds = [...new Set(told.flatMap(({ causation_id: cause }) => cause ?? []))];
  const { causes, complete } = await causesOf(shop, causeIds, last.position);
  const entries = told.map((entry): AuditEntry => {
    const { because: _type, ...rest } = entry;
    const cause = entry.causation_id === null ? undefined : causes.get(entry.causation_id);
    return { ...rest, who: people.get(entry.actor) ?? null, because: cause ?? null };
  });
  const history = [...entries, ...unreadable].toSorted((a, b) => (BigInt(a.revision) < BigInt(b.revision) ? -1 : 1));
  const order = row === undefined ? null : auditedOrder(row);
  return {
    ...{ id, revision: String(last.revision), newest_revision: String(newest.revision), history, order },
    causes_complete: complete,
  };
}

async function opened({ services }: Shop, event: RecordedEvent): Promise<RecordedEvent> {
  if (poisonOf(event) !== undefined) return event;
  return { ...event, data: await services.personalData.reveal(event.data) };
}

const orderRows = prepare(orders as unknown as Projection);

/** The events that the order's functions understand and the row they come to, apart from those they do not. */
function sift(id: string, events: readonly RecordedEvent[]) {
  const readable: RecordedEvent[] = [];
  const unreadable: UnreadableEntry[] = [];
  let row: OrderRow | undefined;
  for (const event of events) {
    try {
      const changed = orderRows.changes.get(event.type)?.row(row && { ...row }, event, id);
      const next = (changed ?? row) as OrderRow | undefined;
      if (next !== undefined) orderRows.check({ ...next }, row && { ...row }, id);
      row = next;
      readable.push(event);
    } catch (error) {
      unreadable.push({
        ...{ position: String(event.position), revision: String(event.revision), event_id: event.id, type: event.type },
        unreadable: error instanceof Error ? error.message : String(error),
      });
    }
  }
  return { readable, unreadable, row };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

async function peopleOf({ services }: Shop, actors: readonly string[]): Promise<ReadonlyMap<string, Person>> {
  const people = new Map<string, Person>();
  for (const id of actors.filter((actor) => UUID.test(actor))) {
    const { state } = await services.aggregates.load(userDecider, id);
    if (state.status !== 'active') continue;
    const { name, email } = await services.personalData.reveal({ name: state.name, email: state.email });
    people.set(id, { id, name, email });
  }
  return people;
}

/** Causes are often in other streams, so they are looked for in the whole log, before their last effect. */
async function causesOf(
  { store }: Shop,
  ids: readonly string[],
  before: bigint,
): Promise<{ causes: ReadonlyMap<string, Cause>; complete: boolean }> {
  if (ids.length === 0) return { causes: new Map(), complete: true };
  const { events, complete } = await store.locate(ids, before);
  const causes = events.map(({ id, type, stream, revision, position }): [string, Cause] => [
    id,
    { event_id: id, type, stream, revision: String(revision), position: String(position) },
  ]);
  return { causes: new Map(causes), complete };
}
