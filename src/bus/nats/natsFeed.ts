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
  /** A message without acknowledgement for this long is delivered again, ms. A held message reports progress every third of it. */
  readonly ackWaitMs: number;
  /** Messages held at once, at most. */
  readonly maxAckPending: number;
  /** Messages per request. */
  readonly pullMax: number;
  /** How long one request for messages waits, ms. */
  readonly pullMs: number;
  /** After this long without events, ms, the log's head is checked. If the log has grown and it happens twice, the log is read. */
  readonly quietMs: number;
}

export const FEED_LIMITS: NatsFeedLimits = {
  ackWaitMs: 30_000,
  maxAckPending: 1_024,
  pullMax: 256,
  pullMs: 5_000,
  quietMs: 500,
};
/** The client should end a request soon after `pullMs`. A request that is still open after this grace is closed. */
const PULL_GRACE_MS = 5_000;
const CLOSE_TIMEOUT_MS = 1_000;
const REBUILD = { attemptsMax: 0, delayMs: 250, delayMaxMs: 5_000, timeoutMs: 0 };
/** The stream is close to the log when it has an event that the consumer read from the log about this long ago or later. */
const CLOSE_BEHIND_MS = 500;

export interface NatsFeedDeps {
  readonly store: EventStore;
  readonly upcasters: Upcasters;
  readonly link: NatsLink;
  readonly settings: NatsStreamSettings;
  readonly limits: NatsFeedLimits;
  readonly log: Logger;
  /** Counters for the metrics. */
  readonly counts: FeedCounts;
}

export interface FeedCounts {
  /** Events handed over that came from the stream. */
  brought: number;
  /** Feeds that read the log now, because the stream does not deliver. */
  onLog: number;
  /** How often a durable consumer was looked up, and if needed created, after a failure. */
  rebuilt: number;
}

interface State extends NatsFeedDeps, FeedOptions {
  readonly changed: Signal;
  readonly held: Unacknowledged;
  /** Messages that arrived and are not handed over, in order of arrival. */
  readonly inbox: Incoming[];
  readonly closing: AbortSignal;
  /** All events up to this position were handed over. */
  handed: bigint;
  /** Highest known position in the stream; undefined since the stream last fell silent. */
  brought: bigint | undefined;
  /** Whether messages are being requested. */
  attached: boolean;
  messages: ConsumerMessages | undefined;
}

/**
 * A feed from the consumer's durable JetStream consumer. Each message names the position before its event, so missing
 * messages are detected and their events read from the log. While the stream is silent or away, the feed follows the log,
 * until the stream is close to it again. Messages are acknowledged when their event is finished.
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

/** Call it after a batch was handed over. Acknowledges the messages of events that were not started or are finished. */
function handedOver(state: State, events: readonly RecordedEvent[]): void {
  state.handed = events.at(-1)?.position ?? state.handed;
  let next = 0;
  for (const arrival of state.inbox) {
    if (arrival.position > state.handed) state.inbox[next++] = arrival;
    else if (!state.isOpen(arrival.position)) state.held.acknowledge(arrival.position);
  }
  state.inbox.length = next;
}

/** Follows the log until the stream is close to it. */
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

/** Events from the stream, with missing ones from the log. Ends when the stream is silent while the log grows. */
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

/** The next events: those that arrived without a gap; if the first one is missing, a page from the log. */
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
  // Drop arrivals that were handed over before; unfinished ones stay held.
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

/** Fetches messages of the durable consumer until it fails or the connection breaks. */
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

/** Upcasts the event. If that fails, the event is left out, so that it is read from the log and its error is seen there. */
function inCurrentShape(arrival: Incoming, upcasters: Upcasters): Incoming {
  if (arrival.event === undefined) return arrival;
  const event = upcast(upcasters, arrival.event);
  return { ...arrival, event: poisonOf(event) === undefined ? event : undefined };
}
