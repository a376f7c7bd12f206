import { unavailable } from '../errors.ts';
import { APPEND_BYTES_MAX, type AppendResult } from './eventStore.ts';
import type { SerialisedEvent } from './serialise.ts';

export const BATCH_ITEMS_MAX = 512;
/** One append may be half of it, so that a batch always takes at least one. */
export const BATCH_BYTES_MAX = 2 * APPEND_BYTES_MAX;
export const QUEUE_ITEMS_MAX = 10_000;
export const QUEUE_BYTES_MAX = 64 * 1024 * 1024;
/** After this an append is answered `unavailable`, whatever became of it. */
export const APPEND_DEADLINE_MS = 10_000;

/** One append, as it waits for its batch. */
export interface AppendItem {
  readonly stream: string;
  readonly expected: bigint;
  readonly events: readonly SerialisedEvent[];
}

export interface PendingAppend extends AppendItem {
  readonly bytes: number;
  readonly deadlineAt: number;
  readonly resolve: (result: AppendResult) => void;
  readonly reject: (error: unknown) => void;
}

export interface PendingAppends {
  /** Waiting or under way. */
  readonly size: number;
  /** Refuses when too much is pending already. */
  add(item: AppendItem): Promise<AppendResult>;
  /** The next batch; empty when nothing waits. */
  take(): PendingAppend[];
  /** Those that are not answered yet. */
  open(items: readonly PendingAppend[]): PendingAppend[];
  resolve(item: PendingAppend, result: AppendResult): void;
  reject(item: PendingAppend, error: unknown): void;
  close(): void;
}

/** Every append that is not answered yet, in order; each is answered at the latest when its time is up. */
export function createPendingAppends({
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

  /** Whether it was still to be answered. */
  function settle(item: PendingAppend): boolean {
    if (!pending.delete(item)) return false;
    bytesPending -= item.bytes;
    return true;
  }

  function reject(item: PendingAppend, error: unknown): void {
    if (settle(item)) item.reject(error);
  }

  /** All have equal time, so the oldest is always the first to run out of it: one timer for all. */
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
        unavailable('LogUnavailable', 'The log did not answer in time; whether it was recorded is unknown.'),
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
        const item: PendingAppend = { stream, expected, events, bytes, deadlineAt, resolve, reject };
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

/** How many of these make one batch; at least one. */
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
