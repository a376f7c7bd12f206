import type { EventStore } from '../eventstore/eventStore.ts';

/** Where a consumer has the log's events from, while this process owns it. */
export interface Feed {
  /** As `EventStore.follow`: in log order, never ends by itself, never skips, whatever becomes of what brings them. */
  follow(after: bigint, options: { readonly signal: AbortSignal }): ReturnType<EventStore['follow']>;
  /** The consumer needs the event at this position no more: it is handled, or kept elsewhere. */
  finished(position: bigint): void;
  /** Gives back what was brought and not finished. Never rejects. */
  close(): Promise<void>;
}

export interface FeedOptions {
  readonly consumer: string;
  /** Whether the event at this position, handed over before, is begun and not finished. */
  isOpen(position: bigint): boolean;
  onFailure(error: unknown): void;
}

export type OpenFeed = (options: FeedOptions) => Feed;

/** The log itself. */
export const logFeed =
  (store: Pick<EventStore, 'follow'>): OpenFeed =>
  () => ({
    follow: (after, { signal }) => store.follow(after, { signal }),
    finished: () => undefined,
    close: () => Promise.resolve(),
  });
