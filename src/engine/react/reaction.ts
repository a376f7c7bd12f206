import type { Command, Decider } from '../decide/decider.ts';
import { type DomainEvent, idOf, type RecordedEvent } from '../../eventstore/eventStore.ts';
import type { Subscription } from '../../bus/bus.ts';
import { CommandContext, SYSTEM } from '../decide/context.ts';
import type { Handled, Services } from '../decide/services.ts';
import { derivedId } from '../../platform/ids.ts';

/** A command of a reaction that has recorded events. */
export interface Issued extends Pick<Consequence, 'id' | 'type' | 'data'> {
  /** The actor of the command. */
  readonly actor: string;
  /** The id of the event that caused it. */
  readonly cause: string;
}

export interface ReactionDeps {
  /** Called after a command of the reaction has recorded events, not when they were there already. */
  readonly onIssued?: (issued: Issued) => void;
  readonly services: Services;
  /** ISO 8601 UTC. */
  readonly now: () => string;
}

/** One command that an event causes, and the aggregate that gets it. */
export interface Consequence {
  readonly decider: string;
  readonly id: string;
  readonly type: string;
  readonly data: object;
  issue(context: CommandContext): Promise<Pick<Handled<unknown>, 'events' | 'repeated'>>;
}

/** Makes a consequence. Its command's id is derived from the event, the aggregate's id and the command's type. */
export function command<State, C extends Command, E extends DomainEvent>(
  decider: Decider<State, C, E>,
  id: string,
  intent: C extends Command ? Pick<C, 'type' | 'data'> : never,
): Consequence {
  const { type, data } = intent;
  return {
    decider: decider.category,
    id,
    type,
    data,
    issue: (context) => context.handle(decider, id, intent, { step: `${type}:${id}` }),
  };
}

/**
 * The commands that events cause, as data. `of` is the decider of the events' stream; each entry gets its state. Entries are
 * pure: the same event and state give the same commands.
 */
export interface Reaction<State, C extends Command, E extends DomainEvent> {
  readonly name: string;
  readonly of: Decider<State, C, E>;
  readonly on: {
    readonly [Type in E['type']]?: (
      event: RecordedEvent<Extract<E, { type: Type }>>,
      state: State,
    ) => readonly Consequence[];
  };
}

/** The context for commands that an event causes. Each delivery of the event makes the same command ids. */
export function contextOf(consumer: string, event: RecordedEvent, { services, now }: ReactionDeps): CommandContext {
  const { correlationId, traceparent } = event.metadata;
  return new CommandContext(
    {
      id: derivedId(consumer, event.id),
      repeatable: true,
      actor: SYSTEM(consumer),
      now: now(),
      correlationId,
      causationId: event.id,
      ...(traceparent === undefined ? {} : { traceparent }),
    },
    services,
  );
}

/** The subscription that issues a reaction's commands one after the other. A redelivered event repeats the same command ids. */
export function react<State, C extends Command, E extends DomainEvent>(
  reaction: Reaction<State, C, E>,
  deps: ReactionDeps,
): Subscription {
  const entries = reaction.on as unknown as Readonly<
    Record<string, (event: RecordedEvent, state: State) => readonly Consequence[]>
  >;
  return {
    name: reaction.name,
    types: Object.keys(entries),
    async handle({ event, signal }) {
      const entry = entries[event.type];
      if (entry === undefined) return;
      const context = contextOf(reaction.name, event, deps);
      const { state } = await context.load(reaction.of, idOf(event.stream));
      for (const consequence of entry(event, state)) {
        signal.throwIfAborted();
        const { events, repeated } = await consequence.issue(context);
        if (repeated || events.length === 0) continue;
        const { id, type, data } = consequence;
        deps.onIssued?.({ id, type, data, actor: context.actor.id, cause: event.id });
      }
    },
  };
}
