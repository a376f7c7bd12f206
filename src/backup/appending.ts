import { setTimeout as delay } from 'node:timers/promises';
import { isRefusal } from '../errors.ts';
import {
  APPEND_BYTES_MAX,
  APPEND_EVENTS_MAX,
  type Append,
  type EventStore,
  type NewEvent,
} from '../eventstore/eventStore.ts';
import { type Backoff, delayAfter } from '../platform/backoff.ts';
import { failpoint } from '../platform/failpoint.ts';
import type { EventLine } from './format.ts';
import { newEventOf } from './readExport.ts';

/** Events and bytes in one batch, at most. */
const BATCH_EVENTS_MAX = 500;
const BATCH_BYTES_MAX = 4 * 1024 * 1024;
/** Attempts to write one batch, at most, while the log does not answer. */
const APPEND_ATTEMPTS_MAX = 10;
const RETRY: Backoff = { delayMs: 200, delayMaxMs: 5_000 };

interface AppendRun {
  readonly stream: string;
  readonly expected: bigint;
  readonly events: NewEvent[];
  bytes: number;
}

/**
 * Writes events in exactly the order in which they are taken. Adjacent events of one stream make one append. If the store can,
 * several appends are written at once. Rejects when a stream is not at the revision that the export expects.
 */
export function createOrderedAppends(store: EventStore) {
  let runs: AppendRun[] = [];
  let count = 0;
  let bytes = 0;

  async function flush(): Promise<void> {
    if (runs.length === 0) return;
    const batch = runs;
    runs = [];
    count = bytes = 0;
    if (store.appendInOrder !== undefined) await writeAtOnce(store.appendInOrder, batch);
    else for (const run of batch) await writeAtOnce(async ([one]) => [await appendOne(store, one!)], [run]);
    failpoint('import:appended');
  }

  const isRoomIn = (run: AppendRun | undefined, event: EventLine, size: number): run is AppendRun =>
    run?.stream === event.stream && run.events.length < APPEND_EVENTS_MAX && run.bytes + size <= APPEND_BYTES_MAX;

  return {
    flush,
    async take(event: EventLine, size: number): Promise<void> {
      const last = runs.at(-1);
      const full = count >= BATCH_EVENTS_MAX || bytes + size > BATCH_BYTES_MAX;
      if (!full && isRoomIn(last, event, size)) {
        last.events.push(newEventOf(event));
        last.bytes += size;
      } else {
        // One append per stream and batch: only then does the store keep their order.
        if (full || runs.some(({ stream }) => stream === event.stream)) await flush();
        runs.push({
          stream: event.stream,
          expected: BigInt(event.revision) - 1n,
          events: [newEventOf(event)],
          bytes: size,
        });
      }
      count += 1;
      bytes += size;
    },
  };
}

const appendOne = (store: EventStore, { stream, expected, events }: Append) => store.append(stream, expected, events);

type Write = NonNullable<EventStore['appendInOrder']>;

/** Writes a batch, with retries while the log does not answer. Appending the same events again changes nothing. */
async function writeAtOnce(write: Write, batch: readonly Append[]): Promise<void> {
  const results = await patiently(() => write(batch));
  batch.forEach(({ stream, expected, events }, index) => {
    const result = results[index]!;
    const found = result.outcome === 'appended' ? result.revision : result.actual;
    if (result.outcome === 'appended' && found === expected + BigInt(events.length)) return;
    throw new Error(`another process wrote to the log during the import: ${stream} is at ${found}, not at ${expected}`);
  });
}

async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isRefusal(error) || error.kind !== 'unavailable' || attempt >= APPEND_ATTEMPTS_MAX) throw error;
    }
    await delay(delayAfter(RETRY, attempt));
  }
}
