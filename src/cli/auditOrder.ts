import { type OrderPlaced } from '../aggregates/order.ts';
import { toMajor } from '../aggregates/money.ts';
import { sealedInEvent } from '../aggregates/sealed.ts';
import type { Services } from '../commands/contract.ts';
import type { Shop } from '../compose/shop.ts';
import { createTeller, endsPast, type Moment, type Reader, type ToldEvent } from '../engine/ask/history.ts';
import { pagesOf } from '../engine/decide/answer.ts';
import type { Projection } from '../engine/project/projection.ts';
import { prepare } from '../engine/project/validate.ts';
import { missing } from '../errors.ts';
import { streamOf, type RecordedEvent } from '../eventstore/eventStore.ts';
import { poisonOf } from '../eventstore/upcast.ts';
import { orders, type OrderRow } from '../projections/orders.ts';
import { orderView, type OrderView } from '../queries/order.ts';
import { type Cause, createCauses, createPeople, type Person } from './auditSources.ts';

export type AuditEntry = ToldEvent & {
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

export interface AuditRequest {
  readonly moment: Moment;
  /** The revision of the first event to show. Default: 0. */
  readonly from?: number | undefined;
  /** The most events to show. Default: all. */
  readonly limit?: number | undefined;
}

export interface AuditPage {
  readonly entries: readonly (AuditEntry | UnreadableEntry)[];
  /** False when causes may be missing: the log has no index of ids, and was not searched back to its beginning. */
  readonly causesComplete: boolean;
}

export interface AuditEnd {
  /** The order after the last event of the past that was asked for. Null when no readable event has placed it yet. */
  readonly order: AuditedOrder | null;
  /** The revision of the first event that the limit left out; absent when it left out none. */
  readonly next?: string;
  readonly causes_complete: boolean;
}

export interface OrderAudit {
  readonly id: string;
  /** The revision of the last event of the past that was asked for; the newest one when none was. */
  readonly revision: string;
  readonly newest_revision: string;
  /** Reads the history page by page. It keeps one page in memory, however long the order is. Its return value is the end. */
  readonly read: () => AsyncGenerator<AuditPage, AuditEnd>;
}

/** The history of an order, for a person to read; personal data are revealed where their key still exists. */
export async function auditOrder(shop: Shop, id: string, request: AuditRequest): Promise<OrderAudit> {
  const { revision, newest, buyerId } = await survey(shop, id, request.moment);
  return {
    ...{ id, revision: String(revision), newest_revision: String(newest) },
    read: () => readAudit(shop, id, { ...request, end: revision, buyerId }),
  };
}

interface Surveyed {
  readonly revision: bigint;
  readonly newest: bigint;
  readonly buyerId: string | undefined;
}

/** Finds where the past ends, before anything of it is shown. */
async function survey({ store }: Shop, id: string, moment: Moment): Promise<Surveyed> {
  let revision: bigint | undefined;
  let newest: bigint | undefined;
  let buyerId: string | undefined;
  let isPast = true;
  for await (const page of pagesOf(store, streamOf(orders.of, id))) {
    for (const event of page) {
      newest = event.revision;
      isPast &&= !endsPast(event, moment);
      if (!isPast) continue;
      ({ revision } = event);
      if (event.type === 'OrderPlaced' && poisonOf(event) === undefined) {
        buyerId ??= (event as RecordedEvent<OrderPlaced>).data.buyerId;
      }
    }
  }
  if (newest === undefined) return missing('OrderUnknown', `There is no order ${id}.`);
  if (revision === undefined) return missing('OrderUnknown', `There was no order ${id} then.`);
  return { revision, newest, buyerId };
}

type Found = ToldEvent | UnreadableEntry;

/** Tells the events that are to be shown, and folds all others. */
function createChoice(id: string, { from = 0, limit = Infinity }: Pick<AuditRequest, 'from' | 'limit'>) {
  const reading = createAuditReader(id);
  const tell = createTeller(reading.read, auditedOrder, BigInt(from) - 1n);
  let shown = 0;
  let next: bigint | undefined;
  return {
    tell(event: RecordedEvent): Found | undefined {
      const isAsked = event.revision >= from;
      if (isAsked && shown >= limit) {
        next ??= event.revision;
        reading.read(event);
        return undefined;
      }
      const entry = tell(event) ?? reading.unreadable(event);
      if (!isAsked || entry === undefined) return undefined;
      shown += 1;
      return entry;
    },
    end(causesComplete: boolean): AuditEnd {
      const row = reading.row();
      const order = row === undefined ? null : auditedOrder(row);
      return { order, causes_complete: causesComplete, ...(next === undefined ? {} : { next: String(next) }) };
    },
  };
}

async function* readAudit(
  shop: Shop,
  id: string,
  { end, buyerId, ...wanted }: AuditRequest & { end: bigint; buyerId: string | undefined },
): AsyncGenerator<AuditPage, AuditEnd> {
  const choice = createChoice(id, wanted);
  const causes = createCauses(shop.store);
  const people = createPeople(shop);
  let complete = true;
  for await (const recorded of pagesOf(shop.store, streamOf(orders.of, id), end)) {
    const found: Found[] = [];
    for (const event of await opened(shop.services, recorded, buyerId)) {
      causes.saw(event);
      const entry = choice.tell(event);
      if (entry !== undefined) found.push(entry);
    }
    if (found.length === 0) continue;
    const page = await withSources(found, { people, causes });
    complete &&= page.causesComplete;
    yield page;
  }
  return choice.end(complete);
}

/** Adds the person and the cause to each entry of a page. */
async function withSources(
  found: readonly Found[],
  { people, causes }: { people: ReturnType<typeof createPeople>; causes: ReturnType<typeof createCauses> },
): Promise<AuditPage> {
  const told = found.filter((entry): entry is ToldEvent => !('unreadable' in entry));
  const whoIs = await people(told.map(({ actor }) => actor));
  const last = found.at(-1)!;
  const causeIds = told.flatMap(({ causation_id: cause }) => cause ?? []);
  const { known, complete } = await causes.of(causeIds, BigInt(last.position));
  const entries = found.map((entry): AuditEntry | UnreadableEntry => {
    if ('unreadable' in entry) return entry;
    const cause = entry.causation_id === null ? undefined : known.get(entry.causation_id);
    return { ...entry, who: whoIs.get(entry.actor) ?? null, because: cause ?? null };
  });
  return { entries, causesComplete: complete };
}

/** The events with the buyer's data opened; those that cannot be read stay as they are. */
async function opened(
  { personalData }: Pick<Services, 'personalData'>,
  events: readonly RecordedEvent[],
  buyerId: string | undefined,
): Promise<readonly RecordedEvent[]> {
  if (buyerId === undefined) return events;
  const readable = events.filter((event) => poisonOf(event) === undefined);
  const data = await personalData.revealAll(
    readable.map((event) => event.data),
    (_data, index) => sealedInEvent(readable[index]!, buyerId),
  );
  const byId = new Map(readable.map((event, at) => [event.id, { ...event, data: data[at]! }]));
  return events.map((event) => byId.get(event.id) ?? event);
}

const orderRows = prepare(orders as unknown as Projection);

/** Folds an order's row, and tells which events the order's functions cannot apply. These change nothing. */
function createAuditReader(id: string) {
  let row: OrderRow | undefined;
  let failure: { readonly event: RecordedEvent; readonly reason: string } | undefined;

  const read: Reader<OrderRow> = (event) => {
    try {
      const changed = orderRows.changes.get(event.type)?.row(row && { ...row }, event, id);
      const next = (changed ?? row) as OrderRow | undefined;
      if (next !== undefined) orderRows.check({ ...next }, row && { ...row }, id);
      row = next;
      return { event, row };
    } catch (error) {
      failure = { event, reason: error instanceof Error ? error.message : String(error) };
      return undefined;
    }
  };
  return {
    read,
    row: () => row,
    /** The entry of the event that was read last, if it could not be applied. */
    unreadable({ id: eventId, type, position, revision }: RecordedEvent): UnreadableEntry | undefined {
      if (failure?.event.id !== eventId) return undefined;
      const place = { position: String(position), revision: String(revision), event_id: eventId, type };
      return { ...place, unreadable: failure.reason };
    },
  };
}
