import { expect } from 'chai';
import { type Command, type Decider, fold } from '../../src/engine/decide/decider.ts';
import { type DomainEvent, eventId, type Metadata, type RecordedEvent } from '../../src/eventstore/eventStore.ts';
import { isRefusal } from '../../src/errors.ts';
import { keysOf, type Projection } from '../../src/engine/project/projection.ts';

export const NOW = '2026-03-01T12:00:00.000Z';
const COMMAND_ID = 'c0ffee00-0000-4000-8000-000000000001';

export type Intent<C> = C extends Command ? Pick<C, 'type' | 'data'> : never;
type Circumstances = Partial<Pick<Command, 'id' | 'now' | 'actor'>>;

export const commandOf = <C extends Command>(intent: Intent<C>, circumstances: Circumstances = {}): C =>
  ({ ...intent, id: COMMAND_ID, actor: 'ann', now: NOW, correlationId: COMMAND_ID, ...circumstances }) as unknown as C;

export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}

/** The data as the log returns it. */
export const stored = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

interface Outcome<E> {
  then(...events: E[]): void;
  thenNothing(): void;
  thenRefused(rule: string, code?: string): void;
}
interface GivenPast<C, E> {
  when(intent: Intent<C>, circumstances?: Circumstances): Outcome<E>;
}
interface GivenLog<R> {
  then(...rows: R[]): void;
}

/** Past events, a command, and the decision; or recorded events and the rows that they leave, in the order of their keys. */
export function given<State, C extends Command, E extends DomainEvent>(
  decider: Decider<State, C, E>,
  ...events: E[]
): GivenPast<C, E>;
export function given<R extends object>(projection: Projection<R>, ...events: RecordedEvent[]): GivenLog<R>;
export function given(
  subject: Decider<unknown, Command, DomainEvent> | Projection,
  ...events: DomainEvent[]
): GivenPast<Command, DomainEvent> | GivenLog<object> {
  if ('decide' in subject) return { when: (intent, circumstances) => outcome(subject, events, intent, circumstances) };
  return {
    then(...rows) {
      expect(rowsOf(subject, events as RecordedEvent[])).to.deep.equal(rows);
      expect(rowsOf(subject, events as RecordedEvent[]), 'replayed once more').to.deep.equal(rows);
    },
  };
}

function outcome(
  decider: Decider<unknown, Command, DomainEvent>,
  past: readonly DomainEvent[],
  intent: Intent<Command>,
  circumstances: Circumstances = {},
): Outcome<DomainEvent> {
  const state = deepFreeze(fold(decider, deepFreeze(decider.initial), deepFreeze(stored(past))));
  const decide = (): readonly DomainEvent[] => decider.decide(deepFreeze(commandOf(intent, circumstances)), state);
  return {
    then(...events) {
      const decided = decide();
      expect(decided).to.deep.equal(events);
      expect(stored(decided), 'as the log keeps them').to.deep.equal(decided);
    },
    thenNothing() {
      expect(decide()).to.deep.equal([]);
    },
    thenRefused(rule, code) {
      expect(ruleOf(decide)).to.equal(rule);
      if (code !== undefined) expect(codeOf(decide)).to.equal(code);
    },
  };
}

function ruleOf(decide: () => unknown): unknown {
  try {
    return decide();
  } catch (error) {
    if (isRefusal(error)) return error.rule;
    throw error;
  }
}

function codeOf(decide: () => unknown): unknown {
  try {
    return decide();
  } catch (error) {
    return isRefusal(error) ? error.code : error;
  }
}

/** The table that these events leave, in memory. */
export function rowsOf<R extends object>(projection: Projection<R>, events: readonly RecordedEvent[]): R[] {
  const table = new Map<string, R>();
  for (const event of deepFreeze(events)) {
    const entry = projection.on[event.type];
    for (const key of entry === undefined ? [] : keysOf(entry, event)) {
      const next = entry!.row(table.get(key), event, key);
      if (next === null) table.delete(key);
      else if (next !== undefined) table.set(key, deepFreeze(next));
    }
  }
  return [...table].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}

/** A fact to put into the log: its stream, event, time, and optional further metadata. */
export type Fact = readonly [stream: string, event: DomainEvent, at?: string, metadata?: Partial<Metadata>];

/** Facts as the log gives them back: positions from 1, revisions from 0 in each stream. */
export function recordedEvents(...facts: readonly Fact[]): RecordedEvent[] {
  const revisions = new Map<string, bigint>();
  return facts.map(([stream, event, at = NOW, metadata], index) => {
    const revision = (revisions.get(stream) ?? -1n) + 1n;
    revisions.set(stream, revision);
    const { type, data } = stored(event);
    const about = { command: 'Test', correlationId: COMMAND_ID, actor: 'ann', schema: 1, occurredAt: at };
    return {
      ...{ id: eventId(COMMAND_ID, index), position: BigInt(index + 1), stream, revision, type, data },
      metadata: { commandId: eventId(COMMAND_ID, index), ...about, ...metadata },
    };
  });
}
