import { expect } from 'chai';
import { createRecent, type SizedEvent } from '../../src/eventstore/recent.ts';

const events = (from: number, to: number, bytes = 1): SizedEvent[] =>
  Array.from({ length: to - from + 1 }, (_, index) => ({
    event: { position: BigInt(from + index) } as SizedEvent['event'],
    bytes,
  }));
const positions = (found: readonly { position: bigint }[] | undefined): number[] | undefined =>
  found?.map(({ position }) => Number(position));

describe('the newest events of the log', () => {
  it('are unknown until it is said where to begin', () => {
    const recent = createRecent();
    expect(recent.add(events(1, 2))).to.equal(false);
    expect(recent.after(0n, 10)).to.equal(undefined);
    recent.begin(5n);
    expect([recent.last, recent.after(5n, 10), recent.after(4n, 10)]).to.deep.equal([5n, [], undefined]);
  });

  it('are given after any position still kept, as many as are asked for', () => {
    const recent = createRecent();
    recent.begin(10n);
    expect(recent.add(events(11, 15))).to.equal(true);
    expect(positions(recent.after(10n, 2))).to.deep.equal([11, 12]);
    expect(positions(recent.after(13n, 9))).to.deep.equal([14, 15]);
    expect(positions(recent.after(15n, 9))).to.deep.equal([]);
    expect(positions(recent.after(99n, 9))).to.deep.equal([]);
    expect(recent.after(9n, 9)).to.equal(undefined);
  });

  it('are taken once, however often they are offered, and never with a hole', () => {
    const recent = createRecent();
    recent.begin(0n);
    recent.add(events(1, 3));
    expect(recent.add(events(1, 3))).to.equal(false);
    expect(recent.add(events(2, 5))).to.equal(true);
    expect(recent.add(events(7, 8))).to.equal(false);
    expect(positions(recent.after(0n, 99))).to.deep.equal([1, 2, 3, 4, 5]);
  });

  it('are kept up to a number and a size', () => {
    const few = createRecent(5, 1_000);
    few.begin(0n);
    for (let at = 1; at <= 40; at += 1) few.add(events(at, at));
    expect([few.after(34n, 99), positions(few.after(35n, 99))]).to.deep.equal([undefined, [36, 37, 38, 39, 40]]);
    const small = createRecent(100, 50);
    small.begin(0n);
    small.add(events(1, 10, 10));
    expect([small.after(4n, 99), positions(small.after(5n, 99))]).to.deep.equal([undefined, [6, 7, 8, 9, 10]]);
    small.add(events(11, 11, 51));
    expect([small.after(10n, 99), small.after(11n, 99)]).to.deep.equal([undefined, []]);
  });

  it('may lie at positions far apart, where it is said what they follow', () => {
    const at = (...places: number[]): SizedEvent[] => places.flatMap((place) => events(place, place));
    const recent = createRecent(3, 1_000);
    recent.begin(100n);
    expect(recent.add(at(300), 250n)).to.equal(false);
    expect(recent.add(at(150, 300), 100n)).to.equal(true);
    expect(recent.add(at(300, 420), 150n)).to.equal(true);
    expect(recent.add(at(500), 440n)).to.equal(false);
    expect(positions(recent.after(100n, 9))).to.deep.equal([150, 300, 420]);
    expect(positions(recent.after(299n, 1))).to.deep.equal([300]);
    recent.add(at(500), 420n);
    expect([recent.after(149n, 9), positions(recent.after(150n, 9))]).to.deep.equal([undefined, [300, 420, 500]]);
  });
});
