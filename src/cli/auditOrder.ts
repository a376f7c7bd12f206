import { type OrderPlaced } from '../aggregates/order.ts';
import { sealedInEvent, sealedInUser } from '../aggregates/sealed.ts';
import { userDecider } from '../aggregates/user.ts';
import { readStream } from '../engine/decide/answer.ts';
import { missing } from '../errors.ts';
import { streamOf, type RecordedEvent } from '../eventstore/eventStore.ts';
import { poisonOf } from '../eventstore/upcast.ts';
import { orders, type OrderRow } from '../projections/orders.ts';
import { prepare } from '../engine/project/validate.ts';
import type { Projection } from '../engine/project/projection.ts';
import { historyOf, type HistoryEntry, type Moment, pastOf } from '../engine/ask/history.ts';
import type { Services } from '../commands/contract.ts';
import type { Shop } from '../compose/shop.ts';
import { toMajor } from '../aggregates/money.ts';
import { orderView, type OrderView } from '../queries/order.ts';

interface Person {
  readonly id: string;
  readonly name: string;
  readonly email: string;
}

/** The event that caused another one; it may be in any stream. */
interface Cause {
  readonly event_id: string;
  readonly type: string;
  readonly stream: string;
  readonly revision: string;
  readonly position: string;
}

export type AuditEntry = Omit<HistoryEntry, 'because'> & {
  /** The person behind the actor; null when it is not a user, or not an active one. */
  readonly who: Person | null;
  /** Null when no event caused it, or the cause was not found. */
  readonly because: Cause | null;
};

/** An event that the order's functions cannot apply; it changed nothing. */
export interface UnreadableEntry {
  readonly position: string;
  readonly revision: string;
  readonly event_id: string;
  readonly type: string;
  readonly unreadable: string;
}

/** The order as its buyer sees it, with the total of requested refunds, which the buyer does not see. */
type AuditedOrder = OrderView & { readonly refund_requested: number };

const auditedOrder = (row: OrderRow): AuditedOrder => ({
  ...orderView(row),
  refund_requested: toMajor(row.refund_requested, row.currency),
});

export interface OrderAudit {
  readonly id: string;
  /** The revision of the last event shown; the newest one when no past state was asked for. */
  readonly revision: string;
  readonly newest_revision: string;
  readonly history: readonly (AuditEntry | UnreadableEntry)[];
  /** Null when no readable event has placed it yet. */
  readonly order: AuditedOrder | null;
  /** False when causes may be missing: the log has no index of ids, and was not searched back to its beginning. */
  readonly causes_complete: boolean;
}

/** The history of an order, for a person to read; personal data are revealed where their key still exists. */
export async function auditOrder(shop: Shop, id: string, moment: Moment): Promise<OrderAudit> {
  const recorded = await readStream(shop.store, streamOf(orders.of, id));
  const newest = recorded.at(-1) ?? missing('OrderUnknown', `There is no order ${id}.`);
  const events = await opened(shop, pastOf(recorded, moment));
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

async function openEvents(
  { personalData }: Pick<Services, 'personalData'>,
  events: readonly RecordedEvent[],
  buyerId: string,
): Promise<RecordedEvent[]> {
  const opened = await personalData.revealAll(
    events.map(({ data }) => data),
    (_data, index) => sealedInEvent(events[index]!, buyerId),
  );
  return events.map((event, at) => ({ ...event, data: opened[at]! }));
}

/** The events with the buyer's data opened; those that cannot be read stay as they are. */
async function opened({ services }: Shop, events: readonly RecordedEvent[]): Promise<readonly RecordedEvent[]> {
  const readable = events.filter((event) => poisonOf(event) === undefined);
  const placed = readable.find(({ type }) => type === 'OrderPlaced') as RecordedEvent<OrderPlaced> | undefined;
  if (placed === undefined) return events;
  const open = await openEvents(services, readable, placed.data.buyerId);
  const byId = new Map(open.map((event) => [event.id, event]));
  return events.map((event) => byId.get(event.id) ?? event);
}

const orderRows = prepare(orders as unknown as Projection);

/** Separates the events that the order's functions can apply from the others, and folds them into the order's row. */
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
    const { name, email } = await services.personalData.reveal(state, sealedInUser(id));
    people.set(id, { id, name, email });
  }
  return people;
}

/** Searches the whole log before `before` for the causes, because they are often in other streams. */
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
