import type { Consumer, JsMsg } from 'nats';
import { poisonOf, upcast, type Upcasters } from '../../eventstore/upcast.ts';
import { delayAfter, isOver, rest } from '../../platform/backoff.ts';
import type { FeedState } from './feedState.ts';
import { ensureDurable, ensureStream, lastTold } from './jetStream.ts';
import { fromMessage, type Incoming } from './message.ts';

/** The client should end a request soon after `pullMs`. A request that is still open after this grace is closed. */
const PULL_GRACE_MS = 5_000;
const REBUILD = { attemptsMax: 0, delayMs: 250, delayMaxMs: 5_000, timeoutMs: 0 };

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

/** Ends the request under way as soon as its connection is broken: no message comes over it any more. */
async function endWhenBroken(state: FeedState, signal: AbortSignal): Promise<void> {
  const { link } = state;
  while (!isOver(signal)) {
    const seen = link.changed.count;
    if (!link.connected) void state.messages?.close();
    await link.changed.next(seen, { signal });
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
  const durable = await ensureDurable(connection, stream, { consumer: name, durable: limits });
  state.brought = told.position;
  const ended = new AbortController();
  void endWhenBroken(state, ended.signal);
  try {
    while (!isOver(closing) && link.connected) await pullOnce(state, durable, onMessages);
  } finally {
    ended.abort();
  }
}

async function pullOnce(state: FeedState, durable: Consumer, onMessages: () => void): Promise<void> {
  const { limits } = state;
  state.messages = await durable.fetch({ max_messages: limits.pullMax, expires: limits.pullMs });
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
