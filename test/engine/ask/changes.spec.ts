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
