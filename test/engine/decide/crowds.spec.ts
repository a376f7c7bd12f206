import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { createCrowds } from '../../../src/engine/decide/crowd.ts';
import { createAggregates } from '../../../src/engine/decide/handle.ts';
import { account, deposit, refused, watched } from '../../support/account.ts';
import { createMemoryEventStore } from '../../support/memoryStore.ts';

const PROCESSES = 4;
const COMMANDS = 200;

describe('a crowd on one stream', () => {
  it('is served, all of it, though several processes want the stream at once', async () => {
    const store = createMemoryEventStore();
    const id = randomUUID();
    const processes = Array.from({ length: PROCESSES }, () => createAggregates({ store }));
    const outcomes = await Promise.allSettled(
      processes.flatMap((process) => Array.from({ length: COMMANDS }, () => process.handle(account, id, deposit(1)))),
    );
    expect(outcomes.filter(({ status }) => status === 'rejected')).to.deep.equal([]);
    expect((await processes[0]!.load(account, id)).state.balance).to.equal(PROCESSES * COMMANDS);
  });

  it('lets a process through that has lost many races', async () => {
    const store = watched(createMemoryEventStore());
    const id = randomUUID();
    const elsewhere = createAggregates({ store: { ...store, append: store.append.bind(store) } });
    const here = createAggregates({ store: { ...store, append: (...asked) => store.append(...asked) } });
    await here.handle(account, id, deposit(1));
    let losses = 20;
    let intruding = false;
    store.beforeAppend = async () => {
      if (intruding || losses === 0) return;
      losses -= 1;
      intruding = true;
      await elsewhere.handle(account, id, deposit(1));
      intruding = false;
    };
    expect((await here.handle(account, id, deposit(1))).state.balance).to.equal(22);
  });

  it('gives up after its time, not after some attempts, and pauses longer and longer until then', async () => {
    const store = watched(createMemoryEventStore());
    const conflicting = {
      ...store,
      append: () => ((races += 1), Promise.resolve({ outcome: 'conflict', actual: 9n } as const)),
    };
    let races = 0;
    const aggregates = createAggregates({ store: conflicting, crowdWaitMs: 400 });
    expect(await refused(aggregates.handle(account, randomUUID(), deposit(1)))).to.deep.equal({
      kind: 'unavailable',
      rule: 'StreamBusy',
    });
    expect(races).to.be.within(9, 60);
  });

  it('is yielded to by the process that has won, but only where it has met others', async () => {
    const crowds = createCrowds();
    const yielded = async (stream: string): Promise<boolean> => {
      let passed = false;
      const next = new Promise<void>((resolve) => {
        setImmediate(() => {
          passed = true;
          resolve();
        });
      });
      await crowds.leave(stream, 25);
      const waited = passed;
      await next;
      return waited;
    };
    expect(await yielded('account-hot')).to.equal(false);
    await crowds.enter('account-hot').lost();
    expect(await yielded('account-hot')).to.equal(true);
    expect(await yielded('account-cold')).to.equal(false);
  });
});
