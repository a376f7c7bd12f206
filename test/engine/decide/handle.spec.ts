import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { Aggregates, Handled, HandleOptions } from '../../../src/engine/decide/services.ts';
import { createAggregates } from '../../../src/engine/decide/handle.ts';
import { unavailable } from '../../../src/errors.ts';
import { APPEND_EVENTS_MAX, eventId } from '../../../src/eventstore/eventStore.ts';
import {
  account,
  command,
  deposit,
  note,
  noteCommand,
  refused,
  watched,
  withdraw,
  type Account,
  type AccountCommand,
  type AccountEvent,
  type WatchedStore,
} from '../../support/account.ts';
import { complete, upcasting } from '../../../src/eventstore/upcast.ts';
import { thing } from '../../support/events.ts';
import { createMemoryEventStore } from '../../support/memoryStore.ts';

describe('handle', () => {
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

  it('refuses to decide on a stream with an event that only a newer version knows', async () => {
    await handle(deposit(5));
    const newer = { ...thing(), type: 'Blessed' };
    // Its fold is in memory, and the newer version appends behind its back.
    await store.append(`account-${id}`, 0n, [newer]);
    const older = createAggregates({ store: upcasting(store, complete({}, ['Deposited', 'Withdrawn'])) });
    for (const given of [deposit(1), withdraw(1), withdraw(100), command({ type: 'Open', data: {} })]) {
      const refusal = await older.handle(account, id, given).catch((error: unknown) => error);
      expect(refusal).to.include({ kind: 'unavailable', rule: 'NewerVersion' });
    }
    expect(await log()).to.have.length(2);
  });

  it('answers what a command came to', async () => {
    const first = await handle(command({ type: 'Deposit', data: { amount: 2, pieces: 3 } }));
    expect(first).to.deep.equal({
      state: { balance: 6, changes: 3 },
      revision: 2n,
      position: 3n,
      events: Array.from({ length: 3 }, () => ({ type: 'Deposited', data: { amount: 2 } })),
      repeated: false,
    });
    const second = await handle(withdraw(4));
    expect([second.state.balance, second.revision, second.position]).to.deep.equal([2, 3n, 4n]);
  });

  it('records actor, command, time and cause with every event', async () => {
    const given = { ...deposit(1), causationId: randomUUID(), traceparent: '00-1-2-01' };
    await handle(given);
    const [event] = await store.read(`account-${id}`);
    expect(event?.id).to.equal(eventId(given.id, 0));
    expect(event?.metadata).to.deep.equal({
      commandId: given.id,
      command: 'Deposit',
      correlationId: given.id,
      causationId: given.causationId,
      actor: 'test',
      occurredAt: given.now,
      schema: 1,
      traceparent: '00-1-2-01',
    });
  });

  it('reads a stream once, then decides on what it knows', async () => {
    await handle(deposit(1));
    const reads = store.calls.read;
    for (let count = 0; count < 20; count += 1) await handle(deposit(1));
    expect(store.calls.read).to.equal(reads);
  });

  describe('many commands for one stream at once', () => {
    it('loses no update and decides waiting commands together', async () => {
      const all = await Promise.all(Array.from({ length: 200 }, () => handle(deposit(1))));
      expect(all.map(({ state }) => state.balance).sort((a, b) => a - b)).to.deep.equal(
        Array.from({ length: 200 }, (_, index) => index + 1),
      );
      expect(await log()).to.have.lengthOf(200);
      expect(store.calls.append).to.be.lessThan(10);
    });

    it('answers each with its own events, revision and state, and a position that covers them', async () => {
      const events = await Promise.all(
        Array.from({ length: 40 }, async (_, index) => {
          const handled = await handle(command({ type: 'Deposit', data: { amount: index, pieces: 1 + (index % 3) } }));
          const found = await store.find(`account-${id}`, [eventId((await commandOf(handled.revision)) ?? '', 0)]);
          expect(found[0]?.data).to.deep.equal({ amount: index });
          return handled;
        }),
      );
      for (const { revision, position, state } of events) {
        expect(position >= revision + 1n).to.equal(true);
        expect(BigInt(state.changes)).to.equal(revision + 1n);
      }
    });
    const commandOf = async (revision: bigint): Promise<string | undefined> =>
      (await store.read(`account-${id}`, revision, 1))[0]?.metadata.commandId;

    it('refuses the one in the middle alone', async () => {
      await handle(deposit(10));
      const amounts = [4, 5, 3, 1];
      const outcomes = await Promise.allSettled(amounts.map((amount) => handle(withdraw(amount))));
      expect(outcomes.map(({ status }) => status)).to.deep.equal(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
      expect((await here.load(account, id)).state.balance).to.equal(0);
    });

    it('never overdraws, from two processes and with 200 in flight', async () => {
      await handle(deposit(50));
      const outcomes = await Promise.allSettled(
        Array.from({ length: 200 }, (_, index) => (index % 2 ? here : elsewhere).handle(account, id, withdraw(1))),
      );
      const done = outcomes.filter(({ status }) => status === 'fulfilled').length;
      expect(done).to.equal(50);
      expect((await here.load(account, id)).state).to.deep.equal({ balance: 0, changes: 51 });
    });

    it('keeps each append within what the log takes', async () => {
      const pieces = APPEND_EVENTS_MAX - 1;
      const all = await Promise.all(
        Array.from({ length: 5 }, () => handle(command({ type: 'Deposit', data: { amount: 1, pieces } }))),
      );
      expect(all.at(-1)?.state.balance).to.equal(5 * pieces);
      expect(store.calls.append).to.equal(5);
    });

    it('keeps each append within the bytes the log takes', async () => {
      const long = createAggregates({ store });
      const outcomes = await Promise.all(
        Array.from({ length: 12 }, (_, index) => long.handle(note, id, noteCommand('x'.repeat(100_000 + index)))),
      );
      expect(outcomes.at(-1)?.state).to.equal(12);
      expect(store.calls.append).to.be.lessThan(6);
    });

    it('fails only the command whose events the log cannot take', async () => {
      const outcomes = await Promise.allSettled([
        handle(deposit(1)),
        handle(deposit(2)),
        handle(deposit(Number.NaN)),
        handle(command({ type: 'Break', data: {} })),
        handle(deposit(3)),
      ]);
      expect(outcomes.map(({ status }) => status)).to.deep.equal([
        'fulfilled',
        'fulfilled',
        'rejected',
        'rejected',
        'fulfilled',
      ]);
      expect((outcomes[2] as PromiseRejectedResult).reason).to.be.instanceOf(TypeError);
      expect((outcomes[3] as PromiseRejectedResult).reason).to.be.instanceOf(RangeError);
      expect((await here.load(account, id)).state.balance).to.equal(6);
    });

    it('fails every command decided on events that were not appended', async () => {
      await handle(deposit(1));
      let failing = true;
      store.beforeAppend = () =>
        failing ? Promise.reject(unavailable('Gone', 'The log is gone.')) : Promise.resolve();
      const first = handle(deposit(1));
      const rest = [handle(deposit(1)), handle(withdraw(1)), handle(withdraw(100))];
      for (const outcome of [first, ...rest]) expect(await refused(outcome)).to.include({ kind: 'unavailable' });
      failing = false;
      expect((await handle(deposit(1))).state.balance).to.equal(2);
    });
  });

  describe('another process', () => {
    it('that was faster makes it decide anew', async () => {
      await handle(deposit(10));
      await elsewhere.handle(account, id, withdraw(8));
      expect(await refused(handle(withdraw(5)))).to.deep.equal({ kind: 'rejected', rule: 'NotCovered' });
      expect((await handle(withdraw(2))).state.balance).to.equal(0);
    });

    it('that made a refusal untrue is seen before refusing', async () => {
      await handle(deposit(1));
      await elsewhere.handle(account, id, deposit(10));
      expect((await handle(withdraw(5))).state.balance).to.equal(6);
    });

    it('that made doing nothing untrue is seen before doing nothing', async () => {
      expect(await refused(handle(command({ type: 'Peek', data: {} })))).to.include({ kind: 'notFound' });
      await elsewhere.handle(account, id, deposit(3));
      const peeked = await handle(command({ type: 'Peek', data: {} }));
      expect(peeked).to.deep.equal({
        state: { balance: 3, changes: 1 },
        revision: 0n,
        position: 1n,
        events: [],
        repeated: false,
      });
    });

    it('that always is faster makes it give up after some time', async () => {
      await handle(deposit(1));
      here = createAggregates({ store, crowdWaitMs: 50 });
      let depth = 0;
      store.beforeAppend = async () => {
        if (depth > 0) return;
        depth += 1;
        await elsewhere.handle(account, id, deposit(1));
        depth -= 1;
      };
      expect(await refused(handle(deposit(1)))).to.deep.equal({ kind: 'unavailable', rule: 'StreamBusy' });
    });
  });

  describe('a pinned revision', () => {
    it('lets the command through when it is the newest', async () => {
      await handle(deposit(1));
      expect((await handle(deposit(1), { expected: 0n })).revision).to.equal(1n);
    });

    it('refuses as stale at once when it has passed', async () => {
      await handle(deposit(1));
      await handle(deposit(1));
      const { read, append } = store.calls;
      expect(await refused(handle(deposit(1), { expected: 0n }))).to.deep.equal({
        kind: 'stale',
        rule: 'StaleRevision',
      });
      expect([store.calls.read, store.calls.append]).to.deep.equal([read, append]);
    });

    it('ahead of what is known here is looked for in the log', async () => {
      await handle(deposit(1));
      await elsewhere.handle(account, id, deposit(1));
      expect((await handle(deposit(1), { expected: 1n })).state.balance).to.equal(3);
      expect(await refused(handle(deposit(1), { expected: 9n }))).to.include({ kind: 'stale' });
    });

    it('lets one of two win', async () => {
      await handle(deposit(1));
      const outcomes = await Promise.allSettled([1, 2].map((n) => handle(deposit(n), { expected: 0n })));
      expect(outcomes.map(({ status }) => status)).to.deep.equal(['fulfilled', 'rejected']);
    });

    it('does not tell whether a thing exists that may not be seen', async () => {
      expect(await refused(handle(command({ type: 'Peek', data: {} }), { expected: 4n }))).to.include({
        kind: 'notFound',
      });
    });
  });
});
