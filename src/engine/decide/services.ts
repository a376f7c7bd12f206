import type { Command, Decider } from './decider.ts';
import type { DomainEvent, EventStore } from '../../eventstore/eventStore.ts';

/** What a handled command came to. */
export interface Handled<State, E extends DomainEvent = DomainEvent> {
  /** State as of this command's last event (or as found, when it made none). */
  readonly state: State;
  readonly revision: bigint;
  /** Whoever has seen the log up to here has seen what this command came to, also when it found it done; 0 when nothing is there. */
  readonly position: bigint;
  readonly events: readonly E[];
  /** This command id had been handled before; nothing was decided now. */
  readonly repeated: boolean;
}

export interface Loaded<State> {
  readonly state: State;
  /** `-1n` when the stream does not exist. */
  readonly revision: bigint;
  /** Of the stream's last event; 0 when it does not exist. */
  readonly position: bigint;
}

export interface HandleOptions {
  /** Pinned by the caller (`If-Match`): any other revision is refused as `stale` at once. */
  readonly expected?: bigint;
  /** The id was derived (idempotency key, event), so it may already be in the stream: look before deciding. */
  readonly repeatable?: boolean;
}

/** The write side's engine, as commands and reactions see it: load, decide, append. */
export interface Aggregates {
  handle<State, C extends Command, E extends DomainEvent>(
    decider: Decider<State, C, E>,
    id: string,
    command: C,
    options?: HandleOptions,
  ): Promise<Handled<State, E>>;
  /**
   * `fresh` (the default) reads what is newer than the cached fold: for facts that decide. `cached` may be some
   * milliseconds behind another process: for hints only.
   */
  load<State, C extends Command, E extends DomainEvent>(
    decider: Decider<State, C, E>,
    id: string,
    how?: 'fresh' | 'cached',
  ): Promise<Loaded<State>>;
}

/** What the engine needs to decide; a domain's own services extend it. */
export interface Services {
  readonly aggregates: Aggregates;
  readonly store: EventStore;
}
