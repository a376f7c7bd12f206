import { setTimeout as delay } from 'node:timers/promises';
import {
  type AppendExpectedRevision,
  type AppendResult as WireResult,
  NO_STREAM as NEW_STREAM,
} from '@eventstore/db-client';
import { isRefusal, reject, unavailable } from '../../errors.ts';
import { type Backoff, delayAfter } from '../../platform/backoff.ts';
import { failpoint } from '../../platform/failpoint.ts';
import { type AppendResult, type NewEvent, NO_STREAM } from '../eventStore.ts';
import { type Connection, failureOf, isLate, logUnavailable, withDeadline } from './client.ts';
import { appendIdOf, positionOf, toWire, type WireAppend, type WireEvent } from './wireEvents.ts';
import type { KnownIds, Streams } from './streams.ts';
import { APPEND_DEADLINE_MS, outcomeUnknown } from '../appendQueue.ts';
import { serialise } from '../serialise.ts';
import { createSemaphore } from '../../platform/semaphore.ts';

/** Appends in flight, at most. More than about a hundred at once have made new connections hang. */
export const APPENDS_IN_FLIGHT_MAX = 64;
const APPENDS_WAITING_MAX = 10_000;
/** Time limit, in ms, of one attempt to send an append. After it the append is looked up, and sent again if it is not there. */
const ATTEMPT_MS = 3_000;
const RETRY: Backoff = { delayMs: 20, delayMaxMs: 1_000 };
/** Index of a UUID's version digit, and the version of command ids that are generated for one call and never repeated. */
const VERSION_AT = 14;
const NEVER_REPEATED = '7';

export interface EventStoreDbAppendsOptions {
  readonly writer: Connection;
  readonly streams: Streams;
  readonly onAppended: (position: bigint) => void;
  readonly deadlineMs?: number | undefined;
  readonly attemptMs?: number | undefined;
}

export interface EventStoreDbAppends {
  append(stream: string, expected: bigint, events: readonly NewEvent[]): Promise<AppendResult>;
  /** Refuses new appends, and resolves when all earlier ones are answered. */
  close(): Promise<void>;
}

/**
 * Appends at exact revisions. An append with an unknown outcome is looked up by its event ids and sent again if they are not
 * there, until the outcome is known or its deadline passes. The expected revision makes sure that it is recorded only once.
 */
export function createEventStoreDbAppends(options: EventStoreDbAppendsOptions): EventStoreDbAppends {
  const { deadlineMs = APPEND_DEADLINE_MS } = options;
  const semaphore = createSemaphore({
    permits: APPENDS_IN_FLIGHT_MAX,
    wait: { max: APPENDS_WAITING_MAX, timeoutMs: deadlineMs, refused: overloaded },
  });
  const running = new Set<Promise<unknown>>();
  let closed = false;

  return {
    async append(stream, expected, events) {
      if (closed) throw unavailable('LogClosed', 'The log is closed.');
      const append = appendOf(stream, expected, { events, deadlineAt: performance.now() + deadlineMs });
      const answered = withDeadline(
        semaphore.run(() => once(options, append)),
        deadlineMs,
      );
      running.add(answered);
      try {
        return await answered;
      } catch (error) {
        throw isLate(error) ? outcomeUnknown(error) : error;
      } finally {
        running.delete(answered);
      }
    },
    async close() {
      closed = true;
      await Promise.allSettled([...running]);
    },
  };
}

interface Append extends WireAppend {
  readonly stream: string;
  readonly expected: bigint;
  readonly ids: readonly string[];
  readonly deadlineAt: number;
}

function appendOf(
  stream: string,
  expected: bigint,
  { events, deadlineAt }: { events: readonly NewEvent[]; deadlineAt: number },
): Append {
  if (expected < NO_STREAM) throw new RangeError(`no stream is ever at revision ${expected}`);
  const serialised = serialise(stream, events);
  const ids = serialised.map(({ id }) => id.toLowerCase());
  if (new Set(ids).size < ids.length) throw new Error(`an append to ${stream} carries an event twice`);
  return { ...toWire(events, serialised, { distinct: events.some(mayComeAgain) }), stream, expected, ids, deadlineAt };
}

/** Command ids derived from a key or an event are repeated when it comes again. Ids of version 7 are made for one call. */
const mayComeAgain = ({ metadata }: NewEvent): boolean => metadata.commandId[VERSION_AT] !== NEVER_REPEATED;

const overloaded = (): Error => unavailable('LogOverloaded', 'Too many appends are waiting for the log; try again.');

type Context = EventStoreDbAppendsOptions;

async function once(context: Context, append: Append): Promise<AppendResult> {
  const { stream, expected, appendId, ids } = append;
  // At the stream's current revision the server would record the same events a second time.
  const before = appendId !== undefined && expected !== NO_STREAM ? await lookUp(context, append) : undefined;
  const result = before ?? (await untilKnown(context, append));
  if (result.outcome === 'appended') {
    context.onAppended(result.position);
    if (!result.repeated) context.streams.appended(stream, expected, ids);
  }
  return result;
}

/** A look for what was sent. If the log does not answer that either, the outcome stays open, and the append is sent again. */
async function whileOpen<T>(look: Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await look;
  } catch (error) {
    if (isRefusal(error) && error.kind === 'unavailable') return undefined;
    throw error;
  }
}

async function untilKnown(context: Context, append: Append): Promise<AppendResult> {
  for (let failures = 0; performance.now() < append.deadlineAt; failures += 1) {
    if (failures > 0) await delay(delayAfter(RETRY, failures));
    const result = await attempt(context, append);
    if (result !== undefined) return result;
  }
  throw outcomeUnknown();
}

/** The result, or undefined when the append must be sent again. */
async function attempt(context: Context, append: Append): Promise<AppendResult | undefined> {
  let result: WireResult;
  try {
    result = await send(context, append);
  } catch (error) {
    switch (failureOf(error)) {
      case 'wrong version':
        return whileOpen(conflicted(context, append, actualOf(error)));
      case 'too large':
        return reject('AppendTooLarge', 'This append is larger than the log allows.');
      case 'deleted':
        throw new Error(`the stream ${append.stream} was deleted from the log`, { cause: error });
      case 'denied':
        throw logUnavailable(error);
      case 'not there':
      case 'bad position':
      case 'unknown':
        return whileOpen(resolved(context, append));
    }
  }
  // The connection string can make the client return failures instead of throwing. The revision in them is wrong.
  return whileOpen(result.success ? succeeded(context, append, result) : conflicted(context, append));
}

async function send(
  { writer, attemptMs = ATTEMPT_MS }: Context,
  { stream, expected, events, deadlineAt }: Append,
): Promise<WireResult> {
  failpoint('append:before');
  const ms = Math.max(1, Math.min(attemptMs, deadlineAt - performance.now()));
  const expectedRevision: AppendExpectedRevision = expected === NO_STREAM ? NEW_STREAM : expected;
  const options = { expectedRevision, deadline: Math.ceil(ms), requiresLeader: true };
  const result = await writer.call((client) => withDeadline(client.appendToStream(stream, events, options), ms));
  failpoint('append:after-commit');
  return result;
}

/** Checks a successful answer. The server answers a repeat of an earlier append in the same way as a new append. */
async function succeeded(context: Context, append: Append, result: WireResult): Promise<AppendResult | undefined> {
  const { position, nextExpectedRevision: revision } = result;
  const certain = append.appendId === undefined && position !== undefined && position.commit === position.prepare;
  if (certain) return { outcome: 'appended', position: position.commit, revision, repeated: false };
  return (await lookAhead(context, append)).place;
}

/** A read that the server cuts short looks like the end of the stream, so a read that ends before `actual` proves nothing. */
async function conflicted(context: Context, append: Append, actual?: bigint): Promise<AppendResult | undefined> {
  const { place, upTo } = await lookAhead(context, append);
  if (place !== undefined) return place;
  if (append.appendId === undefined && actual !== undefined) {
    const due = append.expected + BigInt(append.ids.length);
    return upTo < (actual < due ? actual : due) ? undefined : { outcome: 'conflict', actual };
  }
  const known = await context.streams.idsOf(append.stream);
  if (actual !== undefined && known.to < actual) return undefined;
  return (await placeAmong(context, append, known)) ?? { outcome: 'conflict', actual: known.to };
}

async function resolved(context: Context, append: Append): Promise<AppendResult | undefined> {
  const { place } = await lookAhead(context, append);
  return place ?? (append.appendId === undefined ? undefined : lookUp(context, append));
}

/** Looks for the events at the revisions where the append puts them. Also returns the last revision seen. */
async function lookAhead(
  { streams }: Context,
  append: Append,
): Promise<{ place: AppendResult | undefined; upTo: bigint }> {
  const { stream, expected, ids } = append;
  const events = await streams.wire(stream, expected + 1n, ids.length);
  const there = ids.every((id, index) => events[index]?.id === id);
  return {
    place: there ? placeOf(append, events.at(-1)!) : undefined,
    upTo: expected + BigInt(events.length),
  };
}

/** Looks for the events of a repeatable command in the whole stream. */
async function lookUp(context: Context, append: Append): Promise<AppendResult | undefined> {
  const { stream, expected } = append;
  const known = await context.streams.idsOf(stream);
  // The stream seems to end before a revision that was read earlier. Most likely the read was cut short: read again.
  const whole = known.to < expected ? await context.streams.idsOf(stream) : known;
  return placeAmong(context, append, whole);
}

async function placeAmong({ streams }: Context, append: Append, known: KnownIds): Promise<AppendResult | undefined> {
  const { stream, expected, ids } = append;
  const revisions = ids.flatMap((id) => known.ids.get(id) ?? []);
  if (revisions.length === 0) return undefined;
  if (revisions.length < ids.length) {
    if (known.to === expected) throw new Error(`some of these events are in ${stream} already`);
    return { outcome: 'conflict', actual: known.to };
  }
  const last = revisions.reduce((a, b) => (a > b ? a : b));
  const [event] = await streams.wire(stream, last, 1);
  return event === undefined ? undefined : placeOf(append, event);
}

const placeOf = ({ appendId }: Append, last: WireEvent): AppendResult => ({
  outcome: 'appended',
  position: positionOf(last),
  revision: last.revision,
  repeated: appendId !== undefined && appendIdOf(last) !== appendId,
});

function actualOf(error: unknown): bigint | undefined {
  const { actualVersion } = error as { actualVersion?: unknown };
  if (typeof actualVersion === 'bigint') return actualVersion;
  return actualVersion === NEW_STREAM ? NO_STREAM : undefined;
}
