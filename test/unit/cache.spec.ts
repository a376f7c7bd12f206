import { expect } from 'chai';
import fc from 'fast-check';
import type { Cache, CachedAnswer } from '../../src/cache/cache.ts';
import { createMemoryCache } from '../../src/cache/memory.ts';

const answer = (text: string): CachedAnswer => ({ json: JSON.stringify(text), bytes: text.length + 2 });

/** A loader that a test lets finish when it wants. */
function held(text: string) {
  let finish = (): void => undefined;
  let fail = (_error: Error): void => undefined;
  let begun = 0;
  const promise = new Promise<CachedAnswer>((resolve, reject) => {
    finish = () => resolve(answer(text));
    fail = reject;
  });
  return {
    finish: () => finish(),
    fail: (error: Error) => fail(error),
    begun: () => begun,
    load: () => ((begun += 1), promise),
  };
}

describe('the cache in memory', () => {
  let nowMs: number;
  let cache: Cache;
  const RULE = { ttlMs: 1_000, tags: ['a', 'b'] };
  const get = (key: string, text: string, rule = RULE): Promise<string> =>
    cache.get(key, rule, () => Promise.resolve(answer(text))).then(({ json }) => JSON.parse(json) as string);
  const peeked = (key: string): unknown => {
    const found = cache.peek(key);
    return found === undefined ? undefined : JSON.parse(found.json);
  };

  beforeEach(() => {
    nowMs = 0;
    cache = createMemoryCache({ entriesMax: 3, bytesMax: 10_000, now: () => nowMs });
  });

  it('loads once and then answers by itself, until the time is up', async () => {
    expect(await get('k', 'first')).to.equal('first');
    expect(await get('k', 'second')).to.equal('first');
    nowMs = 1_000;
    expect(await get('k', 'third')).to.equal('third');
    expect(cache.stats()).to.deep.equal({ hits: 1, misses: 2, entries: 1 });
  });

  it('forgets what carries an invalidated tag, and nothing else', async () => {
    await get('k', 'first');
    await get('other', 'kept', { ttlMs: 1_000, tags: ['c'] });
    await cache.invalidate(['b', 'x']);
    expect([peeked('k'), peeked('other')]).to.deep.equal([undefined, 'kept']);
    expect(await get('k', 'second')).to.equal('second');
  });

  it('runs one loader per key at a time', async () => {
    const { load, finish, begun } = held('value');
    const asking = [cache.get('k', RULE, load), cache.get('k', RULE, load), cache.get('k', RULE, load)];
    finish();
    expect((await Promise.all(asking)).map(({ json }) => json)).to.deep.equal(['"value"', '"value"', '"value"']);
    expect(begun()).to.equal(1);
  });

  it('never puts back what was loaded before an invalidation', async () => {
    const old = held('old');
    const before = cache.get('k', RULE, old.load);
    await cache.invalidate(['a']);
    old.finish();
    expect((await before).json).to.equal('"old"');
    expect(peeked('k')).to.equal(undefined);
  });

  it('gives who comes after an invalidation a new load, and keeps that one', async () => {
    const old = held('old');
    const before = cache.get('k', RULE, old.load);
    await cache.invalidate(['a']);
    const young = held('young');
    const after = cache.get('k', RULE, young.load);
    young.finish();
    expect((await after).json).to.equal('"young"');
    old.finish();
    await before;
    expect(peeked('k')).to.equal('young');
  });

  it('keeps nothing of a loader that fails, and lets the next one try', async () => {
    const { load, fail } = held('never');
    const asking = [cache.get('k', RULE, load), cache.get('k', RULE, load)].map((asked) => asked.catch(String));
    fail(new Error('no'));
    expect(await Promise.all(asking)).to.deep.equal(['Error: no', 'Error: no']);
    expect(await get('k', 'fine')).to.equal('fine');
  });

  it('is bounded in entries and in bytes, least recently used out first', async () => {
    for (const key of ['1', '2', '3']) await get(key, key);
    cache.peek('1');
    await get('4', '4');
    expect(['1', '2', '3', '4'].map(peeked)).to.deep.equal(['1', undefined, '3', '4']);
    cache = createMemoryCache({ entriesMax: 100, bytesMax: 3_000 });
    for (const key of ['1', '2', '3']) await get(key, 'x'.repeat(900));
    expect(['1', '2', '3'].map((key) => peeked(key) !== undefined)).to.deep.equal([false, true, true]);
    await get('huge', 'x'.repeat(4_000));
    expect(peeked('huge')).to.equal(undefined);
  });

  it('loses everything when cleared, also what is being loaded', async () => {
    await get('k', 'first');
    const late = held('late');
    const loading = cache.get('l', RULE, late.load);
    await cache.clear();
    late.finish();
    await loading;
    expect([peeked('k'), peeked('l'), cache.stats().entries]).to.deep.equal([undefined, undefined, 0]);
  });

  it('remembers an invalidation among more of them than it can tell apart', async () => {
    const tiny = createMemoryCache({ entriesMax: 10, bytesMax: 10_000, tagsMax: 2 });
    const old = held('old');
    const loading = tiny.get('k', { ttlMs: 1_000, tags: ['a'] }, old.load);
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
              .get(`k${key}`, { ttlMs: 60_000, tags: [`t${key}`] }, async () => {
                const seen = String(truth[key]);
                await new Promise<void>((resolve) => loads.push(resolve));
                return { json: seen, bytes: seen.length };
              })
              .then(({ json }) => expect(Number(json)).to.be.at.least(asOf));
          }
          await new Promise(setImmediate);
        }
      }),
      { numRuns: 60 },
    );
  });
});
