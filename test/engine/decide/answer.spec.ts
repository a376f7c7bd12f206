import { expect } from 'chai';
import { orderDecider } from '../../../src/aggregates/order.ts';
import { userDecider } from '../../../src/aggregates/user.ts';
import { readStream } from '../../../src/engine/decide/answer.ts';
import { type EventStore, idOf, streamOf } from '../../../src/eventstore/eventStore.ts';
import { replay } from '../../../src/engine/project/projection.ts';
import { stores } from '../../../src/projections/stores.ts';
import { storeIdOf, storeView } from '../../../src/queries/store.ts';
import { buyer, type Circumstances, dataOf, openMemoryShop, seller } from '../../support/memoryShop.ts';
import { asSealed } from '../../support/personalData.ts';
import { createMemoryEventStore } from '../../support/memoryStore.ts';

/** A store that records from which revisions each stream was read since its last append. */
function watched(store: EventStore) {
  const reads = new Map<string, bigint[]>();
  const watching: EventStore = {
    ...store,
    async append(stream, expected, events) {
      const result = await store.append(stream, expected, events);
      reads.set(stream, []);
      return result;
    },
    read(stream, from, limit) {
      reads.get(stream)?.push(from ?? 0n);
      return store.read(stream, from, limit);
    },
  };
  return { store: watching, readsOf: (stream: string): readonly bigint[] | undefined => reads.get(stream) };
}

async function openStore() {
  const { store, readsOf } = watched(createMemoryEventStore());
  const shop = openMemoryShop(store);
  const owner = seller();
  const id = storeIdOf(owner.id);
  const [email, name, passwordHash] = [asSealed('e'), asSealed('n'), asSealed('h')];
  const person = { email, name, phone: null, phoneClaim: null, passwordHash, role: 'buyer' } as const;
  await shop.does(userDecider, owner.id, { type: 'RegisterUser', data: person });
  const opened = await shop.ask('OpenStore', owner, { body: { name: 'Corner shop' } });
  return {
    ...{ shop, opened },
    reads: () => readsOf(streamOf('store', id)),
    update: (description: string, how: Circumstances = {}) =>
      shop.ask('UpdateStore', owner, { params: { id }, body: { description } }, how),
    /** The view of the store, from the events of its stream up to `at`. */
    viewAt: async (at: bigint | undefined) =>
      storeView(replay(stores, id, await readStream(shop.store, streamOf('store', id), at))!),
  };
}

describe('the answer of a command', () => {
  it('is made of the events that were just appended, without reading the stream', async () => {
    const { opened, reads, viewAt } = await openStore();
    expect(reads()).to.deep.equal([]);
    expect(opened.revision).to.equal(0n);
    expect(opened.data)
      .to.deep.equal(await viewAt(0n))
      .and.to.include({ name: 'Corner shop' });
  });

  it('is folded onto the row of the answer before', async () => {
    const { update, reads, viewAt } = await openStore();
    for (const [at, text] of ['one', 'two', 'three'].entries()) {
      const answer = await update(text, { now: `2026-01-02T03:04:0${at}.000Z` });
      expect(reads(), text).to.deep.equal([]);
      expect(answer.revision).to.equal(BigInt(at + 1));
      expect(answer.data)
        .to.deep.equal(await viewAt(answer.revision))
        .and.to.include({ description: text });
    }
  });

  it('reads no more than what another process has added', async () => {
    const { shop, update, reads, viewAt } = await openStore();
    await update('one');
    await update('two', { services: shop.another() });
    const answer = await update('three');
    expect(answer.revision).to.equal(3n);
    expect(reads()).to.deep.equal([2n]);
    expect(answer.data).to.deep.equal(await viewAt(3n));
  });

  it('of a process that has answered nothing yet is the same', async () => {
    const { shop, update, viewAt } = await openStore();
    await update('one');
    const answer = await update('two', { services: shop.another() });
    expect(answer.data)
      .to.deep.equal(await viewAt(2n))
      .and.to.include({ name: 'Corner shop', description: 'two' });
  });

  it('to a repeat is as of its own events, and the next one is not set back by it', async () => {
    const { update, viewAt } = await openStore();
    const how = { id: '6f1f3e0e-6f0a-4b0c-9c52-0f3d5c1f2a11', now: '2026-01-02T03:04:05.000Z' };
    const first = await update('one', how);
    await update('two');
    expect(await update('one', { ...how, now: '2026-01-03T00:00:00.000Z' })).to.deep.equal(first);
    const next = await update('three');
    expect(next.data).to.deep.equal(await viewAt(3n));
  });

  it('changes nothing where the command changes nothing', async () => {
    const { update, reads, viewAt } = await openStore();
    const first = await update('one');
    const again = await update('one', { now: '2026-01-03T00:00:00.000Z' });
    expect(reads()).to.satisfy((from: readonly bigint[]) => from.every((revision) => revision > 0n));
    expect(again.data).to.deep.equal(await viewAt(again.revision));
    expect(first.data).to.include({ description: 'one' });
  });

  it('is as of its own events when several are appended at once', async () => {
    const { update, viewAt } = await openStore();
    const texts = ['one', 'two', 'three', 'four', 'five'];
    const answers = await Promise.all(texts.map((text) => update(text)));
    expect(answers.map(({ revision }) => revision)).to.deep.equal([1n, 2n, 3n, 4n, 5n]);
    for (const [index, answer] of answers.entries()) {
      expect(dataOf(answer)['description']).to.equal(texts[index]);
      expect(answer.data).to.deep.equal(await viewAt(answer.revision));
    }
  });

  it('is a row with a key of its own, and reveals what is personal', async () => {
    const { store, readsOf } = watched(createMemoryEventStore());
    const shop = openMemoryShop(store);
    const ann = buyer();
    const items = [{ product_id: await shop.list(3), quantity: 1 }];
    const placed = await shop.ask('PlaceOrder', ann, { body: { shipping_address: '1 High Street', items } });
    const orderId = String(dataOf(placed)['id']);
    const stream = streamOf('order', orderId);
    expect(dataOf(placed)['shipping_address']).to.equal('1 High Street');
    expect(readsOf(stream)).to.deep.equal([]);
    const { id: paymentId } = dataOf(placed)['payment'] as { id: string };
    await shop.does(orderDecider, idOf(stream), { type: 'RecordDecline', data: { paymentId, reason: 'no' } });
    const paid = await shop.ask('RequestPayment', ann, { body: { order_id: orderId } });
    expect(dataOf(paid)).to.include({ order_id: orderId, attempt: 2, status: 'requested', amount: 10 });
    expect(dataOf(paid)['id']).to.not.equal(paymentId);
    expect(paid.revision).to.equal(3n);
  });
});
