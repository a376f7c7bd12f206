import type { ConsumerMessages } from 'nats';
import type { EventStore } from '../../eventstore/eventStore.ts';
import type { Upcasters } from '../../eventstore/upcast.ts';
import type { Logger } from '../../platform/log.ts';
import type { Signal } from '../../platform/signal.ts';
import type { FeedOptions } from '../feed.ts';
import type { NatsStreamSettings } from './jetStream.ts';
import type { Incoming } from './message.ts';
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
