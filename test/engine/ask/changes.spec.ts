import { expect } from 'chai';
import { createChanges } from '../../../src/engine/ask/changes.ts';

describe('the last changes of resources', () => {
  it('are known by each tag of what was read, the highest one', () => {
    const changes = createChanges();
    changes.note(['products', 'product:a'], 5n);
    changes.note(['products', 'product:b'], 7n);
    expect(changes.lastOf(['product:a'])).to.equal(5n);
    expect(changes.lastOf(['product:a', 'products'])).to.equal(7n);
    expect(changes.lastOf(['stores'])).to.equal(0n);
  });

  it('do not go back when a later one is noted first', () => {
    const changes = createChanges();
    changes.note(['product:a'], 7n);
    changes.note(['product:a'], 5n);
    expect(changes.lastOf(['product:a'])).to.equal(7n);
  });

  it('are all at the latest position or before it', () => {
    const changes = createChanges(2);
    expect(changes.latest).to.equal(0n);
    changes.note(['product:a'], 7n);
    changes.note([], 5n);
    expect(changes.latest).to.equal(7n);
    void changes.told(9n);
    expect(changes.latest).to.equal(9n);
    for (const tags of [['product:a'], ['product:never']]) {
      expect(changes.latest >= changes.lastOf(tags)).to.equal(true);
    }
  });

  it('are never forgotten in silence: beyond the bound the highest one forgotten counts for all', () => {
    const changes = createChanges(2);
    changes.note(['product:a'], 5n);
    changes.note(['product:b'], 6n);
    changes.note(['product:c'], 7n);
    expect(changes.lastOf(['product:a'])).to.equal(5n);
    expect(changes.lastOf(['product:never'])).to.equal(5n);
    expect(changes.lastOf(['product:b'])).to.equal(6n);
  });

  it('count for every tag where a command is acknowledged whose events another process has appended', () => {
    const changes = createChanges();
    changes.note(['product:a'], 5n);
    void changes.told(5n);
    expect(changes.lastOf(['product:b'])).to.equal(0n);
    void changes.told(7n);
    expect(changes.lastOf(['product:b'])).to.equal(7n);
    expect(changes.lastOf(['product:a'])).to.equal(7n);
  });
});
