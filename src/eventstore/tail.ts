import { type Backoff, delayAfter, isOver, rest } from '../platform/backoff.ts';
import type { Logger } from '../platform/log.ts';
import { createSignal, type Signal } from '../platform/signal.ts';
import { READ_PAGE, type Head, type RecordedEvent } from './eventStore.ts';
import { createPageSizes, PAGE_FIRST, type PageSize } from './pageSize.ts';
import { createRecent, type Recent, type SizedEvent } from './recent.ts';

/** Longest time until the log is looked at without having been told, unless the source says otherwise. */
export const POLL_MS = 200;
/** While this process is appending itself, news from the database is most likely its own, and about to be offered. */
const OWN_NEWS_GRACE_MS = 2;
const RETRY: Backoff = { delayMs: 100, delayMaxMs: 5_000 };

/** Where the tail gets the log from. */
export interface TailSource {
  page(after: bigint, limit: number): Promise<readonly SizedEvent[]>;
  head(): Promise<Head>;
  /** No use in asking again: the follower is told. */
  isFatal(error: unknown): boolean;
  /** Whether this process has appends under way. */
  appending(): boolean;
  /** Longest time until the log is looked at without having been told. */
  readonly pollMs?: number;
  readonly log?: Logger | undefined;
}

export interface FollowOptions {
  readonly signal: AbortSignal;
  readonly limit?: number;
}

export interface Tail {
  follow(after: bigint, options: FollowOptions): AsyncIterable<readonly RecordedEvent[]>;
  /** Whether anybody follows. */
  readonly active: boolean;
  /** What has just been committed, in order of position: all there is after `follows` (see `Recent.add`). */
  offer(events: readonly SizedEvent[], follows?: bigint): void;
  /** The log may have grown, up to `position` if that is known. */
  wake(position?: bigint): void;
  close(): void;
}

/**
 * Serves every follower of this process from one reader: events near the head are parsed once and shared; whoever is
 * further behind pages through the table until it has caught up. Failures of the database are retried for ever.
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
    wake(position) {
      const isNews = (): boolean => position === undefined || recent.last === undefined || position > recent.last;
      if (!isNews()) return;
      if (position === undefined || !source.appending()) reader.asked.raise();
      else setTimeout(() => isNews() && reader.asked.raise(), OWN_NEWS_GRACE_MS);
    },
    close: () => closing.abort(),
  };
}

/** The one reader, and what followers see of it. */
interface Reader {
  readonly source: TailSource;
  readonly recent: Recent;
  readonly closing: AbortSignal;
  /** Rings when there may be something to read. */
  readonly asked: Signal;
  /** Rings when there is something to follow, or the reader has stopped. */
  readonly grown: Signal;
  followers: number;
  readonly pageSizes: ReturnType<typeof createPageSizes>;
  failure: Error | undefined;
  /** Runs while there are followers. */
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
      // What was asked for before this turn may have missed what was heard of since.
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
  /** Whether the next page has been asked for already. */
  readonly isAhead: boolean;
  after(last: bigint): Promise<RecordedEvent[]>;
  /** Asks for the page after this one, if that is far from the head and not remembered. */
  readOn(events: readonly RecordedEvent[]): void;
  end(): void;
}

/** For one follower that is behind: each page is read while the one before it is worked on. */
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
      // Whoever has come to what is remembered goes on from there.
      const isRemembered = (reader.recent.after(last, 1) ?? []).length > 0;
      if (isRemembered || events.length < Math.min(limit, PAGE_FIRST)) return;
      ahead = read(last);
      // It is awaited in the next turn; should nobody ask for one, its failure is nobody's affair.
      ahead.catch(() => undefined);
    },
    end: () => size.end(),
  };
}

/** From the table, however long it takes; empty when there is nothing, or when `signal` aborts. */
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
