import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { createCursors } from '../../src/engine/ask/cursor.ts';
import { NO_STREAM } from '../../src/eventstore/eventStore.ts';
import { queries } from '../../src/queries/index.ts';
import type { OrderView } from '../../src/queries/order.ts';
import { captured, placed, requested } from '../aggregates/orderExamples.ts';
import { recordedEvents } from '../support/given.ts';
import { openMemoryShop } from '../support/memoryShop.ts';
import { rejection } from '../support/rejection.ts';

describe('an order as it was', () => {
  const { store, services } = openMemoryShop();
  const id = randomUUID();
  const at = (time: string): string => `2026-03-01T${time}.000Z`;

  before(async () => {
    // The handler that records the payment has a clock that is behind.
    const events = recordedEvents(
      ['order-one', placed, at('12:00:01')],
      ['order-one', requested(), at('12:00:05')],
      ['order-one', captured(), at('12:00:02')],
    );
    await store.append(`order-${id}`, NO_STREAM, events);
  });

  async function asOf(instant: string): Promise<OrderView> {
    const getOrder = queries.find(({ name }) => name === 'GetOrder')!;
    const input = { params: { id }, query: { as_of: instant } };
    const db = { rows: () => Promise.reject(new Error('the past is in the log')) };
    const actor = { id: 'ann', role: 'buyer' };
    const cursors = createCursors(Buffer.alloc(32))({ query: getOrder, input, actor });
    const { data } = await getOrder.run(input, { actor, now: at('13:00:00'), db, cursors, store, services });
    return data as OrderView;
  }

  it('is a prefix of its stream: an event does not count before the one that it follows', async () => {
    expect(String(await rejection(asOf(at('12:00:00'))))).to.contain('There is no such order.');
    const { status, payment } = await asOf(at('12:00:03'));
    expect(status).to.equal('pending');
    expect(payment).to.include({ id: null, captured: 0 });
  });

  it('includes every event before the first one past the instant, in the order of revisions', async () => {
    const { status, payment } = await asOf(at('12:00:05'));
    expect(status).to.equal('paid');
    expect(payment).to.include({ status: 'captured', captured: 100 });
  });
});
