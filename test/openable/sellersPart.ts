import type { Json } from '../support/shop.ts';
import type { Kept } from './asking.ts';

const ORDER = /^(\/orders\/[0-9a-f-]{36})(\/history|\?revision=\d+)?$/;

/**
 * What the kept answers are today. An earlier version showed the sellers of a shared order its notes, the sums of the whole order
 * and the steps of the others. Today each sees what concerns their own lines.
 */
export function withSellersParts(kept: readonly Kept[]): Kept[] {
  const bodyOf = (as: string, ask: string): Json => {
    const found = kept.find((one) => one.as === as && one.ask === ask && one.status === 200);
    return found === undefined ? undefined : JSON.parse(found.body);
  };
  const sellers = kept.flatMap(({ as, ask }) => {
    const me = ask === '/users/me' ? bodyOf(as, ask)?.data : undefined;
    return me?.role === 'seller' ? [{ as, id: String(me.id) }] : [];
  });

  return kept.map((was) => {
    const [, order = '', more] = ORDER.exec(was.ask) ?? [];
    const shared = bodyOf('admin', order)?.data.fulfilments.length > 1;
    if (!shared || was.status !== 200 || !sellers.some(({ as }) => as === was.as)) return was;
    const others = new Set(sellers.flatMap(({ as, id }) => (as === was.as ? [] : [id])));
    const history = partOfHistory(bodyOf(was.as, `${order}/history`).data, bodyOf(was.as, order).data.total, others);
    const body = JSON.parse(was.body);
    const data = more === '/history' ? history : partOfOrder(body.data, history, more === '?revision=0');
    return { ...was, body: JSON.stringify({ ...body, data }) };
  });
}

function partOfHistory(entries: readonly Json[], total: number, others: ReadonlySet<string>): Json[] {
  const hidden = new Set<string>();
  return entries.flatMap((entry) => {
    if (others.has(entry.actor) || hidden.has(entry.causation_id)) {
      hidden.add(entry.event_id);
      return [];
    }
    const changes = entry.changes.filter(({ field }: Json) => field !== 'notes').map(asPart(total));
    // The part's status is that of its fulfilment.
    const step = changes.find(({ field }: Json) => field === 'fulfilments.0.status');
    const told = changes.some(({ field }: Json) => field === 'status');
    if (step !== undefined && !told) changes.unshift({ ...step, field: 'status' });
    return [{ ...entry, changes }];
  });
}

const asPart =
  (total: number) =>
  (change: Json): Json =>
    change.field === 'payment.captured' && change.after > 0 ? { ...change, after: total } : change;

function partOfOrder(order: Json, history: readonly Json[], first: boolean): Json {
  const changes = history.flatMap((entry) => entry.changes);
  const refunded = changes.findLast(({ field }: Json) => field === 'payment.refunded')?.after ?? 0;
  const { captured } = order.payment;
  const payment = { ...order.payment, captured: captured > 0 ? order.total : 0, refunded: first ? 0 : refunded };
  return {
    ...order,
    status: order.fulfilments[0].status,
    payment,
    notes: null,
    updated_at: (first ? history[0] : history.at(-1)).at,
  };
}
