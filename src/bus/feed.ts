import type { EventStore } from '../eventstore/eventStore.ts';

/** A consumer's source of the log's events, while this process owns the consumer. */
export interface Feed {
  /** Like `EventStore.follow`: in log order, without end and without gaps, even when a broker fails. */
  follow(after: bigint, options: { readonly signal: AbortSignal }): ReturnType<EventStore['follow']>;
  /** Call it when the event at this position is handled, or stored elsewhere. */
  finished(position: bigint): void;
  /** Returns the unfinished messages to the broker. Never rejects. */
  close(): Promise<void>;
}

export interface FeedOptions {
  readonly consumer: string;
  /** Whether the event at this position, which was handed over before, is started and not finished. */
  isOpen(position: bigint): boolean;
  onFailure(error: unknown): void;
}

export type OpenFeed = (options: FeedOptions) => Feed;

/** A feed from the log itself. */
export const logFeed =
  (store: Pick<EventStore, 'follow'>): OpenFeed =>
  () => ({
    follow: (after, { signal }) => store.follow(after, { signal }),
    finished: () => undefined,
    close: () => Promise.resolve(),
  });
