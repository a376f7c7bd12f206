import type { Command, Decider } from './decider.ts';
import type { DomainEvent, EventStore } from '../../eventstore/eventStore.ts';

/** The outcome of a handled command. */
export interface Handled<State, E extends DomainEvent = DomainEvent> {
  /** State as of this command's last event, or as found when it made none. */
  readonly state: State;
  readonly revision: bigint;
  /** A reader that has seen the log up to here has seen the command's effect, also when it was done before. 0: no stream. */
  readonly position: bigint;
  readonly events: readonly E[];
  /** The command id was handled before; nothing was decided now. */
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
  /** The revision of the caller's `If-Match`. At any other revision the command is refused as `stale`. */
  readonly expected?: bigint;
  /** The id is derived (from an idempotency key or an event), so the command may be in the stream: look it up first. */
  readonly repeatable?: boolean;
}

/** The engine of the write side, for commands and reactions: load, decide, append. */
export interface Aggregates {
  handle<State, C extends Command, E extends DomainEvent>(
    decider: Decider<State, C, E>,
    id: string,
    command: C,
    options?: HandleOptions,
  ): Promise<Handled<State, E>>;
  /**
   * `fresh` (the default) also reads events newer than the cached fold. Use it for facts that a decision depends on.
   * `cached` may lack events that another process appended. Use it for hints only.
   */
  load<State, C extends Command, E extends DomainEvent>(
    decider: Decider<State, C, E>,
    id: string,
    how?: 'fresh' | 'cached',
  ): Promise<Loaded<State>>;
  /** The state as of a revision (`-1n`: before the first event), from the nearest snapshot before it. */
  stateAt<State, C extends Command, E extends DomainEvent>(
    decider: Decider<State, C, E>,
    id: string,
    revision: bigint,
  ): Promise<State>;
}

/** The services that the engine needs. A domain's own services extend them. */
export interface Services {
  readonly aggregates: Aggregates;
  readonly store: EventStore;
}
