import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { browse, type Browsed, LOOKED_THROUGH_MAX } from '../../../src/engine/ask/browse.ts';
import { type EventStore, NO_STREAM, type RecordedEvent } from '../../../src/eventstore/eventStore.ts';
import { thing } from '../../support/events.ts';
import { createMemoryEventStore } from '../../support/memoryStore.ts';

const numberOf = ({ data }: RecordedEvent): number => (data as { n: number }).n;

async function filled(count: number, streams = 1): Promise<EventStore> {
  const store = createMemoryEventStore();
  for (let n = 0; n < count; n += 1) {
    const revision = BigInt(Math.floor(n / streams)) - 1n;
    await store.append(`thing-${n % streams}`, revision < 0n ? NO_STREAM : revision, [
      { ...thing({ n }), id: randomUUID() },
    ]);
  }
  return store;
}

/** All pages, by the numbers of their events. */
async function walk(
  store: EventStore,
  browsed: Omit<Browsed, 'after'>,
  isWanted: (event: RecordedEvent) => boolean = () => true,
): Promise<number[][]> {
  const pages: number[][] = [];
  for (let after: bigint | undefined; ;) {
    const { events, next } = await browse(store, { ...browsed, after }, isWanted);
    pages.push(events.map(numberOf));
    if (next === undefined) return pages;
    expect(next, 'it goes on').to.not.equal(after);
    after = next;
  }
}

describe('browsing the log', () => {
  const COUNT = 23;
  const forwards = Array.from({ length: COUNT }, (_, n) => n);

  for (const limit of [1, 7, 100]) {
    it(`B16: has each event once by pages of ${limit}, oldest or newest first, in the log and in one stream`, async () => {
      const store = await filled(COUNT, 2);
      expect((await walk(store, { newestFirst: false, limit })).flat()).to.deep.equal(forwards);
      expect((await walk(store, { newestFirst: true, limit })).flat()).to.deep.equal(forwards.toReversed());
      const even = forwards.filter((n) => n % 2 === 0);
      const inStream = { stream: 'thing-0', limit };
      expect((await walk(store, { ...inStream, newestFirst: false })).flat()).to.deep.equal(even);
      expect((await walk(store, { ...inStream, newestFirst: true })).flat()).to.deep.equal(even.toReversed());
    });
  }

  it('has no next page after the last event, and none in an empty log', async () => {
    expect(await walk(await filled(4), { newestFirst: false, limit: 4 })).to.have.lengthOf(1);
    expect(await walk(await filled(0), { newestFirst: true, limit: 4 })).to.deep.equal([[]]);
  });

  it('looks through a bounded part of the log per page, and goes on where it stopped', async () => {
    const count = LOOKED_THROUGH_MAX * 2 + 10;
    const store = await filled(count);
    let read = 0;
    const counting: EventStore = {
      ...store,
      async readAllBack(...asked) {
        const events = await store.readAllBack(...asked);
        read += events.length;
        return events;
      },
    };
    const first = await browse(counting, { newestFirst: true, limit: 1 }, (event) => numberOf(event) === 0);
    expect(first.events).to.deep.equal([]);
    expect(first.next).to.not.equal(undefined);
    expect(read).to.equal(LOOKED_THROUGH_MAX);
    const pages = await walk(store, { newestFirst: true, limit: 1 }, (event) => numberOf(event) === 0);
    expect(pages).to.deep.equal([[], [], [0]]);
  });
});
