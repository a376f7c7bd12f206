import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { Aggregates, Handled, HandleOptions } from '../../../src/engine/decide/services.ts';
import { createAggregates } from '../../../src/engine/decide/handle.ts';
import { eventId } from '../../../src/eventstore/eventStore.ts';
import {
  account,
  command,
  deposit,
  refused,
  watched,
  withdraw,
  type Account,
  type AccountCommand,
  type AccountEvent,
  type WatchedStore,
} from '../../support/account.ts';
import { createMemoryEventStore } from '../../support/memoryStore.ts';

describe('handle, a command that comes again', () => {
  let store: WatchedStore;
  let here: Aggregates;
  /** Another process on the same log. */
  let elsewhere: Aggregates;
  let id: string;
  const handle = (given: AccountCommand, options?: HandleOptions): Promise<Handled<Account, AccountEvent>> =>
    here.handle(account, id, given, options);
  const log = (): Promise<readonly { type: string; data: object }[]> => store.read(`account-${id}`, 0n, 100_000);

  beforeEach(() => {
    store = watched(createMemoryEventStore());
    here = createAggregates({ store });
    elsewhere = createAggregates({ store });
    id = randomUUID();
  });

  const repeatable = { repeatable: true };

  it('answers what it answered, and decides nothing', async () => {
    await handle(deposit(10), repeatable);
    const first = await handle(withdraw(3, eventId(id, 1)), repeatable);
    await handle(deposit(100));
    const again = await handle(withdraw(3, eventId(id, 1)), repeatable);
    expect(again).to.deep.equal({ ...first, repeated: true });
    expect(await log()).to.have.lengthOf(3);
  });

  it('answers the same in another process, and after many more commands', async () => {
    const given = command({ type: 'Deposit', data: { amount: 7, pieces: 3 } });
    const first = await handle(given, repeatable);
    for (let count = 0; count < 100; count += 1) await handle(deposit(1));
    for (const aggregates of [here, elsewhere]) {
      expect(await aggregates.handle(account, id, given, repeatable)).to.deep.equal({ ...first, repeated: true });
    }
  });

  it('is asked of the log only when the stream could hold it', async () => {
    await handle(deposit(1), repeatable);
    await handle(deposit(1), repeatable);
    expect(store.calls.find).to.equal(0);
  });

  it('counts once when both come at the same time, here and elsewhere', async () => {
    await handle(deposit(1));
    const given = deposit(5);
    const all = await Promise.all(
      [here, here, elsewhere, elsewhere].map((aggregates) => aggregates.handle(account, id, given, repeatable)),
    );
    expect(new Set(all.map(({ revision }) => revision)).size).to.equal(1);
    expect(all.filter(({ repeated }) => !repeated)).to.have.lengthOf(1);
    expect(await log()).to.have.lengthOf(2);
  });

  it('is decided once when it waits twice for its turn', async () => {
    const busy = handle(deposit(1));
    const given = deposit(5);
    const all = await Promise.all([given, given, deposit(2), given].map((next) => handle(next)));
    await busy;
    expect(all.map(({ revision, repeated }) => [revision, repeated])).to.deep.equal([
      [1n, false],
      [1n, true],
      [2n, false],
      [1n, true],
    ]);
    expect(store.calls.append).to.equal(2);
  });

  it('answers also when what it pinned has passed since, by its own doing', async () => {
    await handle(deposit(1));
    const given = deposit(5);
    const first = await handle(given, { repeatable: true, expected: 0n });
    expect(await handle(given, { repeatable: true, expected: 0n })).to.deep.equal({ ...first, repeated: true });
  });

  it('may be decided anew when it was refused', async () => {
    const given = withdraw(5);
    expect(await refused(handle(given, repeatable))).to.include({ rule: 'NotCovered' });
    await handle(deposit(5));
    expect((await handle(given, repeatable)).repeated).to.equal(false);
  });

  it('is not done twice when the log sent the append twice', async () => {
    const real = store.append.bind(store);
    store.append = async (...parameters) => {
      await real(...parameters);
      return real(...parameters);
    };
    const handled = await Promise.all([handle(deposit(1)), handle(deposit(2)), handle(deposit(3))]);
    expect(handled.map(({ state, repeated }) => [state.balance, repeated])).to.deep.equal([
      [1, false],
      [3, false],
      [6, false],
    ]);
    expect(await log()).to.have.lengthOf(3);
  });
});
