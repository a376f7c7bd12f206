import { setMaxListeners } from 'node:events';
import type { ConsumerMessages, JsMsg } from 'nats';
import type { Logger } from '../../platform/log.ts';
import { createSignal, type Signal } from '../../platform/signal.ts';
import { type EventStore, READ_PAGE, type RecordedEvent } from '../../eventstore/eventStore.ts';
import { poisonOf, upcast, type Upcasters } from '../../eventstore/upcast.ts';
import { delayAfter, isOver, rest } from '../../platform/backoff.ts';
import type { Feed, FeedOptions, OpenFeed } from '../feed.ts';
import type { NatsLink } from './natsConnection.ts';
import { fromMessage, type Incoming } from './message.ts';
import { ensureDurable, ensureStream, lastTold, type NatsStreamSettings } from './jetStream.ts';
import { createUnacknowledged, type Unacknowledged } from './unacknowledged.ts';

export interface NatsFeedLimits {
  /** A message that is not acknowledged for so long is delivered again; one that is worked on says so at a third of it. */
  readonly ackWaitMs: number;
  /** Messages held at once. */
  readonly maxAckPending: number;
  /** Messages asked for at once. */
  readonly pullMax: number;
  /** How long one request for messages waits. */
  readonly pullMs: number;
  /** How long nothing may come while the log goes on, before the consumer looks into the log itself; twice in a row. */
  readonly quietMs: number;
}

export const FEED_LIMITS: NatsFeedLimits = {
  ackWaitMs: 30_000,
  maxAckPending: 1_024,
  pullMax: 256,
  pullMs: 5_000,
  quietMs: 500,
};
/** The client ends a request of its own accord a little after it has run out; this ends one that does not. */
const PULL_GRACE_MS = 5_000;
const CLOSE_TIMEOUT_MS = 1_000;
const REBUILD = { attemptsMax: 0, delayMs: 250, delayMaxMs: 5_000, timeoutMs: 0 };
/** The stream is close behind the log when it tells what a consumer had from the log no longer ago than this. */
const CLOSE_BEHIND_MS = 500;

export interface NatsFeedDeps {
  readonly store: EventStore;
  readonly upcasters: Upcasters;
  readonly link: NatsLink;
  readonly settings: NatsStreamSettings;
  readonly limits: NatsFeedLimits;
  readonly log: Logger;
  /** Told what feeds do, for the metrics. */
  readonly counts: FeedCounts;
}

export interface FeedCounts {
  /** Events handed over that the stream had brought. */
  brought: number;
  /** Feeds that read the log because the stream does not bring it. */
  onLog: number;
  /** Times a durable consumer was sought and, if need be, made anew after it had failed. */
  rebuilt: number;
}

interface State extends NatsFeedDeps, FeedOptions {
  readonly changed: Signal;
  readonly held: Unacknowledged;
  /** Arrived and not handed over, in the order of arrival. */
  readonly inbox: Incoming[];
  readonly closing: AbortSignal;
  /** Everything up to here was handed over. */
  handed: bigint;
  /** How far the stream has come, as far as that is known since it last fell silent. */
  brought: bigint | undefined;
  /** Whether messages are asked for, as far as anybody knows. */
  attached: boolean;
  messages: ConsumerMessages | undefined;
}

/**
 * A consumer's events from its durable JetStream consumer. Each message says which event lies before it, so whatever the
 * stream has lost, dropped or not yet got is noticed and read from the log; when the stream is silent or away, the log is
 * followed instead until the stream has come close again. Messages are acknowledged when their event is finished.
 */
export const natsFeed =
  (deps: NatsFeedDeps): OpenFeed =>
  (options) => {
    const closing = new AbortController();
    setMaxListeners(0, closing.signal);
    const state: State = {
      ...deps,
      ...options,
      changed: createSignal(),
      held: createUnacknowledged(deps.limits.ackWaitMs),
      inbox: [],
      closing: closing.signal,
      handed: 0n,
      brought: undefined,
      attached: false,
      messages: undefined,
    };
    const pulling = pullForEver(state);
    return {
      follow: (after, { signal }) => follow(state, after, signal),
      finished: (position) => state.held.acknowledge(position),
      async close() {
        closing.abort();
        void state.messages?.close();
        await Promise.race([pulling, rest(CLOSE_TIMEOUT_MS, new AbortController().signal)]);
        state.held.giveBack();
      },
    } satisfies Feed;
  };

const isAttached = ({ attached, link }: State): boolean => attached && link.connected;

async function* follow(state: State, after: bigint, signal: AbortSignal): AsyncGenerator<readonly RecordedEvent[]> {
  state.handed = after;
  while (!isOver(signal)) {
    yield* fromLog(state, signal);
    if (!isOver(signal)) yield* fromStream(state, signal);
  }
}

/** After the engine has taken a batch in: what it did not begin, or has finished already, is acknowledged. */
function handedOver(state: State, events: readonly RecordedEvent[]): void {
  state.handed = events.at(-1)?.position ?? state.handed;
  let next = 0;
  for (const arrival of state.inbox) {
    if (arrival.position > state.handed) state.inbox[next++] = arrival;
    else if (!state.isOpen(arrival.position)) state.held.acknowledge(arrival.position);
  }
  state.inbox.length = next;
}

/** Follows the log until the stream has come close behind. */
async function* fromLog(state: State, signal: AbortSignal): AsyncGenerator<readonly RecordedEvent[]> {
  const near = new AbortController();
  const watching = new AbortController();
  let mark = { at: performance.now(), position: state.handed, before: state.handed };
  const isNear = (): boolean => isAttached(state) && state.brought !== undefined && state.brought >= mark.before;
  const watch = async (): Promise<void> => {
    while (!isOver(watching.signal)) {
      const seen = state.changed.count;
      if (isNear()) near.abort();
      handedOver(state, []);
      await state.changed.next(seen, { signal: watching.signal });
    }
  };
  state.counts.onLog += 1;
  const watched = watch();
  try {
    for await (const events of state.store.follow(state.handed, { signal: AbortSignal.any([signal, near.signal]) })) {
      yield events;
      handedOver(state, events);
      const now = performance.now();
      if (now - mark.at > CLOSE_BEHIND_MS) mark = { at: now, position: state.handed, before: mark.position };
      if (isNear()) return;
    }
  } finally {
    state.counts.onLog -= 1;
    watching.abort();
    await watched;
  }
}

/** What the stream brings, and from the log what it leaves out, until it brings nothing while the log goes on. */
async function* fromStream(state: State, signal: AbortSignal): AsyncGenerator<readonly RecordedEvent[]> {
  let progressAt = performance.now();
  let headSeen: bigint | undefined;
  while (!isOver(signal) && isAttached(state)) {
    const seen = state.changed.count;
    const events = await next(state);
    if (events.length > 0) {
      yield events;
      handedOver(state, events);
      progressAt = performance.now();
      headSeen = undefined;
      continue;
    }
    await state.changed.next(seen, { signal, timeoutMs: state.limits.quietMs });
    if (performance.now() - progressAt < state.limits.quietMs) continue;
    if (headSeen !== undefined && state.handed < headSeen) {
      state.brought = undefined;
      return;
    }
    const { position } = await state.store.head();
    headSeen = position > state.handed ? position : undefined;
    progressAt = performance.now();
  }
}

/** The events that follow on what was handed over: as far as they have arrived, or where one is missing, from the log. */
async function next(state: State): Promise<readonly RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  let last = state.handed;
  for (const { position, previous, event } of state.inbox) {
    if (position <= last) continue;
    if (previous > last || event === undefined) {
      if (events.length === 0) return state.store.readAll(state.handed, READ_PAGE);
      break;
    }
    events.push(event);
    last = position;
  }
  state.counts.brought += events.length;
  // What was handed over before is done with, or is held until it is.
  if (events.length === 0) handedOver(state, []);
  return events;
}

async function pullForEver(state: State): Promise<void> {
  const { closing, log, consumer, changed } = state;
  for (let failures = 0; !isOver(closing);) {
    try {
      await pull(state, () => {
        failures = 0;
      });
    } catch (error) {
      if (isOver(closing)) return;
      failures += 1;
      state.counts.rebuilt += 1;
      state.onFailure(error);
      log.warn({ err: error, consumer }, 'a JetStream consumer failed; building it again');
    }
    state.attached = false;
    changed.raise();
    await rest(delayAfter(REBUILD, failures + 1), closing);
  }
}

/** Asks for messages under the consumer's durable until something is wrong with it, or the connection breaks. */
async function pull(state: State, onMessages: () => void): Promise<void> {
  const { link, store, settings, limits, closing, consumer: name } = state;
  const connection = await link.connection(closing);
  if (connection === undefined) return;
  const stream = await ensureStream(connection, { store, settings });
  const told = await lastTold(stream, { store, settings });
  if (!told.ofThisLog) throw new Error('the stream holds events that the log does not; the relay empties it');
  const consumer = await ensureDurable(connection, stream, { consumer: name, durable: limits });
  state.brought = told.position;
  while (!isOver(closing) && link.connected) {
    state.messages = await consumer.fetch({ max_messages: limits.pullMax, expires: limits.pullMs });
    if (!state.attached) {
      state.attached = true;
      state.changed.raise();
    }
    const timer = setTimeout(() => void state.messages?.close(), limits.pullMs + PULL_GRACE_MS);
    try {
      for await (const message of state.messages) {
        arrive(state, message);
        onMessages();
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

function arrive(state: State, message: JsMsg): void {
  const arrival = fromMessage(message);
  if (arrival === undefined) {
    message.term();
    return;
  }
  state.held.hold(arrival.position, message);
  state.inbox.push(inCurrentShape(arrival, state.upcasters));
  if (arrival.position > (state.brought ?? -1n)) state.brought = arrival.position;
  state.changed.raise();
}

/** An event that this code cannot raise to its current shape is read from the log, which says why. */
function inCurrentShape(arrival: Incoming, upcasters: Upcasters): Incoming {
  if (arrival.event === undefined) return arrival;
  const event = upcast(upcasters, arrival.event);
  return { ...arrival, event: poisonOf(event) === undefined ? event : undefined };
}
