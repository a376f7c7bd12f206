import { expect } from 'chai';
import type { IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { canonicalAddress, clientAddress, networkOf } from '../../../src/http/limits/addresses.ts';
import { createMemoryLimiter, type Verdict } from '../../../src/http/limits/rateLimit.ts';

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

describe('the in-memory limiter on the clock of the process', () => {
  it('neither locks nor frees a caller when the wall clock is put back or forward an hour', () => {
    const wall = Date.now;
    try {
      const limiter = createMemoryLimiter();
      for (let turn = 0; turn < 10; turn += 1) expect(limiter.take('me', 10).allowed).to.equal(true);
      for (const hours of [-1, 1, 0]) {
        Date.now = () => wall() + hours * 3_600_000;
        expect(limiter.take('me', 10), `${hours} h`).to.deep.include({ allowed: false, remaining: 0 });
        expect(limiter.take('me', 10).resetS, `${hours} h`).to.be.within(1, 61);
      }
    } finally {
      Date.now = wall;
    }
  });
});

describe('the address of a client', () => {
  const from = (remoteAddress: string, forwarded?: string): IncomingMessage =>
    ({ socket: { remoteAddress }, headers: { 'x-forwarded-for': forwarded } }) as unknown as IncomingMessage;
  const hops = (count: number) => (_address: string, hop: number) => hop < count;
  const within = (prefix: string) => (address: string) => address.startsWith(prefix);

  it('has one text, however it is written', () => {
    const cases: [string, string | undefined][] = [
      ['192.0.2.7', '192.0.2.7'],
      ['192.0.2.7:51234', '192.0.2.7'],
      [' 192.0.2.7 ', '192.0.2.7'],
      ['::ffff:192.0.2.7', '192.0.2.7'],
      ['::FFFF:c000:0207', '192.0.2.7'],
      ['0:0:0:0:0:ffff:192.0.2.7', '192.0.2.7'],
      ['[::ffff:192.0.2.7]:443', '192.0.2.7'],
      ['[2001:DB8::1]:443', '2001:db8:0:0:0:0:0:1'],
      ['[2001:db8::1]', '2001:db8:0:0:0:0:0:1'],
      ['2001:0db8:0:0::0001', '2001:db8:0:0:0:0:0:1'],
      ['fe80::1%eth0', 'fe80:0:0:0:0:0:0:1'],
      ['unknown', undefined],
      ['_hidden', undefined],
      ['', undefined],
      ['999.0.2.7:80', undefined],
    ];
    for (const [text, canonical] of cases) expect(canonicalAddress(text), text).to.equal(canonical);
  });

  it('is the same for every port and spelling that a trusted proxy writes', () => {
    for (const name of ['192.0.2.7:1', '192.0.2.7:2', '::ffff:192.0.2.7', '[::ffff:c000:207]:9']) {
      expect(clientAddress(from('10.0.0.1', name), hops(1)), name).to.equal('192.0.2.7');
      expect(clientAddress(from('10.0.0.1', `6.6.6.6, ${name}, 10.0.0.2:80`), within('10.')), name).to.equal(
        '192.0.2.7',
      );
    }
  });

  it('is the proxy itself where that names no address', () => {
    for (const name of ['unknown', '_a', 'a.b.c.d:1', '', '192.0.2.7, nonsense']) {
      expect(clientAddress(from('10.0.0.1', name), hops(1)), name).to.equal('10.0.0.1');
    }
  });
});

describe('the network of an address', () => {
  it('is the address itself, or the 64 bits that one customer has', () => {
    const cases: [string, string][] = [
      ['192.0.2.7', '192.0.2.7'],
      ['::ffff:192.0.2.7', '192.0.2.7'],
      ['::ffff:c000:207', '192.0.2.7'],
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
