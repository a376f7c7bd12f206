import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { Aggregates, Handled, HandleOptions } from '../../../src/engine/decide/services.ts';
import { createAggregates } from '../../../src/engine/decide/handle.ts';
import type { Snapshot, Snapshots } from '../../../src/eventstore/snapshots.ts';
import {
  account,
  command,
  deposit,
  watched,
  type Account,
  type AccountCommand,
  type AccountEvent,
  type WatchedStore,
} from '../../support/account.ts';
import { createMemoryEventStore } from '../../support/memoryStore.ts';

describe('handle, loading', () => {
  let store: WatchedStore;
  let here: Aggregates;
  /** Another process on the same log. */
  let elsewhere: Aggregates;
  let id: string;
  const handle = (given: AccountCommand, options?: HandleOptions): Promise<Handled<Account, AccountEvent>> =>
    here.handle(account, id, given, options);

  beforeEach(() => {
    store = watched(createMemoryEventStore());
    here = createAggregates({ store });
    elsewhere = createAggregates({ store });
    id = randomUUID();
  });

  it('shows nothing where nothing is', async () => {
    expect(await here.load(account, id)).to.deep.equal({ state: account.initial, revision: -1n, position: 0n });
  });

  it('fresh sees what another process did; cached may not', async () => {
    await handle(deposit(1));
    await elsewhere.handle(account, id, deposit(1));
    expect((await here.load(account, id, 'cached')).revision).to.equal(0n);
    expect((await here.load(account, id)).revision).to.equal(1n);
    expect((await here.load(account, id, 'cached')).revision).to.equal(1n);
  });

  it('folds long streams page by page', async () => {
    for (let count = 0; count < 12; count += 1) {
      await handle(command({ type: 'Deposit', data: { amount: 1, pieces: 100 } }));
    }
    expect((await elsewhere.load(account, id)).state).to.deep.equal({ balance: 1_200, changes: 1_200 });
  });

  it('keeps no more folded streams than it may', async () => {
    const small = createAggregates({ store, cacheEntries: 2 });
    const ids = [1, 2, 3].map(() => randomUUID());
    for (const other of ids) await small.handle(account, other, deposit(1));
    const reads = store.calls.read;
    await small.load(account, ids[2]!, 'cached');
    expect(store.calls.read).to.equal(reads);
    await small.load(account, ids[0]!, 'cached');
    expect(store.calls.read).to.equal(reads + 1);
  });

  describe('snapshots', () => {
    const saved = new Map<string, Snapshot & { version: number }>();
    const snapshots: Snapshots = {
      load: (stream, version) => {
        const snapshot = saved.get(stream);
        return Promise.resolve(snapshot?.version === version ? snapshot : undefined);
      },
      save: (stream, version, snapshot) => {
        saved.set(stream, { ...snapshot, version });
        return Promise.resolve();
      },
    };
    const starting = (): Aggregates => createAggregates({ store, snapshots, snapshotEvery: 10 });
    const stream = (): string => `account-${id}`;

    beforeEach(() => saved.clear());

    it('are taken every so many events, and a cold start reads only what is newer', async () => {
      const before = starting();
      for (let count = 0; count < 25; count += 1) await before.handle(account, id, deposit(1));
      expect(saved.get(stream())?.revision).to.equal(19n);
      const { eventId } = saved.get(stream())!;
      saved.set(stream(), { revision: 19n, eventId, version: 1, state: { balance: 1_000, changes: 20 } });
      expect((await starting().load(account, id)).state).to.deep.equal({ balance: 1_005, changes: 25 });
    });

    it('are taken by a cold start of a long stream as well', async () => {
      for (let count = 0; count < 25; count += 1) await handle(deposit(1));
      await starting().load(account, id);
      expect(saved.get(stream())?.revision).to.equal(24n);
    });

    it('of another version, ahead of the stream, or of another event are ignored', async () => {
      for (let count = 0; count < 15; count += 1) await handle(deposit(1));
      const wrong = { balance: -1, changes: -1 };
      const events = await store.read(stream());
      const eventId = events[9]!.id;
      for (const snapshot of [
        { revision: 9n, eventId, version: 2, state: wrong },
        { revision: 15n, eventId, version: 1, state: wrong },
        { revision: 9n, eventId: events[8]!.id, version: 1, state: wrong },
      ]) {
        saved.set(stream(), snapshot);
        expect((await starting().load(account, id)).state.balance).to.equal(15);
      }
    });

    it('do not change what a repeated command is answered', async () => {
      const before = starting();
      const early = deposit(1);
      const late = deposit(1);
      await before.handle(account, id, early);
      for (let count = 0; count < 25; count += 1) await before.handle(account, id, deposit(1));
      await before.handle(account, id, late);
      for (let count = 0; count < 5; count += 1) await before.handle(account, id, deposit(1));
      const again = await Promise.all(
        [early, late].map((given) => starting().handle(account, id, given, { repeatable: true })),
      );
      expect(again.map(({ state }) => state.balance)).to.deep.equal([1, 27]);
    });
  });
});
