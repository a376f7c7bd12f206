import { expect } from 'chai';
import type { Cache, CachedAnswer, Wanted } from '../../src/cache/cache.ts';

export const answerOf = (text: string): CachedAnswer => ({
  json: JSON.stringify(text),
  bytes: Buffer.byteLength(JSON.stringify(text)),
});

/** A request for an answer from a read model that this process projects, unless `fields` say otherwise. */
export const wanted = (fields: Partial<Wanted> = {}): Wanted => ({
  ...{ ttlMs: 60_000, tags: ['a', 'b'], needs: 0n, passed: 0n, announced: 0n },
  ...fields,
});

export const textOf = async (got: ReturnType<Cache['get']>): Promise<string> =>
  JSON.parse((await got).answer.json) as string;

/** The text that the cache answers. Its loader would load `text`. */
export const ask = (cache: Cache, key: string, text: string, fields: Partial<Wanted> = {}): Promise<string> =>
  textOf(cache.get(key, wanted(fields), () => Promise.resolve(answerOf(text))));

/** A loader that finishes when the test tells it to. */
export function held(text: string) {
  let finish = (): void => undefined;
  let fail = (_error: Error): void => undefined;
  let enter = (): void => undefined;
  let begun = 0;
  const entered = new Promise<void>((resolve) => (enter = resolve));
  const promise = new Promise<CachedAnswer>((resolve, reject) => {
    finish = () => resolve(answerOf(text));
    fail = reject;
  });
  return {
    finish: () => finish(),
    fail: (error: Error) => fail(error),
    begun: () => begun,
    /** Resolves when the loader has been called. */
    entered,
    load: () => {
      begun += 1;
      enter();
      return promise;
    },
  };
}

export interface CacheWorld {
  readonly cache: Cache;
  /** Lets this much time pass for the entries of the cache, ms. */
  elapse(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** The promises that every cache keeps. */
export function cacheContract(open: () => Promise<CacheWorld>): void {
  let world: CacheWorld;
  let cache: Cache;
  beforeEach(async () => {
    world = await open();
    cache = world.cache;
  });
  afterEach(() => world.close());

  it('loads once and then answers by itself, until the time is up', async () => {
    const { hits, misses } = cache.stats();
    expect(await ask(cache, 'k', 'first', { ttlMs: 400 })).to.equal('first');
    expect(await ask(cache, 'k', 'second', { ttlMs: 400 })).to.equal('first');
    expect(cache.stats()).to.include({ hits: hits + 1, misses: misses + 1 });
    await world.elapse(450);
    expect(await ask(cache, 'k', 'third')).to.equal('third');
  });

  it('gives back all of what it was given', async () => {
    const whole = { ...answerOf('Zoë’s \n quill'), pagination: '{"total_items":1}', revision: '7.abc' };
    await cache.get('k', wanted(), () => Promise.resolve(whole));
    const { answer } = await cache.get('k', wanted(), () => Promise.reject(new Error('not kept')));
    expect(answer).to.deep.equal(whole);
    const bare = { json: '', bytes: 0 };
    await cache.get('bare', wanted(), () => Promise.resolve(bare));
    const again = await cache.get('bare', wanted(), () => Promise.reject(new Error('not kept')));
    expect(again.answer).to.deep.equal(bare);
  });

  it('forgets what carries an invalidated tag, and nothing else', async () => {
    await ask(cache, 'k', 'first');
    await ask(cache, 'other', 'kept', { tags: ['c'] });
    await cache.invalidate(['b', 'x']);
    expect(await ask(cache, 'k', 'second')).to.equal('second');
    expect(await ask(cache, 'other', 'lost', { tags: ['c'] })).to.equal('kept');
  });

  it('runs one loader per key at a time', async () => {
    await ask(cache, 'warm', 'generations are there');
    const { load, finish, begun, entered } = held('value');
    const asking = [1, 2, 3].map(() => textOf(cache.get('k', wanted(), load)));
    await entered;
    finish();
    expect(await Promise.all(asking)).to.deep.equal(['value', 'value', 'value']);
    expect(begun()).to.equal(1);
  });

  it('never puts back what was loaded before an invalidation', async () => {
    const old = held('old');
    const before = textOf(cache.get('k', wanted(), old.load));
    await old.entered;
    await cache.invalidate(['a']);
    old.finish();
    expect(await before).to.equal('old');
    expect(await ask(cache, 'k', 'new')).to.equal('new');
  });

  it('loads anew for callers after an invalidation, and keeps that answer', async () => {
    const old = held('old');
    const before = textOf(cache.get('k', wanted(), old.load));
    await old.entered;
    await cache.invalidate(['a']);
    expect(await ask(cache, 'k', 'young')).to.equal('young');
    old.finish();
    await before;
    expect(await ask(cache, 'k', 'younger')).to.equal('young');
  });

  it('keeps nothing of a loader that fails, and lets the next one try', async () => {
    const { load, fail, entered } = held('never');
    const asking = [1, 2].map(() => textOf(cache.get('k', wanted(), load)).catch(String));
    await entered;
    fail(new Error('no'));
    expect(await Promise.all(asking)).to.deep.equal(['Error: no', 'Error: no']);
    expect(await ask(cache, 'k', 'fine')).to.equal('fine');
  });

  it('loses everything when cleared, also what is being loaded', async () => {
    await ask(cache, 'k', 'first');
    const late = held('late');
    const loading = cache.get('l', wanted(), late.load);
    await late.entered;
    await cache.clear();
    late.finish();
    await loading;
    expect(await ask(cache, 'k', 'anew')).to.equal('anew');
    expect(await ask(cache, 'l', 'anew')).to.equal('anew');
  });

  it('tells a position that includes what was needed', async () => {
    const own = { needs: 5n, passed: 7n, announced: 7n };
    const first = await cache.get('k', wanted(own), () => Promise.resolve(answerOf('x')));
    expect(first.position).to.equal(7n);
    const later = { needs: 9n, passed: 10n, announced: 10n };
    const second = await cache.get('k', wanted(later), () => Promise.resolve(answerOf('y')));
    expect(second.position >= 9n).to.equal(true);
    expect(second.answer.json).to.equal('"x"');
  });
}
