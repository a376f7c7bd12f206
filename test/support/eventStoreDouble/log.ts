import { randomUUID } from 'node:crypto';
import { createSignal, type Signal } from '../../../src/platform/signal.ts';

/** Size of a record without its data. Positions are file offsets, as on a real server. */
const RECORD_BYTES = 192;
export const NOBODY = -1n;

export interface ProposedRecord {
  readonly id: string;
  readonly type: string;
  readonly contentType: string;
  readonly data: Uint8Array;
  readonly metadata: Uint8Array;
}

export interface LogRecord extends ProposedRecord {
  readonly position: bigint;
  readonly stream: string;
  readonly revision: bigint;
  readonly createdMs: number;
}

export type Expected = bigint | 'any' | 'stream exists';

export type AppendAnswer =
  | { readonly outcome: 'appended'; readonly revision: bigint; readonly position: bigint }
  | { readonly outcome: 'wrong version'; readonly current: bigint };

export interface DoubleLog {
  /** All records, in order of position. */
  readonly all: readonly LogRecord[];
  readonly grown: Signal;
  stream(name: string): readonly LogRecord[];
  append(stream: string, expected: Expected, proposed: readonly ProposedRecord[]): AppendAnswer;
  /** Index in `all` of the first record at or after a position; undefined when the position is no record's boundary. */
  indexAt(position: bigint): number | undefined;
  /** Appends records of the server itself, such as statistics. */
  appendSystemRecords(count: number): void;
}

/**
 * A server's log, with its rules: an append is idempotent by event ids at an earlier explicit revision, but not at the stream's
 * current one. After every `systemRecordEvery` appends the server writes a record of its own (0: never).
 */
export function createDoubleLog(options: { systemRecordEvery?: number } = {}): DoubleLog {
  const { systemRecordEvery = 16 } = options;
  const all: LogRecord[] = [];
  const streams = new Map<string, LogRecord[]>();
  const grown = createSignal();
  let end = 0n;
  let appends = 0;

  const recordsOf = (name: string): LogRecord[] => streams.get(name) ?? [];

  function write(stream: string, proposed: readonly ProposedRecord[]): LogRecord {
    const records = recordsOf(stream);
    streams.set(stream, records);
    for (const event of proposed) {
      const record = { ...event, stream, position: end, revision: BigInt(records.length), createdMs: Date.now() };
      end += BigInt(RECORD_BYTES + event.data.length + event.metadata.length);
      all.push(record);
      records.push(record);
    }
    return records.at(-1)!;
  }

  function writeSystemRecord(): void {
    const data = Buffer.from('{"proc-cpu":1}');
    const metadata = new Uint8Array();
    const event = { id: randomUUID(), type: '$statsCollected', contentType: 'application/json', data, metadata };
    write('$stats-127.0.0.1:2113', [event]);
  }

  /** The last record of an earlier append of the same events, by the rules of the server; undefined without one. */
  function repeatedOf(records: readonly LogRecord[], after: bigint, proposed: readonly ProposedRecord[]) {
    const first = Number(after) + 1;
    const same = proposed.every(({ id }, index) => records[first + index]?.id === id);
    return same ? records[first + proposed.length - 1] : undefined;
  }

  function append(stream: string, expected: Expected, proposed: readonly ProposedRecord[]): AppendAnswer {
    const records = recordsOf(stream);
    const current = records.at(-1)?.revision ?? NOBODY;
    if (expected === 'stream exists' && current === NOBODY) return { outcome: 'wrong version', current };
    if (typeof expected === 'bigint' && expected !== current) {
      const repeated = expected < current ? repeatedOf(records, expected, proposed) : undefined;
      if (repeated === undefined) return { outcome: 'wrong version', current };
      return { outcome: 'appended', revision: repeated.revision, position: repeated.position };
    }
    const { revision, position } = write(stream, proposed);
    appends += 1;
    if (systemRecordEvery > 0 && appends % systemRecordEvery === 0) writeSystemRecord();
    grown.raise();
    return { outcome: 'appended', revision, position };
  }

  function indexAt(position: bigint): number | undefined {
    let [from, to] = [0, all.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (all[middle]!.position < position) from = middle + 1;
      else to = middle;
    }
    return position === end || all[from]?.position === position ? from : undefined;
  }

  // A server has written records of its own before the first client does.
  writeSystemRecord();
  return {
    all,
    grown,
    stream: recordsOf,
    append,
    indexAt,
    appendSystemRecords(count) {
      for (let n = 0; n < count; n += 1) writeSystemRecord();
      grown.raise();
    },
  };
}
