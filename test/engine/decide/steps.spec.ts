import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { CommandContext, SYSTEM } from '../../../src/engine/decide/context.ts';
import { createAggregates } from '../../../src/engine/decide/handle.ts';
import type { EventStore } from '../../../src/eventstore/eventStore.ts';
import { account, command, note } from '../../support/account.ts';
import { createMemoryEventStore } from '../../support/memoryStore.ts';
import { rejection } from '../../support/rejection.ts';

const intent = (type: 'Deposit' | 'Withdraw', amount: number) => ({ type, data: { amount } });

describe('a second step under the id of the first', () => {
  let store: EventStore;
  let id: string;
  const contextOf = (commandId: string = randomUUID(), repeatable = false): CommandContext =>
    new CommandContext(
      {
        ...{ id: commandId, repeatable, actor: SYSTEM('test'), now: '2026-01-01T00:00:00.000Z' },
        correlationId: commandId,
      },
      { aggregates: createAggregates({ store }), store },
    );
  const types = async (): Promise<string[]> => (await store.read(`account-${id}`)).map(({ type }) => type);

  beforeEach(() => {
    store = createMemoryEventStore();
    id = randomUUID();
  });

  it('is refused, and not answered as a repeat, when neither has a name', async () => {
    const context = contextOf();
    await context.handle(account, id, intent('Deposit', 5));
    const error = await rejection(context.handle(account, id, intent('Withdraw', 2)));
    expect(String(error)).to.contain('give each of its steps a name of its own');
    expect(await types()).to.deep.equal(['Deposited']);
  });

  it('is refused when both have one name, on one stream or on two, one after the other or at once', async () => {
    const step = { step: 'pay' };
    const [first, second] = [contextOf(), contextOf()];
    await first.handle(account, id, intent('Deposit', 5), step);
    for (const other of [id, randomUUID()]) {
      expect(String(await rejection(first.handle(account, other, intent('Deposit', 5), step)))).to.contain('pay');
    }
    const both = await Promise.allSettled([
      second.handle(account, id, intent('Deposit', 1), step),
      second.handle(note, id, { type: 'Note', data: {} }, step),
    ]);
    expect(both.map(({ status }) => status)).to.deep.equal(['fulfilled', 'rejected']);
  });

  it('may have the name of a step that was refused, because that one left nothing', async () => {
    const context = contextOf();
    await rejection(context.handle(account, id, intent('Withdraw', 5), { step: 'pay' }));
    await context.handle(account, id, intent('Deposit', 5), { step: 'pay' });
    expect(await types()).to.deep.equal(['Deposited']);
  });

  it('is an error in the engine too: another command with an id that the stream knows', async () => {
    const { aggregates } = contextOf().services;
    const given = command(intent('Deposit', 5));
    await aggregates.handle(account, id, given);
    const other = command(intent('Withdraw', 2), given.id);
    const error = await rejection(aggregates.handle(account, id, other, { repeatable: true }));
    expect(String(error)).to.contain(`the id ${given.id} of this Withdraw belongs to Deposit already`);
    expect(await types()).to.deep.equal(['Deposited']);
  });

  it('is an error in the engine too when both wait for the same turn', async () => {
    const { aggregates } = contextOf().services;
    const busy = aggregates.handle(account, id, command(intent('Deposit', 9)));
    const given = command(intent('Deposit', 5));
    const all = await Promise.allSettled([
      busy,
      aggregates.handle(account, id, given),
      aggregates.handle(account, id, command(intent('Withdraw', 2), given.id)),
    ]);
    expect(all.map(({ status }) => status)).to.deep.equal(['fulfilled', 'fulfilled', 'rejected']);
    expect(await types()).to.deep.equal(['Deposited', 'Deposited']);
  });
});
