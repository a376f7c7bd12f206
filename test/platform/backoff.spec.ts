import { expect } from 'chai';
import { delayAfter, isOver, rest } from '../../src/platform/backoff.ts';

describe('a backoff', () => {
  it('waits twice as long each time, up to a bound, and never all for the same time', () => {
    const policy = { delayMs: 200, delayMaxMs: 30_000 };
    expect([1, 2, 3, 4].map((failures) => delayAfter(policy, failures, () => 1))).to.deep.equal([200, 400, 800, 1_600]);
    expect(delayAfter(policy, 2_000, () => 1)).to.equal(30_000);
    expect(delayAfter(policy, 1, () => 0)).to.equal(100);
  });

  it('rests no longer than until its signal aborts', async () => {
    const ending = new AbortController();
    const resting = rest(60_000, ending.signal);
    expect(isOver(ending.signal)).to.equal(false);
    ending.abort();
    await resting;
    expect(isOver(ending.signal)).to.equal(true);
    await rest(60_000, ending.signal);
  });
});
