import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { OrderEvent } from '../../src/aggregates/order.ts';
import { type AuditEnd, type AuditPage, auditOrder, type AuditRequest } from '../../src/cli/auditOrder.ts';
import type { Shop } from '../../src/compose/shop.ts';
import { type EventStore, READ_PAGE, type RecordedEvent } from '../../src/eventstore/eventStore.ts';
import { captured, placed, refundRequested, requested } from '../aggregates/orderExamples.ts';
import { type Fact, recordedEvents } from '../support/given.ts';
import { memoryPersonalData } from '../support/personalData.ts';

const EVENTS = 60_000;
const [ORDER, PAYMENT] = [randomUUID(), randomUUID()];

/** The log of one order with many refunds. The events are made when a page of them is read. */
function longOrder(count: number) {
  const ordered = { ...placed, data: { ...placed.data, buyerId: randomUUID() } };
  const paid = [ordered, requested(PAYMENT), captured(PAYMENT)] as const;
  const made = recordedEvents(...paid.map((event): Fact => [`order-${ORDER}`, event]));
  const work = { reads: 0, inMemory: 0, located: 0 };
  const eventAt = (revision: number): RecordedEvent => {
    const event: OrderEvent = refundRequested(1, { refundId: `r${revision}`, paymentId: PAYMENT });
    const { metadata } = made[2]!;
    const place = { revision: BigInt(revision), position: BigInt(revision + 1), id: `event ${revision}` };
    const causationId = revision % 2 === 0 ? `event ${revision - 1}` : 'elsewhere';
    return made[revision] ?? { ...made[2]!, ...event, ...place, metadata: { ...metadata, causationId } };
  };
  const store = {
    read(_stream: string, from = 0n, limit = READ_PAGE) {
      work.reads += 1;
      const length = Math.max(0, Math.min(limit, count - Number(from)));
      work.inMemory = Math.max(work.inMemory, length);
      return Promise.resolve(Array.from({ length }, (_, index) => eventAt(Number(from) + index)));
    },
    locate(ids: readonly string[]) {
      work.located += ids.length;
      return Promise.resolve({ events: [], complete: true });
    },
  } as Partial<EventStore> as EventStore;
  return { shop: { store, services: { personalData: memoryPersonalData() } } as unknown as Shop, work };
}

async function readAll(shop: Shop, request: Partial<AuditRequest> = {}) {
  const audit = await auditOrder(shop, ORDER, { moment: {}, ...request });
  const sizes: number[] = [];
  const shown: AuditPage['entries'][number][] = [];
  const pages = audit.read();
  for (;;) {
    const page = await pages.next();
    if (page.done === true) return { audit, sizes, shown, end: page.value satisfies AuditEnd };
    sizes.push(page.value.entries.length);
    shown.push(...page.value.entries);
  }
}

describe('the audit of an order with 60,000 events', function () {
  this.timeout(60_000);

  it('shows each of them, and has one page in memory at a time', async () => {
    const { shop, work } = longOrder(EVENTS);
    const { audit, sizes, shown, end } = await readAll(shop);
    expect(shown.map(({ revision }) => Number(revision))).to.deep.equal(Array.from({ length: EVENTS }, (_, at) => at));
    expect(audit).to.include({ revision: String(EVENTS - 1), newest_revision: String(EVENTS - 1) });
    expect(end.order).to.include({ refund_requested: (EVENTS - 3) / 100 });
    expect(Math.max(...sizes)).to.equal(READ_PAGE);
    expect(work.inMemory).to.equal(READ_PAGE);
    const pages = EVENTS / READ_PAGE;
    expect(work.reads, 'once to find the end, once to show').to.equal(pages + 1 + pages);
  });

  it('searches the whole log for the causes that are not in the order, once per page', async () => {
    const { shop, work } = longOrder(EVENTS);
    const { shown } = await readAll(shop);
    expect(work.located).to.equal(EVENTS / READ_PAGE);
    expect(shown[4]).to.have.nested.property('because.revision', '3');
    expect(shown[5]).to.have.property('because', null);
  });

  it('shows a part, and says where it goes on', async () => {
    const { shop } = longOrder(EVENTS);
    const { shown, end, audit } = await readAll(shop, { from: 59_000, limit: 700 });
    expect([shown[0]?.revision, shown.at(-1)?.revision, end.next]).to.deep.equal(['59000', '59699', '59700']);
    expect(audit.revision).to.equal(String(EVENTS - 1));
    const rest = await readAll(shop, { from: 59_700, limit: 700, moment: { revision: 59_800 } });
    expect([rest.shown.length, rest.end.next, rest.audit.revision]).to.deep.equal([101, undefined, '59800']);
    expect(rest.end.order).to.include({ refund_requested: (59_801 - 3) / 100 });
  });
});
