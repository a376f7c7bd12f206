import { blockedStreams, pendingRequests } from '../engine/follow/deadLetters.ts';
import type { Lease } from '../engine/follow/lease.ts';
import type { RecordedEvent } from '../eventstore/eventStore.ts';
import { isNewerVersion, knownOnly } from '../eventstore/newer.ts';
import { createSemaphore } from '../platform/semaphore.ts';
import type { Signals } from './attempts.ts';
import { createStop, delayAfter, isOver, rest } from '../platform/backoff.ts';
import type { Subscription } from './bus.ts';
import { type ConsumerDeps, doneAfter, type ConsumerRun, save, track } from './consumerRun.ts';
import { accept, begin, streamOfRun } from './streamQueues.ts';
import { createWindow, type Window } from './window.ts';

export interface ConsumeOptions {
  readonly subscription: Subscription;
  readonly lease: Lease;
  /** Asks for an orderly end. */
  readonly stop: AbortSignal;
  onBegin(window: Window): void;
  readonly onFailure: (error: unknown) => void;
}

const ABORT_GRACE_MS = 1_000;
const FOLLOW_RETRY = { delayMs: 100, delayMaxMs: 5_000 };

/** Handles events under this lease until `stop` aborts or the lease is lost. Rejects when a task of the run fails. */
export async function consume(deps: ConsumerDeps, options: ConsumeOptions): Promise<void> {
  const { lease, stop } = options;
  // Every running handler and every wait listens to these signals.
  const [halting, aborting] = [createStop(), createStop()];
  const failure: { error?: Error } = {};
  const run = createRun(deps, options, { halt: halting.signal, abort: aborting.signal }, (error) => {
    failure.error ??= error instanceof Error ? error : new Error(String(error));
    halting.abort();
  });
  const halt = (): void => halting.abort();
  const lose = (): void => {
    halting.abort();
    aborting.abort();
  };
  halting.signal.addEventListener('abort', () => run.wake?.(), { once: true });
  stop.addEventListener('abort', halt, { once: true });
  lease.lost.addEventListener('abort', lose, { once: true });
  if (stop.aborted) halt();
  if (lease.lost.aborted) lose();
  try {
    options.onBegin(run.window);
    await resume(run);
    track(run, poll(run));
    track(run, saveOften(run));
    await read(run);
  } catch (error) {
    run.fail(error);
  } finally {
    await settleDown(run, aborting);
    await run.feed.close();
    stop.removeEventListener('abort', halt);
    lease.lost.removeEventListener('abort', lose);
  }
  if (failure.error !== undefined) throw failure.error;
}

function createRun(
  deps: ConsumerDeps,
  options: ConsumeOptions,
  signals: Signals,
  fail: ConsumerRun['fail'],
): ConsumerRun {
  const { subscription, lease, onFailure } = options;
  const window = createWindow(lease.position);
  return {
    ...deps,
    ...signals,
    subscription,
    lease,
    window,
    feed: deps.openFeed({ consumer: subscription.name, isOpen: (position) => window.isOpen(position), onFailure }),
    permits: createSemaphore({ permits: deps.limits.handlersMax }),
    done: new Set(),
    streams: new Map(),
    tasks: new Set(),
    saving: Promise.resolve(),
    remembered: -1n,
    wake: undefined,
    onFailure,
    fail,
  };
}

/** Loads the events that earlier owners finished above the checkpoint, and resumes the streams that they left half-way. */
async function resume(run: ConsumerRun): Promise<void> {
  const { pool, subscription, lease } = run;
  for (const { id, position } of await doneAfter(pool, subscription.name, lease.position)) {
    run.done.add(id);
    if (position > run.remembered) run.remembered = position;
  }
  for (const { stream: name, dead } of await blockedStreams(pool, subscription.name)) {
    const stream = streamOfRun(run, name);
    stream.parked = true;
    if (!dead) begin(run, stream);
  }
}

async function read(run: ConsumerRun): Promise<void> {
  for (let failures = 0; !isOver(run.halt);) {
    try {
      for await (const events of knownOnly(run.feed.follow(run.window.read, { signal: run.halt }))) {
        failures = 0;
        await takeAll(run, events);
      }
    } catch (error) {
      if (isOver(run.halt)) return;
      // Another process may know the event, so this one gives its lease away.
      if (isNewerVersion(error)) throw error;
      run.onFailure(error);
      run.log.warn({ err: error, consumer: run.subscription.name }, 'following the log failed; following again');
    }
    failures += 1;
    await rest(delayAfter({ ...run.retry, ...FOLLOW_RETRY }, failures), run.halt);
  }
}

async function takeAll(run: ConsumerRun, events: readonly RecordedEvent[]): Promise<void> {
  for (const event of events) {
    if (isFull(run)) await room(run);
    if (run.halt.aborted) return;
    take(run, event);
  }
}

function take(run: ConsumerRun, event: RecordedEvent): void {
  if (event.position <= run.window.read) return;
  run.window.pass(event.position);
  if (run.subscription.types.includes(event.type) && !run.done.delete(event.id)) accept(run, event);
}

const isFull = ({ window, limits }: ConsumerRun): boolean =>
  window.unfinished >= limits.unfinishedMax || window.beyond >= limits.beyondMax;

async function room(run: ConsumerRun): Promise<void> {
  while (isFull(run) && !isOver(run.halt)) {
    await new Promise<void>((resolve) => {
      run.wake = resolve;
    });
  }
  run.wake = undefined;
}

async function poll(run: ConsumerRun): Promise<void> {
  while (!isOver(run.halt)) {
    await rest(run.limits.pollMs, run.halt);
    if (isOver(run.halt)) return;
    try {
      const asked = await pendingRequests(run.pool, [run.subscription.name]);
      for (const { stream: name } of asked) {
        const stream = streamOfRun(run, name);
        stream.parked = true;
        begin(run, stream);
      }
    } catch (error) {
      run.onFailure(error);
    }
  }
}

async function saveOften(run: ConsumerRun): Promise<void> {
  while (!run.halt.aborted) {
    await rest(run.limits.saveMs, run.halt);
    try {
      await save(run);
    } catch (error) {
      run.onFailure(error);
      run.log.warn({ err: error, consumer: run.subscription.name }, 'a consumer could not save its checkpoint');
    }
  }
}

/** Waits for handlers up to `stopMs`, then aborts them. Saves the progress, unless the lease is lost. */
async function settleDown(run: ConsumerRun, aborting: AbortController): Promise<void> {
  await idle(run, run.limits.stopMs, run.abort);
  aborting.abort();
  await idle(run, ABORT_GRACE_MS);
  if (!run.lease.lost.aborted) await save(run).catch((error: unknown) => run.onFailure(error));
}

async function idle(run: ConsumerRun, withinMs: number, giveUp?: AbortSignal): Promise<void> {
  const waiting = new AbortController();
  const stopWaiting = (): void => waiting.abort();
  giveUp?.addEventListener('abort', stopWaiting, { once: true });
  if (giveUp?.aborted === true) stopWaiting();
  await Promise.race([Promise.allSettled([...run.tasks]), rest(withinMs, waiting.signal)]);
  stopWaiting();
  giveUp?.removeEventListener('abort', stopWaiting);
}
