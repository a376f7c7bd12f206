import { expect } from 'chai';
import { stockDecider } from '../../src/aggregates/stock.ts';
import { readStream, READ_STREAM_EVENTS_MAX } from '../../src/engine/decide/answer.ts';
import { type EventStore, READ_PAGE, type RecordedEvent } from '../../src/eventstore/eventStore.ts';
import { admin, dataOf, openMemoryShop, seller } from '../support/memoryShop.ts';
import { createMemoryEventStore } from '../support/memoryStore.ts';
import { rejection } from '../support/rejection.ts';

const STOCK_EVENTS = 1_200;

/** A store that counts the events that readers of streams get. */
function counting(store: EventStore) {
  const counted = { events: 0 };
  const read: EventStore['read'] = async (...parameters) => {
    const page = await store.read(...parameters);
    counted.events += page.length;
    return page;
  };
  return { counted, store: { ...store, read } satisfies EventStore };
}

describe('a command on something with a long history', () => {
  it('changes a product without reading the past of its stock again', async () => {
    const { counted, store } = counting(createMemoryEventStore());
    const shop = openMemoryShop(store);
    const owner = seller();
    const category = dataOf(await shop.ask('CreateCategory', admin, { body: { name: 'Tea' } }))['id'];
    const body = { name: 'Sencha', price: '3.00', stock: 1, category_id: category };
    const id = String(dataOf(await shop.ask('ListProduct', owner, { body }))['id']);
    const more = { type: 'AdjustStock', data: { change: 1, reason: 'found' } } as const;
    for (let count = 0; count < STOCK_EVENTS; count += 1) await shop.does(stockDecider, id, more);
    const change = (name: string) => shop.ask('UpdateProduct', owner, { params: { id }, body: { name } });
    await change('Gyokuro');
    counted.events = 0;
    const { stock } = dataOf(await change('Matcha'));
    expect(stock).to.deep.equal({ available: STOCK_EVENTS + 1, reserved: 0, total: STOCK_EVENTS + 1 });
    expect(counted.events).to.equal(0);
  });

  it('never puts a stream without end into memory', async () => {
    let pages = 0;
    const endless = {
      read: (_stream: string, from = 0n) => {
        pages += 1;
        return Promise.resolve(
          Array.from({ length: READ_PAGE }, (_, index) => ({ revision: from + BigInt(index) }) as RecordedEvent),
        );
      },
    } as unknown as EventStore;
    expect(String(await rejection(readStream(endless, 'stock-1')))).to.contain('too many to read at once');
    expect(pages).to.equal(Math.floor(READ_STREAM_EVENTS_MAX / READ_PAGE) + 1);
    expect(await readStream(endless, 'stock-1', 9n)).to.have.length(10);
  });
});
