import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import { createSemaphore } from '../../src/platform/semaphore.ts';
import { rejection } from '../support/rejection.ts';

/** Work that lasts until `end` is called. */
function lasting() {
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  return { work: () => ended, end: () => end() };
}

describe('a semaphore', () => {
  it('lets only so many works run at once', async () => {
    const semaphore = createSemaphore({ permits: 2 });
    let running = 0;
    let together = 0;
    const work = () =>
      semaphore.run(async () => {
        running += 1;
        together = Math.max(together, running);
        await setImmediate();
        running -= 1;
      });
    await Promise.all(Array.from({ length: 10 }, work));
    expect(together).to.equal(2);
  });

  it('gives the next permit to the work that has waited longest', async () => {
    const semaphore = createSemaphore({ permits: 1 });
    const order: number[] = [];
    const note = (n: number) => semaphore.run(() => Promise.resolve(order.push(n)));
    await Promise.all([1, 2, 3, 4].map(note));
    expect(order).to.deep.equal([1, 2, 3, 4]);
  });

  it('gets the permit of a work that fails back', async () => {
    const semaphore = createSemaphore({ permits: 1 });
    const failed = await rejection(semaphore.run(() => Promise.reject(new Error('no'))));
    expect(failed.message).to.equal('no');
    expect(await semaphore.run(() => Promise.resolve('yes'))).to.equal('yes');
  });

  it('refuses a work when too many wait already', async () => {
    const wait = { max: 1, timeoutMs: 10_000, refused: () => new Error('busy') };
    const semaphore = createSemaphore({ permits: 1, wait });
    const first = lasting();
    const running = [semaphore.run(first.work), semaphore.run(() => Promise.resolve())];
    expect((await rejection(semaphore.run(() => Promise.resolve()))).message).to.equal('busy');
    first.end();
    await Promise.all(running);
    await semaphore.run(() => Promise.resolve());
  });

  it('refuses a work whose turn does not come in time, and leaves its permit to others', async () => {
    const wait = { max: 5, timeoutMs: 20, refused: () => new Error('busy') };
    const semaphore = createSemaphore({ permits: 1, wait });
    const first = lasting();
    const running = semaphore.run(first.work);
    expect((await rejection(semaphore.run(() => Promise.resolve()))).message).to.equal('busy');
    first.end();
    await running;
    expect(await semaphore.run(() => Promise.resolve('yes'))).to.equal('yes');
  });
});
