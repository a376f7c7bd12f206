import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { createProgress } from '../../../src/engine/project/progress.ts';
import { eventually } from '../../support/eventually.ts';
import { accounts, asAny, bank, event, type Bank } from './example.ts';

describe('The progress of projections', () => {
  let shop: Bank;
  beforeEach(async () => {
    shop = await bank();
  });
  afterEach(() => shop.close());

  it('of this process is known at once, and the least of several counts', async () => {
    const progress = createProgress({ pool: shop.pool });
    progress.set('one', 5n);
    progress.set('two', 3n);
    expect(progress.position(['one', 'two'])).to.equal(3n);
    const waiting = progress.waitFor(['one', 'two'], 4n, 1_000);
    progress.set('two', 4n);
    expect(await waiting).to.equal(true);
    expect(await progress.waitFor(['one'], 6n, 10)).to.equal(false);
  });

  it('of another process is waited for by its checkpoint, by many at once', async () => {
    const here = createProgress({ pool: shop.pool });
    const id = randomUUID();
    const there = shop.projector();
    await there.start();
    const moved: bigint[] = [];
    here.onOthersMoved(() => Promise.resolve(void moved.push(here.position(['accounts']))));
    const position = await shop.append(id, event('Opened', { owner: 'Ada' }));
    const waits = Array.from({ length: 50 }, () => here.waitFor(['accounts'], position, 5_000));
    expect(new Set(await Promise.all(waits))).to.deep.equal(new Set([true]));
    expect(here.position(['accounts'])).to.equal(position);
    expect(moved, 'told before those who wait').to.not.include(position);
    expect(await shop.rows()).to.have.length(1);
  });

  it('of another process is not waited for where the log has nothing for it, though its checkpoint is behind', async () => {
    const log = { store: shop.store, projections: [asAny(accounts)] };
    const here = createProgress({ pool: shop.pool, log });
    const id = randomUUID();
    const there = shop.projector();
    await there.start();
    const opened = await shop.append(id, event('Opened', { owner: 'Ada' }));
    await eventually('the row is there', async () => (await shop.checkpoint()) === opened);
    await there.stop();
    // No process moves the checkpoint any more, so only the log can tell.
    const ignored = await shop.append(id, event('Ignored'));
    expect(await here.waitFor(['accounts'], ignored, 5_000)).to.equal(true);
    await shop.append(id, event('Deposited', { amount: 1 }));
    const later = await shop.append(id, event('Ignored'));
    expect(await here.waitFor(['accounts'], later, 200)).to.equal(false);
    expect(here.position(['accounts']), 'before the event that it applies').to.equal(ignored);
  });

  it('of one that no process projects is waited for in vain', async () => {
    const progress = createProgress({ pool: shop.pool });
    expect(await progress.waitFor(['accounts'], 1n, 100)).to.equal(false);
  });

  it('is asked of the checkpoint again once the projection is no longer this process’s own', async () => {
    const one = shop.projector();
    const two = shop.projector();
    await one.start();
    await eventually('the first owns it', async () => (await one.status())[0]?.state === 'following');
    await two.start();
    await one.stop();
    const position = await shop.append(randomUUID(), event('Opened', { owner: 'Ada' }));
    expect(await one.progress.waitFor(['accounts'], position, 5_000)).to.equal(true);
  });

  it('empties the cache of a process that does not project itself when rows have changed', async () => {
    const one = shop.projector();
    const two = shop.projector();
    two.progress.onOthersMoved(() => two.cache.othersMoved());
    await one.start();
    await eventually('the first owns it', async () => (await one.status())[0]?.state === 'following');
    await two.start();
    await eventually('the second stands by', async () => (await two.status())[0]?.state === 'standby');
    const answer = { json: '"old"', bytes: 5 };
    await two.cache.get('key', { ttlMs: 60_000, tags: ['accounts'], needs: 0n, passed: 0n, announced: 0n }, () =>
      Promise.resolve(answer),
    );
    const position = await shop.append(randomUUID(), event('Opened', { owner: 'Ada' }));
    expect(await two.progress.waitFor(['accounts'], position, 5_000)).to.equal(true);
    expect(two.cache.peek('key')).to.equal(undefined);
  });
});
