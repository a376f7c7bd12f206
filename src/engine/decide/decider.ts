import type { DomainEvent } from '../../eventstore/eventStore.ts';
import type { Upcaster, Upcasters } from '../../eventstore/upcast.ts';

export type { Upcasters };

/*
 * Glossary
 *   command    an intention: `PlaceOrder`          event      a fact: `OrderPlaced`
 *   decider    decide + evolve + initial           fold       events -> state
 *   stream     `order-<uuid>`, one aggregate's log category   its first part, `order`
 *   revision   place in a stream (from 0)          position   place in the whole log (from 1)
 *   handle     load, decide, append                append     add events at a known revision
 *   projection events -> rows of a table           checkpoint how far a follower has come
 *   reaction   event -> commands                   refusal    an expected error: a rule says no
 */

/** An intention as plain data. Time, identity and ids come from outside; the domain never generates them. */
export interface Command<Type extends string = string, Data extends object = object> {
  readonly type: Type;
  readonly data: Data;
  /** A UUID. Event ids are derived from it, so a repeated command is recognised in the log. */
  readonly id: string;
  /** A user's id, or `system:<handler>`, `cli`, `anonymous`. */
  readonly actor: string;
  /** ISO 8601 UTC. */
  readonly now: string;
  readonly correlationId: string;
  /** Id of the event that caused this command, if one did. */
  readonly causationId?: string;
  readonly traceparent?: string;
}

/**
 * The lists and maps that one fold has made. Nothing outside of the fold has them yet, so `evolve` may change these in place, and no
 * others. A fold of many events would otherwise copy a growing list once per event.
 */
export type Made = WeakSet<object>;

/**
 * Two pure functions and an initial state. `decide` has three outcomes: events (it happens now), `[]` (it had already
 * happened), or a thrown `Refusal` (it is not allowed). `State` is plain JSON and holds only what later decisions read.
 */
export interface Decider<State, C extends Command, E extends DomainEvent> {
  /** First part of the stream's name. */
  readonly category: string;
  /** Must be raised whenever the shape of `State` changes, so that old snapshots are not read. */
  readonly snapshotVersion: number;
  readonly initial: State;
  /** Functions that bring older events to their current shape. Their number per event type determines its current version. */
  readonly upcasters?: { readonly [Type in E['type']]?: readonly Upcaster[] };
  /** Without `made`, it changes nothing that it was given. */
  evolve(state: State, event: E, made?: Made): State;
  decide(command: C, state: State): readonly E[];
}

/** The state after the events. `state` stays as it is. `made`: of the fold that these events continue. */
export const fold = <State, E extends DomainEvent>(
  decider: Pick<Decider<State, never, E>, 'evolve'>,
  state: State,
  events: readonly E[],
  made: Made = new WeakSet(),
): State => events.reduce((folded, event) => decider.evolve(folded, event, made), state);
