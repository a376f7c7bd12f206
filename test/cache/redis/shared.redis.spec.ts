import { expect } from 'chai';
import { Redis } from 'ioredis';
import { LEASE_WAIT_MAX_MS } from '../../../src/cache/redis/loads.ts';
import { eventually } from '../../support/eventually.ts';
import { answerOf, ask, held, textOf, wanted } from '../contract.ts';
import { fastest, openRedisCache, type RedisWorld } from '../world.ts';

const url = (): string => process.env['TEST_REDIS_URL'] ?? '';

describe('the cache in Redis, shared by two processes', () => {
  let one: RedisWorld;
  let two: RedisWorld;
  let admin: Redis;
  before(() => {
    admin = new Redis(url());
  });
  after(() => admin.quit());
  beforeEach(async () => {
    one = await openRedisCache({ url: url() });
    two = await openRedisCache({ url: url(), epoch: one.epoch });
  });
  afterEach(() => Promise.all([one.close(), two.close()]));

  const kept = (key: string): Promise<unknown> =>
    eventually(`${key} is kept`, async () => (await admin.exists(one.connection.key(`e:${key}`))) === 1);

  it('gives one what the other has loaded', async () => {
    await ask(one.cache, 'k', 'of one');
    expect(await ask(two.cache, 'k', 'of two')).to.equal('of one');
  });

  it('drops for all what one invalidates', async () => {
    await ask(one.cache, 'k', 'old');
    await ask(one.cache, 'other', 'kept', { tags: ['c'] });
    await two.cache.invalidate(['b']);
    expect(await ask(one.cache, 'k', 'new')).to.equal('new');
    expect(await ask(one.cache, 'other', 'lost', { tags: ['c'] })).to.equal('kept');
    await two.cache.clear();
    expect(await ask(one.cache, 'other', 'anew', { tags: ['c'] })).to.equal('anew');
  });

  it('never keeps what a slow reader loaded before another process invalidated it', async () => {
    const slow = held('old');
    const reading = textOf(one.cache.get('k', wanted(), slow.load));
    await slow.entered;
    await two.cache.invalidate(['a']);
    slow.finish();
    expect(await reading).to.equal('old');
    expect(await ask(two.cache, 'k', 'new')).to.equal('new');
    expect(await ask(one.cache, 'k', 'newer')).to.equal('new');
  });

  it('never keeps what a slow reader loaded before a flush and an invalidation', async () => {
    const slow = held('old');
    const reading = textOf(one.cache.get('k', wanted(), slow.load));
    await slow.entered;
    await admin.flushall();
    expect(await ask(two.cache, 'k', 'between')).to.equal('between');
    await two.cache.invalidate(['a']);
    slow.finish();
    await reading;
    expect(await ask(two.cache, 'k', 'new')).to.equal('new');
    expect(await ask(one.cache, 'k', 'newer')).to.equal('new');
  });

  it('loads in one process for both', async () => {
    await ask(one.cache, 'warm', 'generations are there');
    const slow = held('loaded once');
    const first = textOf(one.cache.get('k', wanted(), slow.load));
    await slow.entered;
    const second = ask(two.cache, 'k', 'loaded twice');
    slow.finish();
    expect(await Promise.all([first, second])).to.deep.equal(['loaded once', 'loaded once']);
  });

  it('does not wait long for a process that loads slowly, nor for one whose loader failed', async () => {
    const slow = held('slow');
    const first = one.cache.get('k', wanted(), slow.load).catch(String);
    await slow.entered;
    const began = performance.now();
    expect(await ask(two.cache, 'k', 'by myself')).to.equal('by myself');
    expect(performance.now() - began).to.be.within(100, 1_500);
    slow.fail(new Error('no'));
    await first;
    await two.cache.invalidate(['a']);
    expect(await ask(one.cache, 'k', 'fine')).to.equal('fine');
  });

  it('does not wait for a load that will not be kept', async () => {
    await ask(one.cache, 'warm', 'generations are there');
    const loads = [held('old'), held('old'), held('old')];
    const slow: Promise<unknown>[] = [];
    for (const [index, load] of loads.entries()) {
      slow.push(one.cache.get(`k${index}`, wanted(), load.load));
      await load.entered;
    }
    await two.cache.invalidate(['a']);
    let key = 0;
    const waited = await fastest(async () => {
      expect(await ask(two.cache, `k${key++}`, 'new')).to.equal('new');
    }, loads.length);
    expect(waited).to.be.below(LEASE_WAIT_MAX_MS / 2);
    for (const load of loads) load.finish();
    await Promise.all(slow);
  });

  it('gives no caller an answer older than the needed position, invalidated or not', async () => {
    await ask(one.cache, 'k', 'at 5', { passed: 5n });
    const early = await two.cache.get('k', wanted({ needs: 5n, passed: 9n }), () => Promise.reject(new Error('kept')));
    expect([early.answer.json, early.position]).to.deep.equal(['"at 5"', 5n]);
    const late = await two.cache.get('k', wanted({ needs: 8n, passed: 9n }), () => Promise.resolve(answerOf('at 9')));
    expect([late.answer.json, late.position]).to.deep.equal(['"at 9"', 9n]);
    expect(await ask(one.cache, 'k', 'again', { needs: 9n, passed: 9n })).to.equal('at 9');
  });

  it('honours an entry for later positions where every change since was announced', async () => {
    await ask(one.cache, 'k', 'at 5', { passed: 5n });
    const own = { needs: 8n, passed: 9n, announced: 9n };
    const found = await two.cache.get('k', wanted(own), () => Promise.reject(new Error('kept')));
    expect([found.answer.json, found.position]).to.deep.equal(['"at 5"', 9n]);
  });

  it('does not lose what others project to a move seen from afar', async () => {
    await ask(one.cache, 'k', 'kept');
    await two.cache.othersMoved();
    expect(await ask(one.cache, 'k', 'lost')).to.equal('kept');
  });

  it('lets a lost generation lose entries, and never find them again', async () => {
    for (const generation of ['t:a', 'g']) {
      const key = `k of ${generation}`;
      await ask(one.cache, key, 'old');
      await kept(key);
      await admin.del(one.connection.key(generation));
      expect(await ask(two.cache, key, 'new')).to.equal('new');
    }
  });

  it('gives every key a lifetime', async () => {
    await ask(one.cache, 'k', 'x', { ttlMs: 30_000 });
    await kept('k');
    const keys = await admin.keys(`${one.connection.key('')}*`);
    expect(keys).to.have.length.greaterThan(3);
    for (const key of keys) expect(await admin.pttl(key), key).to.be.within(1, 3_600_000);
  });

  it('takes no entry for one that it cannot read', async () => {
    await ask(one.cache, 'k', 'x');
    await kept('k');
    const entry = one.connection.key('e:k');
    const text = (await admin.get(entry)) ?? '';
    for (const broken of ['', 'x', text.split('\n').slice(0, 3).join('\n'), text.replace('\n0\n', '\nzero\n')]) {
      await admin.set(entry, broken);
      expect(await ask(two.cache, 'k', 'loaded')).to.equal('loaded');
    }
  });

  it('shares nothing with the shop of another log', async () => {
    const other = await openRedisCache({ url: url() });
    await ask(one.cache, 'k', 'ours');
    expect(await ask(other.cache, 'k', 'theirs')).to.equal('theirs');
    await other.cache.clear();
    expect(await ask(two.cache, 'k', 'lost')).to.equal('ours');
    await other.close();
  });
});
