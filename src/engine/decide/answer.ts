import { LRUCache } from 'lru-cache';
import type { TObject } from 'typebox';
import { type Command, type Decider } from './decider.ts';
import {
  type DomainEvent,
  eventId,
  type EventStore,
  idOf,
  NO_STREAM,
  READ_PAGE,
  type RecordedEvent,
} from '../../eventstore/eventStore.ts';
import { isRefusal, missing } from '../../errors.ts';
import { type Projection, replay } from '../project/projection.ts';
import type { Aggregates, Handled, Services } from './services.ts';
import type { Answer, Answers, CommandContract, CommandInput, Domain } from './command.ts';
import type { CommandContext, Origin, Outcome } from './context.ts';

/** Rows kept for answers, at most, per `Aggregates`. The least recently used row is dropped first and later read again. */
const ROWS_MAX = 1_000;

/** Events that `readStream` puts into memory, at most. */
export const READ_STREAM_EVENTS_MAX = 50_000;

/** The pages of a stream, from revision `from` up to `upTo` (inclusive). */
export async function* pagesOf(
  store: Pick<EventStore, 'read'>,
  stream: string,
  upTo?: bigint,
  from = 0n,
): AsyncGenerator<readonly RecordedEvent[]> {
  for (let next = from; upTo === undefined || next <= upTo;) {
    const page = await store.read(stream, next, READ_PAGE);
    yield upTo === undefined ? page : page.filter(({ revision }) => revision <= upTo);
    if (page.length < READ_PAGE) return;
    next += BigInt(page.length);
  }
}

/**
 * Reads a stream into memory, from revision `from` up to `upTo` (inclusive). Throws when it has more than `READ_STREAM_EVENTS_MAX`
 * events there; long streams are folded page by page.
 */
export async function readStream(
  store: Pick<EventStore, 'read'>,
  stream: string,
  upTo?: bigint,
  from = 0n,
): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for await (const page of pagesOf(store, stream, upTo, from)) {
    if (events.length + page.length > READ_STREAM_EVENTS_MAX) {
      throw new RangeError(
        `${stream} has more than ${READ_STREAM_EVENTS_MAX} events, which is too many to read at once`,
      );
    }
    events.push(...page);
  }
  return events;
}

interface KnownRow {
  readonly row: object | undefined;
  /** Of the stream's last event that the row includes. */
  readonly revision: bigint;
}
const NO_ROW: KnownRow = { row: undefined, revision: NO_STREAM };

/** Rows as of the last answer, kept for as long as their `Aggregates` lives. */
const knownRows = new WeakMap<Aggregates, LRUCache<string, KnownRow>>();

function rowsOf({ aggregates }: Services): LRUCache<string, KnownRow> {
  const known = knownRows.get(aggregates) ?? new LRUCache<string, KnownRow>({ max: ROWS_MAX });
  knownRows.set(aggregates, known);
  return known;
}

/**
 * The row as of a command's own events: the appended events folded onto the known row. The log is read only for events
 * between the two. A repeat that is older than the known row is read from the start of the stream.
 */
async function rowOf<R extends object>(
  services: Services,
  projection: Projection<R>,
  { stream, revision, appended, key = idOf(stream) }: Outcome,
): Promise<R> {
  const rows = rowsOf(services);
  const name = `${projection.name} ${key}`;
  const latest = rows.get(name) ?? NO_ROW;
  const known = latest.revision > revision ? NO_ROW : latest;
  const next = known.revision + 1n;
  const own = appended();
  const first = own[0]?.revision;
  let row = known.row as R | undefined;
  if (first !== undefined && first <= next) {
    row = replay(projection, key, own.filter((event) => event.revision >= next).map(asStored), row);
  } else {
    for await (const page of pagesOf(services.store, stream, revision, next)) row = replay(projection, key, page, row);
  }
  // Another answer may have stored a newer row meanwhile.
  if (revision >= (rows.get(name) ?? NO_ROW).revision) rows.set(name, { row, revision });
  return row ?? missing('Unknown', 'There is no such thing.');
}

/** The event as the log returns it: its data went through JSON. */
const asStored = (event: RecordedEvent): RecordedEvent => ({
  ...event,
  data: JSON.parse(JSON.stringify(event.data)) as object,
});

/** The answer that a command's caller gets: the view of the row as of the command's own events. */
export async function answerWith<R extends object, S extends Services>(
  answers: Answers<R, S>,
  outcome: Outcome,
  context: CommandContext<S>,
): Promise<Answer> {
  const row = await rowOf(context.services, answers.row, outcome);
  const data = await answers.view(row, context);
  const beside = answers.beside?.(data);
  return { data, revision: outcome.revision, ...(beside === undefined ? {} : { beside }) };
}

/** Returns the function that declares commands that answer with a row: `run` returns the outcome, the engine makes the answer. */
export const answeringCommandsOf =
  <D extends Domain>() =>
  <R extends object, P extends TObject | undefined = undefined, B extends TObject | undefined = undefined>(
    contract: Omit<CommandContract<D>, 'params' | 'body' | 'answers' | 'tells' | 'run'> & {
      readonly params?: P;
      readonly body?: B;
      tells?(input: CommandInput<P, B>): Readonly<Record<string, string>>;
      readonly answers: Answers<R, D['services']>;
      run(input: CommandInput<P, B>, context: CommandContext<D['services']>): Promise<Outcome>;
    },
  ): CommandContract<D> => {
    const run = async (input: CommandInput<P, B>, context: CommandContext<D['services']>): Promise<Answer> =>
      answerWith(contract.answers, await contract.run(input, context), context);
    return { ...contract, run } as unknown as CommandContract<D>;
  };

/** The state that a command was decided on, also for a repeat of an old command. */
export function stateBefore<State, C extends Command, E extends DomainEvent>(
  { aggregates }: Services,
  decider: Decider<State, C, E>,
  id: string,
  { revision, events }: Pick<Handled<State>, 'revision' | 'events'>,
): Promise<State> {
  return aggregates.stateAt(decider, id, revision - BigInt(events.length));
}

/** The row as of a revision of its stream. */
export const rowAt = <R extends object>(
  services: Services,
  projection: Projection<R>,
  stream: string,
  revision: bigint,
): Promise<R> => rowOf(services, projection, { stream, revision, appended: () => [] });

/**
 * Checks a fact that is not the command's own. A repeat of a command that has happened passes, even if the fact has changed since:
 * one command has one answer. `stream` and `step` are those of the command's effect.
 */
export async function checkOnce(
  context: CommandContext,
  { stream, step }: { readonly stream: string; readonly step?: string },
  check: () => Promise<void>,
): Promise<void> {
  try {
    await check();
  } catch (error) {
    const { origin } = context;
    const id = step === undefined ? origin.id : context.derive(step);
    if (!isRefusal(error) || !(await wasHandled(context.services, stream, { ...origin, id }))) throw error;
  }
}

/** Whether this command was handled already. For commands that check a fact which their own effect changes. */
export async function wasHandled({ store }: Services, stream: string, { id, repeatable }: Origin): Promise<boolean> {
  return repeatable && (await store.find(stream, [eventId(id, 0)])).length > 0;
}
