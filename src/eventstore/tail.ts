import { type Backoff, delayAfter, isOver, rest } from '../platform/backoff.ts';
import type { Logger } from '../platform/log.ts';
import { createSignal, type Signal } from '../platform/signal.ts';
import { READ_PAGE, type Head, type RecordedEvent } from './eventStore.ts';
import { createPageSizes, PAGE_FIRST, type PageSize } from './pageSize.ts';
import { createRecent, type Recent, type SizedEvent } from './recent.ts';

/** Default poll interval: without a wake-up the log is read again after this. */
export const POLL_MS = 200;
/** While this process appends, a notification is probably about its own events, which are about to be offered. */
const OWN_NEWS_GRACE_MS = 2;
const RETRY: Backoff = { delayMs: 100, delayMaxMs: 5_000 };

/** The log, as the tail reads it. */
export interface TailSource {
  page(after: bigint, limit: number): Promise<readonly SizedEvent[]>;
  head(): Promise<Head>;
  /** True when a retry cannot help. The followers then fail with the error. */
  isFatal(error: unknown): boolean;
  /** Whether this process has unfinished appends. */
  appending(): boolean;
  /** Poll interval, ms. Default: `POLL_MS`. */
  readonly pollMs?: number;
  readonly log?: Logger | undefined;
}

interface FollowOptions {
  readonly signal: AbortSignal;
  readonly limit?: number;
}

export interface Tail {
  follow(after: bigint, options: FollowOptions): AsyncIterable<readonly RecordedEvent[]>;
  /** Whether there are followers. */
  readonly active: boolean;
  /** Gives the tail the events that were just committed, in order of position: all events after `follows` (see `Recent.add`). */
  offer(events: readonly SizedEvent[], follows?: bigint): void;
  /**
   * Forgets the events in memory. Another server may stand at the same address after a lost connection: a standby that has taken over,
   * without the last events.
   */
  forget(): void;
  /** Wakes the reader: the log may have grown, up to `position` if known. */
  wake(position?: bigint): void;
  close(): void;
}

/**
 * Serves all followers of this process from one reader. Events near the head are parsed once and shared. Followers that are
 * further behind read pages of the log until they have caught up. Database failures are retried without limit.
 */
export function createTail(source: TailSource): Tail {
  const recent = createRecent();
  const closing = new AbortController();
  const reader = createReader(source, recent, closing.signal);
  return {
    follow: (after, options) => followRecent(reader, after, options),
    get active() {
      return reader.followers > 0;
    },
    offer(events, follows) {
      if (recent.add(events, follows)) reader.grown.raise();
      else if (events.length > 0) reader.asked.raise();
    },
    forget() {
      recent.clear();
      reader.asked.raise();
      reader.grown.raise();
    },
    wake(position) {
      const isNews = (): boolean => position === undefined || recent.last === undefined || position > recent.last;
      if (!isNews()) return;
      if (position === undefined || !source.appending()) reader.asked.raise();
      else setTimeout(() => isNews() && reader.asked.raise(), OWN_NEWS_GRACE_MS);
    },
    close: () => closing.abort(),
  };
}

/** The reader's state, shared with the followers. */
interface Reader {
  readonly source: TailSource;
  readonly recent: Recent;
  readonly closing: AbortSignal;
  /** Rings when the log may have new events. */
  readonly asked: Signal;
  /** Rings when followers have new events to take, or the reader has stopped. */
  readonly grown: Signal;
  followers: number;
  readonly pageSizes: ReturnType<typeof createPageSizes>;
  failure: Error | undefined;
  /** Starts the reader, if it is not running. It runs while there are followers. */
  ensure(): void;
}

function createReader(source: TailSource, recent: Recent, closing: AbortSignal): Reader {
  let running = false;
  const reader: Reader = {
    source,
    recent,
    closing,
    asked: createSignal(),
    grown: createSignal(),
    followers: 0,
    pageSizes: createPageSizes(),
    failure: undefined,
    ensure() {
      if (running) return;
      running = true;
      reader.failure = undefined;
      void readWhileFollowed(reader).finally(() => {
        running = false;
        recent.clear();
        reader.grown.raise();
      });
    },
  };
  return reader;
}

async function readWhileFollowed(reader: Reader): Promise<void> {
  const { source, recent, closing, asked, grown } = reader;
  let failures = 0;
  while (reader.followers > 0 && !closing.aborted) {
    try {
      if (recent.last === undefined) {
        recent.begin((await source.head()).position);
        grown.raise();
      }
      const seen = asked.count;
      const after = recent.last!;
      const found = await source.page(after, READ_PAGE);
      if (recent.add(found, after)) grown.raise();
      failures = 0;
      if (found.length < READ_PAGE) await asked.next(seen, { signal: closing, timeoutMs: source.pollMs ?? POLL_MS });
    } catch (error) {
      if (source.isFatal(error)) {
        reader.failure = error as Error;
        return;
      }
      failures += 1;
      await pause(reader, { failures, error, signal: closing });
    }
  }
}

async function* followRecent(
  reader: Reader,
  after: bigint,
  options: FollowOptions,
): AsyncGenerator<readonly RecordedEvent[]> {
  const { recent, grown } = reader;
  const signal = AbortSignal.any([options.signal, reader.closing]);
  const limit = options.limit ?? READ_PAGE;
  const pages = createPages(reader, { signal, limit });
  let last = after;
  reader.followers += 1;
  try {
    while (!signal.aborted) {
      reader.ensure();
      const seen = grown.count;
      const { isAhead } = pages;
      const known = isAhead ? undefined : recent.after(last, limit);
      const events = known ?? (await pages.after(last));
      if (reader.failure !== undefined) throw reader.failure;
      // A page that was requested before this turn may miss newer events, so an empty one does not mean "wait".
      if (events.length === 0 && !isAhead) await grown.next(seen, { signal });
      if (events.length === 0) continue;
      last = events.at(-1)!.position;
      if (known === undefined) pages.readOn(events);
      yield events;
    }
  } finally {
    pages.end();
    reader.followers -= 1;
    if (reader.followers === 0) reader.asked.raise();
  }
}

interface Pages {
  /** Whether the next page is being read already. */
  readonly isAhead: boolean;
  after(last: bigint): Promise<RecordedEvent[]>;
  /** Starts to read the next page, if this one was full and the next events are not in memory. */
  readOn(events: readonly RecordedEvent[]): void;
  end(): void;
}

/** Pages for one follower that is behind. Reads the next page while the follower works on the current one. */
function createPages(reader: Reader, { signal, limit }: { signal: AbortSignal; limit: number }): Pages {
  const size = reader.pageSizes.upTo(limit);
  const read = (last: bigint): Promise<RecordedEvent[]> => pageUntilAnswered(reader, last, { signal, size });
  let ahead: Promise<RecordedEvent[]> | undefined;
  return {
    get isAhead() {
      return ahead !== undefined;
    },
    after(last) {
      const page = ahead ?? read(last);
      ahead = undefined;
      return page;
    },
    readOn(events) {
      const last = events.at(-1)!.position;
      // Once the follower has reached the events in memory, it takes those.
      const isRemembered = (reader.recent.after(last, 1) ?? []).length > 0;
      if (isRemembered || events.length < Math.min(limit, PAGE_FIRST)) return;
      ahead = read(last);
      // The page is awaited in the next turn. If the follower stops before that, its failure does not matter.
      ahead.catch(() => undefined);
    },
    end: () => size.end(),
  };
}

/** Reads a page from the log, with retries without limit. Empty when there are no events, or when `signal` aborts. */
async function pageUntilAnswered(
  reader: Reader,
  last: bigint,
  { signal, size }: { signal: AbortSignal; size: PageSize },
): Promise<RecordedEvent[]> {
  for (let failures = 1; !signal.aborted; failures += 1) {
    try {
      const page = await reader.source.page(last, size.events);
      size.read(page);
      return isOver(signal) ? [] : page.map(({ event }) => event);
    } catch (error) {
      if (reader.source.isFatal(error)) throw error;
      await pause(reader, { failures, error, signal });
    }
  }
  return [];
}

async function pause(
  { source }: Reader,
  { failures, error, signal }: { failures: number; error: unknown; signal: AbortSignal },
): Promise<void> {
  source.log?.warn({ err: error, failures }, 'the log cannot be followed; trying again');
  await rest(delayAfter(RETRY, failures), signal);
}
