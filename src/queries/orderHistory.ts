import { Type } from 'typebox';
import { pagesOf } from '../engine/decide/answer.ts';
import { type HistoryEntry, historyPage } from '../engine/ask/history.ts';
import { EventPaging, eventPageOf } from '../engine/ask/paging.ts';
import { sealedInChange } from '../aggregates/sealed.ts';
import type { OrderRow } from '../projections/orders.ts';
import { streamOf } from '../eventstore/eventStore.ts';
import { Fields, Id, Instant, Named, Nullable } from '../schema.ts';
import { defineQuery, type Services } from './contract.ts';
import { orderView, unknownOrder } from './order.ts';
import { createOrderReader } from './orderPart.ts';

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

/** The entries with the buyer's data opened. Both values of a change are the row's own. */
async function openEntries(
  { personalData }: Pick<Services, 'personalData'>,
  entries: readonly HistoryEntry[],
  row: Pick<OrderRow, 'id' | 'buyer_id'>,
): Promise<HistoryEntry[]> {
  const changes = entries.flatMap((entry) => entry.changes);
  const opened = (await personalData.revealAll(changes, ({ field }) => sealedInChange(field, row))).values();
  return entries.map((entry) => ({ ...entry, changes: entry.changes.map((change) => opened.next().value ?? change) }));
}

const getOrderHistory = defineQuery({
  name: 'GetOrderHistory',
  summary: 'The events of an order, oldest first: when, who, why, and what each changed field by field',
  tag: 'orders',
  route: 'GET /orders/:id/history',
  access: 'user',
  params: Fields({ id: Id }),
  query: Fields(EventPaging),
  result: Type.Array(HistoryView),
  revised: 'always',
  reads: ['orders'],
  async run({ params: { id }, query }, { actor, store, services }) {
    const pages = pagesOf(store, streamOf('order', id));
    const asSeen = { read: createOrderReader(id, actor, unknownOrder), view: orderView };
    const { entries, row, revision } = await historyPage(pages, asSeen, eventPageOf(query));
    if (row === undefined) return unknownOrder();
    return { data: await openEntries(services, entries, row), revision };
  },
});

export const orderHistoryQueries = [getOrderHistory];
