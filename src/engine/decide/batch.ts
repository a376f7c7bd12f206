import type { Command } from './decider.ts';
import {
  APPEND_BYTES_MAX,
  APPEND_EVENTS_MAX,
  type DomainEvent,
  eventId,
  type NewEvent,
  type RecordedEvent,
} from '../../eventstore/eventStore.ts';
import { isRefusal, Refusal } from '../../errors.ts';
import { schemaOf, type Upcasters } from '../../eventstore/upcast.ts';
import type { Handled, HandleOptions } from './services.ts';
import type { Folded } from './folds.ts';

/** One command to decide, with its caller's conditions. */
export interface Question {
  readonly command: Command;
  readonly options: HandleOptions;
}

/** The outcome of one command. `revision` and `state` are as of its last event, or as found when it has none. */
type Verdict<Q extends Question> = { readonly question: Q } & (
  | {
      readonly kind: 'decided';
      readonly events: readonly DomainEvent[];
      readonly state: unknown;
      readonly revision: bigint;
      /** The same command id was decided before in this batch. */
      readonly repeated: boolean;
    }
  | { readonly kind: 'threw'; readonly error: unknown; readonly final: boolean }
);

/** The outcome of a batch of commands. It holds only if the stream is still at the fold's revision. */
export interface Decision<Q extends Question> {
  readonly verdicts: readonly Verdict<Q>[];
  readonly events: readonly NewEvent[];
  readonly commandIds: readonly string[];
  readonly state: unknown;
  readonly revision: bigint;
  /** Commands that did not fit into this append. */
  readonly left: readonly Q[];
}

/**
 * Decides commands for one stream in order, each on the state after the commands before it. Pure: nothing has happened
 * until the events are appended. Then either all verdicts hold, or none.
 */
export function decideTogether<Q extends Question>(folded: Folded, questions: readonly Q[]): Decision<Q> {
  const verdicts: Verdict<Q>[] = [];
  const events: NewEvent[] = [];
  const decided = new Map<string, Verdict<Q>>();
  const found = folded.revision;
  let { state, revision } = folded;
  let bytes = 0;
  for (const [index, question] of questions.entries()) {
    const before = decided.get(question.command.id);
    if (before?.kind === 'decided') {
      const { command: first } = before.question;
      verdicts.push(
        first.type === question.command.type
          ? { ...before, question, repeated: true }
          : { question, kind: 'threw', error: idUsedBy(question.command, first.type), final: true },
      );
      continue;
    }
    const verdict = decideOne(question, { ...folded, state, revision }, found);
    if (verdict.kind === 'decided' && verdict.events.length > 0) {
      const added = toNewEvents(question.command, verdict.events, folded.decider.upcasters);
      bytes += questions.length === 1 ? 0 : bytesOf(added);
      const full = events.length + added.length > APPEND_EVENTS_MAX || bytes > APPEND_BYTES_MAX;
      if (full && events.length > 0) {
        return { verdicts, events, commandIds: [...decided.keys()], state, revision, left: questions.slice(index) };
      }
      events.push(...added);
      decided.set(question.command.id, verdict);
      ({ state, revision } = verdict);
    }
    verdicts.push(verdict);
  }
  return { verdicts, events, commandIds: [...decided.keys()], state, revision, left: [] };
}

function decideOne<Q extends Question>(question: Q, folded: Folded, found: bigint): Verdict<Q> {
  const { command, options } = question;
  const { decider, state, revision } = folded;
  const { expected } = options;
  const isStale = expected !== undefined && expected !== revision;
  try {
    const events = decider.decide(command, state);
    if (!isStale) {
      const next = events.reduce((before, event) => decider.evolve(before, event), state);
      const last = revision + BigInt(events.length);
      return { question, kind: 'decided', events, state: next, revision: last, repeated: false };
    }
  } catch (error) {
    // notFound and forbidden win over stale: a stale refusal would reveal that a hidden resource exists, and its revision.
    const hidden = isRefusal(error) && (error.kind === 'notFound' || error.kind === 'forbidden');
    if (!isStale || hidden) return { question, kind: 'threw', error, final: false };
  }
  // Streams only grow. An expected revision below the found one stays stale; a higher one may exist in the log already.
  return { question, kind: 'threw', error: stale(expected, revision), final: expected < found };
}

/** Two commands with one id make events with the same ids, so that one of the two would be lost. */
export const idUsedBy = ({ id, type }: Command, other: string): Error =>
  new Error(`the id ${id} of this ${type} belongs to ${other} already; a step of a command needs a name of its own`);

const stale = (expected: bigint, revision: bigint): Refusal =>
  new Refusal(
    'stale',
    'StaleRevision',
    `The resource has changed: you sent revision ${expected}, it is at ${revision}.`,
  );

/** The size in bytes as the log counts it. Data that JSON cannot represent counts 0 here; the log refuses it. */
function bytesOf(events: readonly NewEvent[]): number {
  try {
    return events.reduce(
      (sum, { data, metadata }) =>
        sum + Buffer.byteLength(JSON.stringify(data)) + Buffer.byteLength(JSON.stringify(metadata)),
      0,
    );
  } catch {
    return 0;
  }
}

/** Makes the events to append from a command's decision, marked with their newest schema version. */
export const toNewEvents = (command: Command, events: readonly DomainEvent[], upcasters: Upcasters = {}): NewEvent[] =>
  events.map((event, index) => ({
    id: eventId(command.id, index),
    type: event.type,
    data: event.data,
    metadata: {
      commandId: command.id,
      command: command.type,
      correlationId: command.correlationId,
      ...(command.causationId === undefined ? {} : { causationId: command.causationId }),
      actor: command.actor,
      occurredAt: command.now,
      schema: schemaOf(upcasters, event.type),
      ...(command.traceparent === undefined ? {} : { traceparent: command.traceparent }),
    },
  }));

/** The events of a command that was just handled, in the form that a reader of the log gets. */
export const toRecorded = (
  stream: string,
  command: Command,
  { events, revision, position }: Pick<Handled<unknown>, 'events' | 'revision' | 'position'>,
  upcasters?: Upcasters,
): RecordedEvent[] =>
  toNewEvents(command, events, upcasters).map((event, index) => ({
    ...event,
    stream,
    position,
    revision: revision - BigInt(events.length - 1 - index),
  }));
