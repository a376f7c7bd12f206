import type { RecordedEvent } from '../eventstore/eventStore.ts';

/** The relay's checkpoint and lease. */
export const RELAY = 'relay';

/** One event handed to one consumer. */
export interface Delivery {
  readonly event: RecordedEvent;
  /** From 1. */
  readonly attempt: number;
  /** Aborts when the bus stops or the handler's time is up. */
  readonly signal: AbortSignal;
}

/** Who wants which events. `name` is the consumer's checkpoint, for ever. */
export interface Subscription {
  readonly name: string;
  readonly types: readonly string[];
  /** Resolves when the event's consequences are durable; a rejection is retried with backoff, then becomes a dead letter. */
  handle(delivery: Delivery): Promise<void>;
}

export interface RetryPolicy {
  readonly attemptsMax: number;
  /** First delay; doubles with each attempt, with jitter, up to `delayMaxMs`. */
  readonly delayMs: number;
  readonly delayMaxMs: number;
  /** How long one attempt may take before it counts as failed. */
  readonly timeoutMs: number;
}

export interface ConsumerStatus {
  readonly name: string;
  /** Every event up to here has been handled, or is a dead letter, or waits behind one. */
  readonly position: bigint;
  /** Events up to the head of the log, as `eventsBetween` counts them. */
  readonly lag: bigint;
  readonly inFlight: number;
  readonly deadLetters: number;
  readonly lastError?: string;
}

/**
 * Fans events out to consumers: at least once, in order per stream, streams side by side. Deduplicated by event id in
 * Postgres. An event that keeps failing becomes a dead letter: later events of its stream wait behind it, others go on.
 */
export interface Bus {
  subscribe(subscription: Subscription): void;
  start(): Promise<void>;
  status(): Promise<readonly ConsumerStatus[]>;
  /** Waits for what is in flight, up to a bound. */
  stop(): Promise<void>;
  /** What brings the events, if something besides the log does. Without it everything goes on, from the log. */
  readonly broker?: Broker;
}

export interface Broker {
  readonly name: string;
  /** Rejects when it does not answer. */
  ping(): Promise<void>;
  stats(): BrokerStats;
}

export interface BrokerStats {
  readonly connected: boolean;
  /** Events that the broker has brought, since this process began. */
  readonly brought: number;
  /** Consumers that read the log now, because the broker does not bring it. */
  readonly onLog: number;
  /** How often a consumer of the broker failed and was built again, since this process began. */
  readonly rebuilt: number;
}

/** CloudEvents 1.0 (JSON format): how an event looks outside. */
export interface CloudEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: '/cartulary';
  /** `cartulary.<category>.<EventType>`, also its subject on a broker. */
  readonly type: string;
  readonly subject: string;
  readonly time: string;
  readonly datacontenttype: 'application/json';
  readonly data: object;
  readonly sequence: string;
  readonly position: string;
  readonly correlationid: string;
  readonly causationid?: string;
  readonly commandid: string;
  readonly command: string;
  readonly actor: string;
  readonly schemaversion: number;
  readonly traceparent?: string;
}
