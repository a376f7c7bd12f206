import { expect } from 'chai';
import fc from 'fast-check';
import { createMemoryLimiter, networkOf, type Verdict } from '../../../src/http/limits/rateLimit.ts';

describe('the sliding window', () => {
  let nowMs: number;
  const limiterAt = (startMs: number) => {
    nowMs = startMs;
    const limiter = createMemoryLimiter(() => nowMs);
    return (key = 'me', limit = 10): Verdict => limiter.take(key, limit);
  };
  const allowed = (take: () => Verdict, times: number): number =>
    Array.from({ length: times }, () => take()).filter((verdict) => verdict.allowed).length;

  it('lets the limit pass and no more', () => {
    const take = limiterAt(5_000);
    expect(allowed(take, 25)).to.equal(10);
    expect(take()).to.deep.equal({ allowed: false, remaining: 0, resetS: 61 });
    expect(take('someone else').allowed).to.equal(true);
  });

  it('lets no second burst through at the edge of a window', () => {
    const take = limiterAt(59_990);
    expect(allowed(take, 20)).to.equal(10);
    for (const later of [60_000, 60_010, 75_000, 119_980]) {
      nowMs = later;
      expect(allowed(take, 20), String(later)).to.equal(0);
    }
    nowMs = 120_990;
    expect(allowed(take, 20)).to.equal(10);
  });

  it('gives back what has left the window, when it said it would', () => {
    const take = limiterAt(0);
    allowed(take, 4);
    nowMs = 30_000;
    allowed(take, 6);
    const { resetS } = take();
    nowMs = 30_000 + resetS * 1_000;
    expect(allowed(take, 20)).to.equal(4);
  });

  it('never counts what it refused', () => {
    const take = limiterAt(0);
    allowed(take, 10);
    for (nowMs = 0; nowMs < 60_000; nowMs += 500) expect(take().allowed).to.equal(false);
    nowMs = 61_000;
    expect(take().allowed).to.equal(true);
  });

  it('holds in every stretch of 60 seconds, however requests come', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9_000 }), { maxLength: 300 }), (gaps) => {
        const take = limiterAt(1_700_000_000_123);
        const passed: number[] = [];
        for (const gap of gaps) {
          nowMs += gap;
          if (take('me', 5).allowed) passed.push(nowMs);
        }
        passed.forEach((at, index) => {
          const later = passed[index + 5];
          if (later !== undefined) expect(later - at).to.be.above(60_000 - 1);
        });
      }),
      { numRuns: 30 },
    );
  });

  it('begins anew after a long silence', () => {
    const take = limiterAt(0);
    allowed(take, 10);
    nowMs = 10_000_000;
    expect(allowed(take, 20)).to.equal(10);
  });
});

describe('the network of an address', () => {
  it('is the address itself, or the 64 bits that one customer has', () => {
    const cases: [string, string][] = [
      ['192.0.2.7', '192.0.2.7'],
      ['::ffff:192.0.2.7', '192.0.2.7'],
      ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
      ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
      ['2001:0db8:0001:0002::9', '2001:db8:1:2::/64'],
      ['2001:db8::1', '2001:db8:0:0::/64'],
      ['::1', '0:0:0:0::/64'],
      ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ];
    for (const [address, network] of cases) expect(networkOf(address), address).to.equal(network);
  });
});
