import { randomUUID } from 'node:crypto';
import type { Command, Decider } from '../../src/engine/decide/decider.ts';
import type { DomainEvent, EventStore } from '../../src/eventstore/eventStore.ts';
import { isRefusal, missing, type RefusalKind, reject } from '../../src/errors.ts';

type Intent =
  | { type: 'Deposit'; data: { amount: number; pieces?: number } }
  | { type: 'Withdraw'; data: { amount: number } }
  | { type: 'Open'; data: object }
  | { type: 'Peek'; data: object }
  | { type: 'Break'; data: object };
export type AccountCommand = Command & Intent;
export type AccountEvent =
  { type: 'Deposited'; data: { amount: number } } | { type: 'Withdrawn'; data: { amount: number } };
export interface Account {
  readonly balance: number;
  readonly changes: number;
}

/** The smallest aggregate whose commands can be refused, have no effect, or fail. */
export const account: Decider<Account, AccountCommand, AccountEvent> = {
  category: 'account',
  snapshotVersion: 1,
  initial: { balance: 0, changes: 0 },
  evolve: (state, event) =>
    Object.freeze({
      balance: state.balance + (event.type === 'Deposited' ? event.data.amount : -event.data.amount),
      changes: state.changes + 1,
    }),
  decide(command, state) {
    switch (command.type) {
      case 'Deposit':
        return Array.from({ length: command.data.pieces ?? 1 }, () => ({
          type: 'Deposited' as const,
          data: { amount: command.data.amount },
        }));
      case 'Withdraw':
        if (state.balance < command.data.amount) reject('NotCovered', 'There is not so much.');
        return [{ type: 'Withdrawn', data: { amount: command.data.amount } }];
      case 'Open':
        return state.changes > 0 ? [] : [{ type: 'Deposited', data: { amount: 1 } }];
      case 'Peek':
        return state.changes === 0 ? missing('NoAccount', 'There is none.') : [];
      case 'Break':
        throw new RangeError('a bug');
    }
  },
};

export const command = (intent: Intent, id: string = randomUUID()): AccountCommand => ({
  ...intent,
  id,
  actor: 'test',
  now: '2026-01-01T00:00:00.000Z',
  correlationId: id,
});
export const deposit = (amount: number, id?: string): AccountCommand =>
  command({ type: 'Deposit', data: { amount } }, id);
export const withdraw = (amount: number, id?: string): AccountCommand =>
  command({ type: 'Withdraw', data: { amount } }, id);

export interface WatchedStore extends EventStore {
  readonly calls: { append: number; read: number; find: number };
  beforeAppend: (() => Promise<void>) | undefined;
}

/** Counts the calls to a store, and lets a test act before any append. */
export function watched(store: EventStore): WatchedStore {
  const calls = { append: 0, read: 0, find: 0 };
  return {
    ...store,
    calls,
    beforeAppend: undefined as (() => Promise<void>) | undefined,
    async append(...parameters) {
      calls.append += 1;
      await this.beforeAppend?.();
      return store.append(...parameters);
    },
    read(...parameters) {
      calls.read += 1;
      return store.read(...parameters);
    },
    find(...parameters) {
      calls.find += 1;
      return store.find(...parameters);
    },
  };
}

/** The refusal that a promise rejects with. Any other outcome is an error. */
export async function refused(promise: Promise<unknown>): Promise<{ kind: RefusalKind; rule: string }> {
  try {
    await promise;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { kind: error.kind, rule: error.rule };
  }
  throw new Error('it was not refused');
}

export const note: Decider<number, Command, DomainEvent> = {
  category: 'note',
  snapshotVersion: 1,
  initial: 0,
  evolve: (state) => state + 1,
  decide: ({ data }) => [{ type: 'Noted', data }],
};
export const noteCommand = (text: string): Command => ({ ...deposit(1), type: 'Note', data: { text } });
