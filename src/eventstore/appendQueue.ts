import { setImmediate, setTimeout as delay } from 'node:timers/promises';
import { isOutcomeUnknown, isRefusal, Refusal, unavailable } from '../errors.ts';
import { type Backoff, delayAfter } from '../platform/backoff.ts';
import { APPEND_BYTES_MAX, type AppendResult } from './eventStore.ts';
import type { SerialisedEvent } from './serialise.ts';

const RETRY: Backoff = { delayMs: 20, delayMaxMs: 1_000 };

export interface AppendQueue {
  append(item: AppendItem): Promise<AppendResult>;
  /** Number of items that are waiting or being written. */
  readonly size: number;
  /** Refuses new items, and resolves when all earlier ones are answered. */
  close(): Promise<void>;
}

export interface AppendQueueOptions {
  /**
   * Writes a batch and returns one result per item. A rejection means that nothing was written, except `outcomeUnknown`. After
   * this and any other `unavailable` refusal the batch is sent again, so the write must be idempotent by event ids.
   */
  readonly send: (items: readonly AppendItem[]) => Promise<readonly AppendResult[]>;
  readonly deadlineMs?: number | undefined;
  readonly itemsMax?: number | undefined;
}

/**
 * Group commit: appends that arrive while a batch is being written go together in the next one. A batch with an unknown
 * outcome is sent again until the outcome is known or its items' deadlines pass. A batch that fails is sent again item by
 * item, so that only the bad item fails.
 */
export function createAppendQueue({ send, ...limits }: AppendQueueOptions): AppendQueue {
  const pending = createPendingAppends(limits);
  let writing: Promise<void> | undefined;
  let closed = false;

  async function run(): Promise<void> {
    for (;;) {
      // Wait one turn of the event loop, so that concurrent appends, or those caused by the last batch, go together.
      await setImmediate();
      const batch = pending.take();
      if (batch.length === 0) break;
      await write(batch);
    }
    writing = undefined;
  }

  async function write(batch: readonly PendingAppend[]): Promise<void> {
    for (let failures = 1; ; failures += 1) {
      const open = pending.open(batch);
      if (open.length === 0) return;
      const doubtful = open.map((item) => item.doubtful);
      open.forEach((item) => (item.doubtful = true));
      try {
        const results = await send(open);
        open.forEach((item, index) => pending.resolve(item, results[index]!));
        return;
      } catch (error) {
        if (!isOutcomeUnknown(error)) open.forEach((item, index) => (item.doubtful = doubtful[index]!));
        if (!isRefusal(error) || error.kind !== 'unavailable') return isolate(open, error);
        await delay(delayAfter(RETRY, failures));
      }
    }
  }

  async function isolate(items: readonly PendingAppend[], error: unknown): Promise<void> {
    if (items.length === 1) pending.reject(items[0]!, error);
    else for (const item of items) await write([item]);
  }

  return {
    append(item) {
      if (closed) return Promise.reject(unavailable('LogClosed', 'The log is closed.'));
      const appended = pending.add(item);
      writing ??= run();
      return appended;
    },
    get size() {
      return pending.size;
    },
    async close() {
      closed = true;
      await writing;
      pending.close();
    },
  };
}

export const BATCH_ITEMS_MAX = 512;
/** One append has at most half of this. */
export const BATCH_BYTES_MAX = 2 * APPEND_BYTES_MAX;
const QUEUE_ITEMS_MAX = 10_000;
const QUEUE_BYTES_MAX = 64 * 1024 * 1024;
/** After this many ms an append is refused. If it was sent, its outcome is unknown then. */
export const APPEND_DEADLINE_MS = 10_000;

/** One append that waits for its batch. */
export interface AppendItem {
  readonly stream: string;
  readonly expected: bigint;
  readonly events: readonly SerialisedEvent[];
}

interface PendingAppend extends AppendItem {
  readonly bytes: number;
  readonly deadlineAt: number;
  /** It was sent, and it is not known whether it was written. */
  doubtful: boolean;
  readonly resolve: (result: AppendResult) => void;
  readonly reject: (error: unknown) => void;
}

interface PendingAppends {
  /** Number of items that are waiting or being written. */
  readonly size: number;
  /** Adds an item. Refuses it (`unavailable`) when too many items or bytes are pending. */
  add(item: AppendItem): Promise<AppendResult>;
  /** The next batch; empty when nothing waits. */
  take(): PendingAppend[];
  /** The items of these that are not answered yet. */
  open(items: readonly PendingAppend[]): PendingAppend[];
  resolve(item: PendingAppend, result: AppendResult): void;
  reject(item: PendingAppend, error: unknown): void;
  close(): void;
}

/** The unanswered appends, in order. Each one is rejected (`unavailable`) when its deadline passes. */
function createPendingAppends({
  deadlineMs = APPEND_DEADLINE_MS,
  itemsMax = QUEUE_ITEMS_MAX,
}: {
  deadlineMs?: number | undefined;
  itemsMax?: number | undefined;
}): PendingAppends {
  const pending = new Set<PendingAppend>();
  let waiting: PendingAppend[] = [];
  let bytesPending = 0;
  let timer: NodeJS.Timeout | undefined;

  /** Removes the item. Returns false if it was answered already. */
  function settle(item: PendingAppend): boolean {
    if (!pending.delete(item)) return false;
    bytesPending -= item.bytes;
    return true;
  }

  function reject(item: PendingAppend, error: unknown): void {
    if (settle(item)) item.reject(error);
  }

  /** All items have the same time limit, so the oldest always expires first and one timer is enough. */
  function expire(): void {
    timer = undefined;
    for (const item of pending) {
      const left = item.deadlineAt - performance.now();
      if (left > 0) {
        timer = setTimeout(expire, left);
        return;
      }
      reject(
        item,
        item.doubtful ? outcomeUnknown() : unavailable('LogUnavailable', 'The log does not answer; try again.'),
      );
    }
  }

  const open = (items: readonly PendingAppend[]): PendingAppend[] => items.filter((item) => pending.has(item));

  return {
    get size() {
      return pending.size;
    },
    add({ stream, expected, events }) {
      const bytes = events.reduce((sum, event) => sum + event.bytes, 0);
      if (pending.size >= itemsMax || bytesPending + bytes > QUEUE_BYTES_MAX) {
        return Promise.reject(unavailable('LogOverloaded', 'Too many appends are waiting for the log; try again.'));
      }
      timer ??= setTimeout(expire, deadlineMs);
      const deadlineAt = performance.now() + deadlineMs;
      return new Promise((resolve, reject) => {
        const item: PendingAppend = { stream, expected, events, bytes, deadlineAt, doubtful: false, resolve, reject };
        pending.add(item);
        waiting.push(item);
        bytesPending += bytes;
      });
    },
    take() {
      const next = open(waiting);
      const count = fitting(next);
      waiting = next.slice(count);
      return next.slice(0, count);
    },
    open,
    resolve(item, result) {
      if (settle(item)) item.resolve(result);
    },
    reject,
    close: () => clearTimeout(timer),
  };
}

/** The refusal of a change that was sent to the log and not answered in time. Only a repeat under the same ids is safe. */
export const outcomeUnknown = (cause?: unknown): Refusal =>
  new Refusal(
    'unavailable',
    'OutcomeUnknown',
    'The log did not answer in time, so it is not known whether this was recorded. Look before you repeat it, or repeat it with the same Idempotency-Key.',
    { code: 'REQUEST_TIMEOUT', cause },
  );

/** The number of leading items that fit into one batch; at least one if there is any. */
function fitting(items: readonly PendingAppend[]): number {
  let bytes = 0;
  let count = 0;
  for (const item of items) {
    bytes += item.bytes;
    if (count === BATCH_ITEMS_MAX || (count > 0 && bytes > BATCH_BYTES_MAX)) break;
    count += 1;
  }
  return count;
}
