import type { ConsumerMessages, JsMsg } from 'nats';
import type { EventStore } from '../../eventstore/eventStore.ts';
import { poisonOf, upcast, type Upcasters } from '../../eventstore/upcast.ts';
import { delayAfter, isOver, rest } from '../../platform/backoff.ts';
import type { Logger } from '../../platform/log.ts';
import type { Signal } from '../../platform/signal.ts';
import type { FeedOptions } from '../feed.ts';
import { ensureDurable, ensureStream, lastTold, type NatsStreamSettings } from './jetStream.ts';
import { fromMessage, type Incoming } from './message.ts';
import type { NatsLink } from './natsConnection.ts';
import type { Unacknowledged } from './unacknowledged.ts';

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
const REBUILD = { attemptsMax: 0, delayMs: 250, delayMaxMs: 5_000, timeoutMs: 0 };

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

/** A feed, as its two halves share it: pulling puts messages into the inbox, the feed hands their events over. */
export interface FeedState extends NatsFeedDeps, FeedOptions {
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

/** Fetches messages until the feed closes, and starts again after each failure. */
export async function pullForEver(state: FeedState): Promise<void> {
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
async function pull(state: FeedState, onMessages: () => void): Promise<void> {
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

function arrive(state: FeedState, message: JsMsg): void {
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
