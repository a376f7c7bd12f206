import type { EventStore } from '../../src/eventstore/eventStore.ts';
import { appending } from './contractAppending.ts';
import { following } from './contractFollowing.ts';
import { reading } from './contractReading.ts';

/** One log, and any number of processes on it. */
export interface Log {
  /** Another process on the same log. */
  open(): Promise<EventStore>;
  /** Closes every process and removes the log. */
  remove(): Promise<void>;
}

export interface ContractOptions {
  /** Positions count up by one. */
  readonly contiguous: boolean;
  /** Several processes can share one log, and it outlives them. */
  readonly shared: boolean;
  /** An event's id is unique in the whole log; otherwise only in its stream. */
  readonly idsUniqueInLog: boolean;
}

/** The promises that every adapter of the log keeps. Runs against each of them. */
export function eventStoreContract(name: string, create: () => Promise<Log>, options: ContractOptions): void {
  describe(`the log: ${name}`, () => {
    let log: Log;
    let store: EventStore;
    before(async () => {
      log = await create();
      store = await log.open();
    });
    after(() => log.remove());
    const subject = { store: () => store, open: () => log.open(), ...options };
    describe('appending', () => appending(subject));
    describe('reading', () => reading(subject));
    describe('following', () => following(subject));
  });
}

export interface Subject extends ContractOptions {
  readonly store: () => EventStore;
  readonly open: () => Promise<EventStore>;
}
