import type { RecordedEvent } from '../eventstore/eventStore.ts';

/** Name of the relay's checkpoint and lease. */
export const RELAY = 'relay';

/** One event handed to one consumer. */
export interface Delivery {
  readonly event: RecordedEvent;
  /** From 1. */
  readonly attempt: number;
  /** Aborts when the bus stops or the handler's time is up. */
  readonly signal: AbortSignal;
}

/** A consumer and the events that it handles. `name` also names its checkpoint, so it must never change. */
export interface Subscription {
  readonly name: string;
  readonly types: readonly string[];
  /** Must resolve when the event's effects are durable. A rejection is retried with backoff, then makes a dead letter. */
  handle(delivery: Delivery): Promise<void>;
}

export interface RetryPolicy {
  readonly attemptsMax: number;
  /** First delay; doubles with each attempt, with jitter, up to `delayMaxMs`. */
  readonly delayMs: number;
  readonly delayMaxMs: number;
  /** Time limit of one attempt, ms. After it the attempt counts as failed. */
  readonly timeoutMs: number;
}

export interface ConsumerStatus {
  readonly name: string;
  /** Every event up to here is handled or parked. */
  readonly position: bigint;
  /** Events between the position and the head of the log, as `eventsBetween` counts them. */
  readonly lag: bigint;
  readonly inFlight: number;
  readonly deadLetters: number;
  readonly lastError?: string;
}

/**
 * Delivers events to consumers: at least once, in order per stream, streams in parallel. Handled events are remembered by id
 * in Postgres. An event that keeps failing becomes a dead letter: later events of its stream wait behind it, other streams
 * go on.
 */
export interface Bus {
  subscribe(subscription: Subscription): void;
  start(): Promise<void>;
  status(): Promise<readonly ConsumerStatus[]>;
  /** Waits for running handlers, up to a time limit. */
  stop(): Promise<void>;
  /** The message broker, if there is one. While it is away, events come from the log. */
  readonly broker?: Broker;
}

export interface Broker {
  readonly name: string;
  /** Rejects when it does not answer. */
  ping(): Promise<void>;
  stats(): BrokerStats;
}

interface BrokerStats {
  readonly connected: boolean;
  /** Events that came from the broker since this process started. */
  readonly brought: number;
  /** Consumers that read the log now, because the broker does not deliver. */
  readonly onLog: number;
  /** How often a consumer of the broker failed and was built again, since this process started. */
  readonly rebuilt: number;
}

/** An event's public form: CloudEvents 1.0 in JSON format. */
export interface CloudEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: '/cartulary';
  /** `cartulary.<category>.<EventType>`. */
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
