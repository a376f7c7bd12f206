import { expect } from 'chai';
import { validate, version } from 'uuid';
import { freshId } from '../../src/ids.ts';

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
