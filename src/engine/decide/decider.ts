import type { DomainEvent } from '../../eventstore/eventStore.ts';
import type { Upcaster, Upcasters } from '../../eventstore/upcast.ts';

export type { Upcasters };

/*
 * The words of this house.
 *   command    an intention: `PlaceOrder`          event      a fact: `OrderPlaced`
 *   decider    decide + evolve + initial           fold       events -> state
 *   stream     `order-<uuid>`, one aggregate's log category   its first part, `order`
 *   revision   place in a stream (from 0)          position   place in the whole log (from 1)
 *   handle     load, decide, append                append     add events at a known revision
 *   projection events -> rows of a table           checkpoint how far a follower has come
 *   reaction   event -> commands                   refusal    a clear no
 */

/** An intention as plain data. Time, identity and ids come from outside; the domain makes none of them up. */
export interface Command<Type extends string = string, Data extends object = object> {
  readonly type: Type;
  readonly data: Data;
  /** uuid; the ids of the events it makes are derived from it, so a repeated command is recognised in the log. */
  readonly id: string;
  /** A user's id, or `system:<handler>`, `cli`, `anonymous`. */
  readonly actor: string;
  /** ISO 8601 UTC. */
  readonly now: string;
  readonly correlationId: string;
  /** The event that led to this command, when one did. */
  readonly causationId?: string;
  readonly traceparent?: string;
}

/**
 * Two pure functions and a beginning. `decide` has three answers: events (it happened), `[]` (it had already happened),
 * a thrown `Refusal` (it may not). `State` is plain JSON, and holds only what a later decision reads.
 */
export interface Decider<State, C extends Command, E extends DomainEvent> {
  /** First part of the stream's name. */
  readonly category: string;
  /** Raised whenever the shape of `State` changes, so that old snapshots are not read. */
  readonly snapshotVersion: number;
  readonly initial: State;
  /** What brings older versions of its events to their current shape; their number is what makes the current version. */
  readonly upcasters?: { readonly [Type in E['type']]?: readonly Upcaster[] };
  evolve(state: State, event: E): State;
  decide(command: C, state: State): readonly E[];
}

export const fold = <State, E extends DomainEvent>(
  decider: Pick<Decider<State, never, E>, 'evolve'>,
  state: State,
  events: readonly E[],
): State => events.reduce((folded, event) => decider.evolve(folded, event), state);
