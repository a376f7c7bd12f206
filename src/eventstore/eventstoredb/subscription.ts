import { START, streamNameFilter, type AllStreamSubscription, type ResolvedEvent } from '@eventstore/db-client';
import { type Backoff, delayAfter, isOver, rest } from '../../platform/backoff.ts';
import type { Logger } from '../../platform/log.ts';
import type { RecordedEvent } from '../eventStore.ts';
import type { Connection } from './client.ts';
import { eventOf, isOurs, OURS_REGEX, toRecorded } from './wireEvents.ts';

const RETRY: Backoff = { delayMs: 50, delayMaxMs: 5_000 };
/** The end of a subscription that lasted this long does not count as a further failure in a row. */
const STABLE_MS = 60_000;
/** How long a subscription may fail to report an event that is known to exist. */
const SILENCE_MS = 5_000;

export interface EventStoreDbSubscription {
  start(): void;
  /** An event is known to be at this position. If the subscription does not report it in time, it is restarted. */
  expect(position: bigint): void;
  close(): Promise<void>;
}

export interface SubscriptionOptions {
  readonly reader: Connection;
  /** The position to start from. */
  readonly head: () => Promise<bigint>;
  /** Gets all our events after position `follows`, in order. */
  readonly onEvents: (events: readonly RecordedEvent[], follows: bigint) => void;
  /** Called when the subscription has ended and starts again. Meanwhile the log may have new events to read. */
  readonly onGap: () => void;
  readonly silenceMs?: number | undefined;
  readonly log?: Logger | undefined;
}

/**
 * Follows the whole log from its head on, until closed. When a subscription ends (with or without an error, or because it
 * was silent), the next one starts after the last reported event.
 */
export function createEventStoreDbSubscription(options: SubscriptionOptions): EventStoreDbSubscription {
  const { head, onGap, silenceMs = SILENCE_MS, log } = options;
  const closing = new AbortController();
  let running: Promise<void> | undefined;
  let last: bigint | undefined;
  let current = new AbortController();
  let watchdog: NodeJS.Timeout | undefined;

  async function listenOnce(): Promise<void> {
    last ??= await head();
    current = new AbortController();
    const signal = AbortSignal.any([closing.signal, current.signal]);
    const onTold = (position: bigint): bigint => (last = position);
    await listen(options, { from: last, signal, onTold });
  }

  async function run(): Promise<void> {
    for (let failures = 0; !closing.signal.aborted;) {
      const [began, from] = [performance.now(), last];
      const failure = await listenOnce().catch((error: unknown) => error);
      if (isOver(closing.signal)) return;
      const fared = last !== from || performance.now() - began > STABLE_MS;
      failures = fared ? 1 : failures + 1;
      const place = { failures, after: String(last) };
      log?.warn({ err: failure, ...place }, 'the subscription to the log ended; subscribing again');
      onGap();
      await rest(delayAfter(RETRY, failures), closing.signal);
    }
  }

  return {
    start() {
      running ??= run();
    },
    expect(position) {
      if (running === undefined || watchdog !== undefined || last === undefined || last >= position) return;
      watchdog = setTimeout(() => {
        watchdog = undefined;
        const silent = last !== undefined && last < position;
        if (silent) current.abort(new Error(`nothing came for ${silenceMs} ms, though the log has grown`));
      }, silenceMs);
    },
    async close() {
      closing.abort();
      clearTimeout(watchdog);
      await running;
    },
  };
}

interface Listening {
  readonly from: bigint;
  readonly signal: AbortSignal;
  readonly onTold: (position: bigint) => void;
}

function open(reader: Connection, from: bigint): Promise<AllStreamSubscription> {
  const fromPosition = from === 0n ? START : { commit: from, prepare: from };
  // The server's checkpoints are not used: one may be beyond events that were not reported yet.
  const filter = streamNameFilter({ regex: OURS_REGEX });
  return reader.call((client) => Promise.resolve(client.subscribeToAll({ fromPosition, filter })));
}

/** Runs one subscription. Resolves when it has ended by itself, rejects when it has failed or `signal` aborts. */
async function listen({ reader, onEvents }: SubscriptionOptions, { from, signal, onTold }: Listening): Promise<void> {
  const subscription = await open(reader, from);
  let told = from;
  let waiting: RecordedEvent[] = [];

  /** Passes on, as one batch, the events that came in one turn of the event loop. */
  function flush(): void {
    const events = waiting;
    const follows = told;
    waiting = [];
    if (signal.aborted) return;
    told = events.at(-1)!.position;
    onTold(told);
    onEvents(events, follows);
  }

  function take(resolved: ResolvedEvent): void {
    const wire = eventOf(resolved);
    if (wire === undefined || !isOurs(wire)) return;
    const event = toRecorded(wire);
    if (event.position <= (waiting.at(-1)?.position ?? told)) return;
    if (waiting.length === 0) setImmediate(flush);
    waiting.push(event);
  }

  try {
    await new Promise<void>((resolve, reject) => {
      // Attach these handlers at once: the client emits `error` even without a listener.
      subscription.on('error', reject).on('end', resolve).on('close', resolve);
      const stop = (): void => reject(new Error('told to stop', { cause: signal.reason }));
      signal.addEventListener('abort', stop, { once: true });
      subscription.on('data', (resolved: ResolvedEvent) => {
        try {
          take(resolved);
        } catch (error) {
          subscription.destroy(error as Error);
        }
      });
      if (signal.aborted) stop();
    });
  } finally {
    void subscription.unsubscribe().catch(() => undefined);
    subscription.destroy();
  }
}
