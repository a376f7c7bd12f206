import { setImmediate, setTimeout as delay } from 'node:timers/promises';
import { isRefusal, unavailable } from '../errors.ts';
import type { AppendResult } from './eventStore.ts';
import { createPendingAppends, type AppendItem, type PendingAppend } from './pendingAppends.ts';

const RETRY_DELAY_MS = 20;
const RETRY_DELAY_MAX_MS = 1_000;

export interface AppendQueue {
  append(item: AppendItem): Promise<AppendResult>;
  /** Items waiting or under way. */
  readonly size: number;
  /** Refuses what comes from now on and resolves when all that came before is answered. */
  close(): Promise<void>;
}

export interface AppendQueueOptions {
  /**
   * Writes a batch and answers each item for itself. Rejects with an `unavailable` refusal when it may or may not have
   * been written; it must therefore be idempotent by event ids. Any other rejection means that nothing was written.
   */
  readonly send: (items: readonly AppendItem[]) => Promise<readonly AppendResult[]>;
  readonly deadlineMs?: number | undefined;
  readonly itemsMax?: number | undefined;
}

/**
 * Group commit: appends that come while a batch is under way wait and go together in the next one. A batch whose outcome
 * is unknown is sent again until it is known or its items' time is up; one that fails is sent item by item, so that only
 * the bad item fails.
 */
export function createAppendQueue({ send, ...limits }: AppendQueueOptions): AppendQueue {
  const pending = createPendingAppends(limits);
  let writing: Promise<void> | undefined;
  let closed = false;

  async function run(): Promise<void> {
    for (;;) {
      // One turn of the loop, so that appends made side by side, or in answer to the last batch, go together.
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
      try {
        const results = await send(open);
        open.forEach((item, index) => pending.resolve(item, results[index]!));
        return;
      } catch (error) {
        if (!isRefusal(error) || error.kind !== 'unavailable') return isolate(open, error);
        const ms = Math.min(RETRY_DELAY_MS * 2 ** (failures - 1), RETRY_DELAY_MAX_MS);
        await delay(ms * (0.5 + Math.random() / 2));
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
