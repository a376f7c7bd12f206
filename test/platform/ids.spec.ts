import { expect } from 'chai';
import fc from 'fast-check';
import { v5, validate, version } from 'uuid';
import { derivedId, freshId } from '../../src/platform/ids.ts';

const COUNT = 5_000;
const MS_CHARS = 13;

describe('fresh ids', () => {
  const ids = Array.from({ length: COUNT }, freshId);

  it('are UUIDs of version 7, each another', () => {
    expect(ids.every((id) => validate(id) && version(id) === 7)).to.equal(true);
    expect(new Set(ids).size).to.equal(COUNT);
  });

  it('follow each other in time', () => {
    const times = ids.map((id) => id.slice(0, MS_CHARS));
    expect(times).to.deep.equal([...times].sort());
  });
});

describe('an id derived from another', () => {
  it('is what the library makes of it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.uuid(), (name, id) => {
        expect(derivedId(name, id)).to.equal(v5(name, id));
      }),
    );
  });

  it('is refused where the other is none', () => {
    for (const wrong of ['', 'nobody', '0190b5a6-7c1e-7d2a-9f3e', '0190b5a6-7c1e-7d2a-9f3e-00000000000g']) {
      expect(() => derivedId('0', wrong), wrong).to.throw(TypeError);
    }
  });
});
