import { expect } from 'chai';
import { isRefusal, unavailable } from '../../src/errors.ts';
import {
  type AppendItem,
  type AppendQueue,
  type AppendQueueOptions,
  BATCH_BYTES_MAX,
  BATCH_ITEMS_MAX,
  createAppendQueue,
  outcomeUnknown,
} from '../../src/eventstore/appendQueue.ts';
import type { AppendResult } from '../../src/eventstore/eventStore.ts';
import { rejection } from '../support/rejection.ts';

const item = (stream: string, bytes = 10): AppendItem => ({
  stream,
  expected: -1n,
  events: [{ id: stream, type: 'T', data: '{}', metadata: '{}', bytes }],
});
const done: AppendResult = { outcome: 'appended', position: 1n, revision: 0n, repeated: false };
const kindOf = async (promise: Promise<unknown>): Promise<unknown> => {
  const error = await rejection(promise);
  return isRefusal(error) ? `${error.kind} ${error.rule}` : error.message;
};

describe('appends waiting for their batch', () => {
  let batches: string[][];
  let queues: AppendQueue[];
  const queueOf = (send: AppendQueueOptions['send'], more: Partial<AppendQueueOptions> = {}) => {
    const queue = createAppendQueue({
      send(items) {
        batches.push(items.map(({ stream }) => stream));
        return send(items);
      },
      ...more,
    });
    queues.push(queue);
    return queue;
  };
  const succeed = (items: readonly AppendItem[]): Promise<AppendResult[]> => Promise.resolve(items.map(() => done));

  beforeEach(() => {
    [batches, queues] = [[], []];
  });
  afterEach(() => Promise.all(queues.map((queue) => queue.close())));

  it('go together when they were made together', async () => {
    const queue = queueOf(succeed);
    await Promise.all(['a', 'b', 'c'].map((name) => queue.append(item(name))));
    expect(batches).to.deep.equal([['a', 'b', 'c']]);
  });

  it('gather while a batch is under way, in order', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const queue = queueOf(async (items) => {
      if (batches.length === 1) await held;
      return succeed(items);
    });
    const first = queue.append(item('a'));
    while (batches.length === 0) await new Promise(setImmediate);
    const rest = ['b', 'c'].map((name) => queue.append(item(name)));
    release();
    await Promise.all([first, ...rest]);
    expect(batches).to.deep.equal([['a'], ['b', 'c']]);
  });

  it('go in batches of bounded number and bytes', async () => {
    const queue = queueOf(succeed);
    const many = Array.from({ length: BATCH_ITEMS_MAX + 1 }, (_, index) => queue.append(item(String(index))));
    await Promise.all(many);
    expect(batches.map((batch) => batch.length)).to.deep.equal([BATCH_ITEMS_MAX, 1]);
    batches = [];
    const half = BATCH_BYTES_MAX / 2;
    await Promise.all([half, half, 1].map((bytes, index) => queue.append(item(String(index), bytes))));
    expect(batches.map((batch) => batch.length)).to.deep.equal([2, 1]);
  });

  it('get the result of their own', async () => {
    const queue = queueOf((items) =>
      Promise.resolve(items.map(({ stream }) => ({ outcome: 'conflict' as const, actual: BigInt(stream) }))),
    );
    const results = await Promise.all(['7', '8', '9'].map((name) => queue.append(item(name))));
    expect(results.map((result) => result.outcome === 'conflict' && result.actual)).to.deep.equal([7n, 8n, 9n]);
  });

  it('fail alone when they are what makes the batch fail', async () => {
    const queue = queueOf((items) =>
      items.some(({ stream }) => stream === 'bad') ? Promise.reject(new Error('poison')) : succeed(items),
    );
    const outcomes = await Promise.allSettled(['a', 'bad', 'c'].map((name) => queue.append(item(name))));
    expect(outcomes.map(({ status }) => status)).to.deep.equal(['fulfilled', 'rejected', 'fulfilled']);
    expect(batches).to.deep.equal([['a', 'bad', 'c'], ['a'], ['bad'], ['c']]);
  });

  it('are sent again until their outcome is known', async () => {
    const queue = queueOf((items) =>
      batches.length < 3 ? Promise.reject(unavailable('Gone', 'Gone.')) : succeed(items),
    );
    expect(await queue.append(item('a'))).to.equal(done);
    expect(batches).to.deep.equal([['a'], ['a'], ['a']]);
  });

  it('are answered when their time is up, and no longer sent', async () => {
    const queue = queueOf(() => Promise.reject(unavailable('Gone', 'Gone.')), { deadlineMs: 40 });
    const began = performance.now();
    const outcomes = await Promise.all(['a', 'b'].map((name) => kindOf(queue.append(item(name)))));
    expect(outcomes).to.deep.equal(['unavailable LogUnavailable', 'unavailable LogUnavailable']);
    expect(performance.now() - began).to.be.within(35, 1_000);
    await queue.close();
    expect(queue.size).to.equal(0);
  });

  it('are answered when their time is up even if the batch never comes back', async () => {
    let comeBack = (): void => undefined;
    const held = new Promise<void>((resolve) => (comeBack = resolve));
    const queue = queueOf(async (items) => held.then(() => succeed(items)), { deadlineMs: 20 });
    const first = queue.append(item('a'));
    while (batches.length === 0) await new Promise(setImmediate);
    expect(await kindOf(queue.append(item('waiting')))).to.equal('unavailable LogUnavailable');
    expect(await kindOf(first)).to.equal('unavailable OutcomeUnknown');
    comeBack();
  });

  it('that were sent once without an answer are not said to be undone, even if a later try could not be sent', async () => {
    const queue = queueOf(
      () => Promise.reject(batches.length === 1 ? outcomeUnknown() : unavailable('Gone', 'Gone.')),
      { deadlineMs: 60 },
    );
    expect(await kindOf(queue.append(item('a')))).to.equal('unavailable OutcomeUnknown');
    expect(batches.length).to.be.above(1);
  });

  it('are refused when too many wait already, or the log is closed', async () => {
    const queue = queueOf(succeed, { itemsMax: 2 });
    const fine = ['a', 'b'].map((name) => queue.append(item(name)));
    expect(await kindOf(queue.append(item('c')))).to.equal('unavailable LogOverloaded');
    await Promise.all(fine);
    await queue.append(item('d'));
    const last = queue.append(item('e'));
    await queue.close();
    expect(await last).to.equal(done);
    expect(await kindOf(queue.append(item('f')))).to.equal('unavailable LogClosed');
  });
});
