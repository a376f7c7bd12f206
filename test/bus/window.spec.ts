import { expect } from 'chai';
import fc from 'fast-check';
import { createWindow } from '../../src/bus/window.ts';

describe('window', () => {
  it('has its low water at the event before the oldest unfinished one, and at the last one read when all are finished', () => {
    const window = createWindow(10n);
    for (const position of [11n, 12n, 15n]) {
      window.pass(position);
      window.begin(position);
    }
    window.pass(20n);
    expect(window.lowWater).to.equal(10n);
    window.finish(12n, 'b');
    expect(window.lowWater).to.equal(10n);
    window.finish(11n, 'a');
    expect(window.lowWater).to.equal(12n);
    window.finish(15n, 'c');
    expect(window.lowWater).to.equal(20n);
    expect(window.unfinished).to.equal(0);
  });

  it('refuses to begin another event than the one passed last', () => {
    const window = createWindow(0n);
    window.pass(3n);
    window.pass(7n);
    expect(() => window.begin(3n)).to.throw(RangeError);
  });

  it('hands out what finished above the low water once, and again after it was given back', () => {
    const window = createWindow(0n);
    for (const position of [1n, 2n, 3n, 4n]) {
      window.pass(position);
      window.begin(position);
    }
    window.finish(2n, 'b');
    window.finish(3n);
    window.finish(4n, 'd');
    const taken = window.takeUnremembered();
    expect(taken.map(({ id }) => id)).to.deep.equal(['b', 'd']);
    expect(window.takeUnremembered()).to.deep.equal([]);
    window.restore(taken);
    window.finish(1n, 'a');
    expect(window.takeUnremembered()).to.deep.equal([]);
    expect(window.beyond).to.equal(0);
  });

  it('never lets the low water pass an unfinished event nor go back, in any order of finished events', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 60 }), fc.infiniteStream(fc.nat()), (wanted, picks) => {
        const window = createWindow(0n);
        const open: bigint[] = [];
        const passed = [0n];
        let last = 0n;
        const step = (): void => {
          const lowest = open.length === 0 ? window.read + 1n : open.reduce((a, b) => (a < b ? a : b));
          expect(window.lowWater).to.equal(passed.findLast((position) => position < lowest));
          expect(window.lowWater >= last).to.equal(true);
          last = window.lowWater;
        };
        wanted.forEach((isWanted, index) => {
          const position = BigInt(index + 1) * 977n;
          window.pass(position);
          passed.push(position);
          if (isWanted) {
            window.begin(position);
            open.push(position);
          }
          step();
          const pick = picks.next().value;
          if (open.length > 0 && pick % 3 > 0) {
            const [finished] = open.splice(pick % open.length, 1);
            window.finish(finished!, String(finished));
            step();
          }
        });
      }),
    );
  });
});
