import { expect } from 'chai';
import type { RecordedEvent } from '../../src/eventstore/eventStore.ts';
import { PAGE_BYTES_MAX, PAGE_FIRST, createPageSizes } from '../../src/eventstore/pageSize.ts';

const LIMIT = 8 * PAGE_FIRST;
const page = (events: number, bytes = 0) =>
  Array.from({ length: events }, () => ({ event: {} as RecordedEvent, bytes: bytes / events }));

describe('pages of the log', () => {
  it('grow while they are full, and begin anew when one is not', () => {
    const size = createPageSizes().upTo(LIMIT);
    const asked = [1, 2, 4, 8, 8].map((times) => {
      expect(size.events).to.equal(times * PAGE_FIRST);
      size.read(page(size.events));
      return size.events;
    });
    expect(asked.at(-1)).to.equal(LIMIT);
    size.read(page(size.events - 1));
    expect(size.events).to.equal(PAGE_FIRST);
  });

  it('never grow beyond what is asked for', () => {
    const size = createPageSizes().upTo(10);
    size.read(page(10));
    expect(size.events).to.equal(10);
  });

  it('stop growing at their bytes, and shrink beyond them, down to one event', () => {
    const size = createPageSizes().upTo(LIMIT);
    size.read(page(PAGE_FIRST, PAGE_BYTES_MAX / 2 + PAGE_FIRST));
    expect(size.events).to.equal(PAGE_FIRST);
    size.read(page(PAGE_FIRST, PAGE_BYTES_MAX + PAGE_FIRST));
    expect(size.events).to.equal(PAGE_FIRST / 2);
    for (let n = 0; n < 20; n += 1) size.read(page(size.events, 2 * PAGE_BYTES_MAX));
    expect(size.events).to.equal(1);
  });

  it('are large for a few followers at once; a follower that ends or catches up makes room', () => {
    const sizes = createPageSizes(2);
    const [one, two, three] = [sizes.upTo(LIMIT), sizes.upTo(LIMIT), sizes.upTo(LIMIT)] as const;
    for (const size of [one, two, three]) size.read(page(PAGE_FIRST));
    expect([one, two, three].map(({ events }) => events)).to.deep.equal([2, 2, 1].map((times) => times * PAGE_FIRST));
    one.read(page(1));
    three.read(page(PAGE_FIRST));
    expect(three.events).to.equal(2 * PAGE_FIRST);
    one.read(page(PAGE_FIRST));
    expect(one.events, 'the third took the only place').to.equal(PAGE_FIRST);
    two.end();
    two.end();
    one.read(page(PAGE_FIRST));
    expect(one.events).to.equal(2 * PAGE_FIRST);
  });

  it('take no place for a page that comes when its follower has ended', () => {
    const sizes = createPageSizes(1);
    const [ended, other] = [sizes.upTo(LIMIT), sizes.upTo(LIMIT)];
    ended.end();
    ended.read(page(PAGE_FIRST));
    other.read(page(PAGE_FIRST));
    expect(other.events).to.equal(2 * PAGE_FIRST);
  });
});
