import { expect } from 'chai';
import fc from 'fast-check';
import type { Cache } from '../../src/cache/cache.ts';
import { createMemoryCache } from '../../src/cache/memoryCache.ts';
import { ask, cacheContract, held, wanted } from './contract.ts';

describe('the cache in memory', () => {
  let cache: Cache;
  const peeked = (key: string): unknown => {
    const found = cache.peek(key);
    return found === undefined ? undefined : JSON.parse(found.json);
  };

  beforeEach(() => {
    cache = createMemoryCache({ entriesMax: 3, bytesMax: 10_000 });
  });

  describe('as any cache', () => {
    cacheContract(() => {
      let nowMs = 0;
      const opened = createMemoryCache({ entriesMax: 100, bytesMax: 10_000, now: () => nowMs });
      const elapse = (ms: number): Promise<void> => Promise.resolve(void (nowMs += ms));
      return Promise.resolve({ cache: opened, elapse, close: () => opened.close() });
    });
  });

  it('can be looked into without waiting', async () => {
    expect(cache.peek('k')).to.equal(undefined);
    await ask(cache, 'k', 'there');
    expect(peeked('k')).to.equal('there');
    await cache.invalidate(['a']);
    expect([peeked('k'), cache.stats().entries]).to.deep.equal([undefined, 0]);
  });

  it('forgets everything when another process has moved', async () => {
    await ask(cache, 'k', 'old');
    await cache.othersMoved();
    expect(peeked('k')).to.equal(undefined);
  });

  it('is bounded in entries and in bytes, least recently used out first', async () => {
    for (const key of ['1', '2', '3']) await ask(cache, key, key);
    cache.peek('1');
    await ask(cache, '4', '4');
    expect(['1', '2', '3', '4'].map(peeked)).to.deep.equal(['1', undefined, '3', '4']);
    cache = createMemoryCache({ entriesMax: 100, bytesMax: 3_000 });
    for (const key of ['1', '2', '3']) await ask(cache, key, 'x'.repeat(900));
    expect(['1', '2', '3'].map((key) => peeked(key) !== undefined)).to.deep.equal([false, true, true]);
    await ask(cache, 'huge', 'x'.repeat(4_000));
    expect(peeked('huge')).to.equal(undefined);
  });

  it('remembers an invalidation among more of them than it can tell apart', async () => {
    const tiny = createMemoryCache({ entriesMax: 10, bytesMax: 10_000, tagsMax: 2 });
    const old = held('old');
    const loading = tiny.get('k', wanted({ tags: ['a'] }), old.load);
    for (const tag of ['a', 'x', 'y', 'z']) await tiny.invalidate([tag]);
    old.finish();
    await loading;
    expect(tiny.peek('k')).to.equal(undefined);
  });

  it('never answers older than the last invalidation, even when it has forgotten which tags those were', async () => {
    const step = fc.record({
      act: fc.constantFrom('write', 'begin', 'finish', 'peek'),
      key: fc.integer({ min: 0, max: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const tiny = createMemoryCache({ entriesMax: 2, bytesMax: 10_000, tagsMax: 2 });
        const truth = [0, 0, 0, 0, 0];
        const loads: (() => void)[] = [];
        for (const { act, key } of steps) {
          if (act === 'write') {
            truth[key]! += 1;
            await tiny.invalidate([`t${key}`]);
          } else if (act === 'finish') loads.shift()?.();
          else if (act === 'peek') {
            const found = tiny.peek(`k${key}`);
            if (found !== undefined) expect(found.json).to.equal(String(truth[key]));
          } else {
            const asOf = truth[key]!;
            void tiny
              .get(`k${key}`, wanted({ tags: [`t${key}`] }), async () => {
                const seen = String(truth[key]);
                await new Promise<void>((resolve) => loads.push(resolve));
                return { json: seen, bytes: seen.length };
              })
              .then(({ answer }) => expect(Number(answer.json)).to.be.at.least(asOf));
          }
          await new Promise(setImmediate);
        }
      }),
      { numRuns: 60 },
    );
  });
});
