import type { Command, Decider } from '../../src/engine/decide/decider.ts';
import type { DomainEvent } from '../../src/eventstore/eventStore.ts';

type DataOf<Union, Type> = Union extends { type: Type; data: infer Data } ? Data : never;

export interface Sample {
  readonly name: string;
  readonly decider: Decider<unknown, Command, DomainEvent>;
  /** One event of each type, in a plausible order. */
  readonly events: readonly DomainEvent[];
  readonly commands: readonly {
    readonly type: string;
    readonly data: object;
    readonly past: readonly DomainEvent[];
    /** The reason why a repeated decision makes events again; undefined when it makes none. */
    readonly again?: string;
  }[];
}

/** A sample for each event and each command of a decider. The compiler reports missing ones. */
export function sample<State, C extends Command, E extends DomainEvent>(
  decider: Decider<State, C, E>,
  events: { readonly [Type in E['type']]: DataOf<E, Type> },
  commands: {
    readonly [Type in C['type']]: {
      data: DataOf<C, Type>;
      /** The types of the sample events before it. */
      after?: readonly E['type'][];
      /** Further events before it. */
      and?: readonly E[];
      again?: string;
    };
  },
): Sample {
  const happened = Object.entries(events).map(([type, data]) => ({ type, data: data as object }));
  const past = (types: readonly string[]): DomainEvent[] =>
    types.map((wanted) => happened.find(({ type }) => type === wanted)!);
  return {
    name: decider.category,
    decider: decider,
    events: happened,
    commands: Object.entries<{ data: object; after?: readonly string[]; and?: readonly E[]; again?: string }>(
      commands,
    ).map(([type, { data, after = [], and = [], again }]) => ({
      ...{ type, data, past: [...past(after), ...and] },
      ...(again === undefined ? {} : { again }),
    })),
  };
}
