import { expect } from 'chai';
import { createGenerations } from '../../src/platform/generations.ts';

describe('a map in two generations', () => {
  const filled = (entriesMax: number, keys: readonly string[]) => {
    const dropped: number[] = [];
    const map = createGenerations<string, number>(entriesMax, (value) => dropped.push(value));
    keys.forEach((key, index) => map.set(key, index));
    return { map, dropped };
  };

  it('remembers the newest half of its bound at least, and no more than its bound', () => {
    for (const entriesMax of [1, 2, 7, 8]) {
      const keys = Array.from({ length: 50 }, (_, index) => `key ${index}`);
      const { map, dropped } = filled(entriesMax, keys);
      const known = keys.filter((key) => map.has(key));
      expect(known.length, `of ${entriesMax}`).to.be.at.most(Math.max(2, entriesMax));
      expect(known, `of ${entriesMax}`).to.deep.equal(keys.slice(-known.length));
      expect(known.length, `of ${entriesMax}`).to.be.at.least(Math.floor(entriesMax / 2));
      expect(dropped, 'each value that is gone').to.deep.equal(keys.slice(0, -known.length).map((_, index) => index));
    }
  });

  it('answers with the last value of a key, in whichever half it stands', () => {
    const { map } = filled(4, ['a', 'b', 'c', 'a']);
    expect(['a', 'b', 'c', 'd'].map((key) => map.get(key))).to.deep.equal([3, 1, 2, undefined]);
    map.set('a', 9);
    expect(map.get('a')).to.equal(9);
  });

  it('keeps a key that is set again and again', () => {
    const { map, dropped } = filled(4, ['a', 'b', 'a', 'c', 'a', 'd', 'a', 'e', 'a']);
    expect(map.get('a')).to.equal(8);
    expect(dropped).to.not.contain(8);
  });

  it('is empty once it is cleared', () => {
    const { map, dropped } = filled(4, ['a', 'b', 'c']);
    map.clear();
    expect(['a', 'b', 'c'].filter((key) => map.has(key))).to.deep.equal([]);
    expect(dropped).to.deep.equal([]);
  });
});
