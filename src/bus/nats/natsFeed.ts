import { READ_PAGE, type RecordedEvent } from '../../eventstore/eventStore.ts';
import { createStop, isOver, rest } from '../../platform/backoff.ts';
import { createSignal } from '../../platform/signal.ts';
import type { Feed, OpenFeed } from '../feed.ts';
import type { FeedState, NatsFeedDeps } from './feedState.ts';
import { pullForEver } from './pulling.ts';
import { createUnacknowledged } from './unacknowledged.ts';

/** The stream is close to the log when it has an event that the consumer read from the log about this long ago or later. */
const CLOSE_BEHIND_MS = 500;
const CLOSE_TIMEOUT_MS = 1_000;

/**
 * A feed from the consumer's durable JetStream consumer. Each message names the position before its event, so missing
 * messages are detected and their events read from the log. While the stream is silent or away, the feed follows the log,
 * until the stream is close to it again. Messages are acknowledged when their event is finished.
 */
export const natsFeed =
  (deps: NatsFeedDeps): OpenFeed =>
  (options) => {
    const closing = createStop();
    const state: FeedState = {
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

const isAttached = ({ attached, link }: FeedState): boolean => attached && link.connected;

async function* follow(state: FeedState, after: bigint, signal: AbortSignal): AsyncGenerator<readonly RecordedEvent[]> {
  state.handed = after;
  while (!isOver(signal)) {
    yield* fromLog(state, signal);
    if (!isOver(signal)) yield* fromStream(state, signal);
  }
}

/** Call it after a batch was handed over. Acknowledges the messages of events that were not started or are finished. */
function handedOver(state: FeedState, events: readonly RecordedEvent[]): void {
  state.handed = events.at(-1)?.position ?? state.handed;
  let next = 0;
  for (const arrival of state.inbox) {
    if (arrival.position > state.handed) state.inbox[next++] = arrival;
    else if (!state.isOpen(arrival.position)) state.held.acknowledge(arrival.position);
  }
  state.inbox.length = next;
}

/** Follows the log until the stream is close to it. */
async function* fromLog(state: FeedState, signal: AbortSignal): AsyncGenerator<readonly RecordedEvent[]> {
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
async function* fromStream(state: FeedState, signal: AbortSignal): AsyncGenerator<readonly RecordedEvent[]> {
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
async function next(state: FeedState): Promise<readonly RecordedEvent[]> {
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
