import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { createSession } from '../../platform/postgres/pool.ts';
import type { Range, RecordedEvent } from '../eventStore.ts';
import { recorded } from '../upcast.ts';

/** Bytes that are read ahead of the parser. */
const READ_AHEAD_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;
const TAB = 0x09;
const ZERO = 0x30;
/** Integers with at most this many digits are exact as JavaScript numbers. */
const SAFE_DIGITS = 15;

/** Makes Postgres read the log in index order, whatever the planner estimates. */
const READING = { enable_seqscan: 'off', enable_bitmapscan: 'off', enable_sort: 'off', jit: 'off' };

const listOf = (types: readonly string[]): string => types.map((type) => pg.escapeLiteral(type)).join(', ');

const isWanted = ({ types, known }: Range): string => {
  const wanted = `type IN (${listOf(types)})`;
  return known === undefined ? wanted : `(${wanted} OR type NOT IN (${listOf(known)}))`;
};

const copySql = (range: Range): string => `
  COPY (
    SELECT position, stream, revision, id, type, data, metadata FROM events
    WHERE position > ${range.after} AND position <= ${range.upTo} AND ${isWanted(range)}
    ORDER BY position
  ) TO STDOUT`;

/** The events of a range, a few hundred at a time, streamed by COPY over a connection of their own without a time limit. */
export async function* scanPostgres(url: string, range: Range): AsyncGenerator<readonly RecordedEvent[]> {
  const client = createSession({ url, name: 'log scan', statementTimeoutMs: 0, planner: READING });
  try {
    await client.connect();
    for await (const lines of copyLines(client, copySql(range))) yield parseLines(lines);
  } finally {
    // If the caller stops half-way, this cuts the connection in the middle of the COPY instead of reading to its end.
    await client.end().catch(() => undefined);
  }
}

/** The output of a COPY in buffers of whole lines, each line with its newline. */
export async function* copyLines(connection: pg.ClientBase, sql: string): AsyncGenerator<Buffer> {
  const stream = connection.query(copyTo(sql, { highWaterMark: READ_AHEAD_BYTES }));
  let rest: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end === 0) {
      rest.push(chunk);
      continue;
    }
    const lines = chunk.subarray(0, end);
    yield rest.length === 0 ? lines : Buffer.concat([...rest, lines]);
    rest = end < chunk.length ? [chunk.subarray(end)] : [];
  }
}

/** Parses COPY lines. Decodes each field from the bytes: a slice of one long string would keep the whole string in memory. */
function parseLines(lines: Buffer): RecordedEvent[] {
  const events: RecordedEvent[] = [];
  for (let at = 0; at < lines.length;) {
    const stream = lines.indexOf(TAB, at) + 1;
    const revision = lines.indexOf(TAB, stream) + 1;
    const id = lines.indexOf(TAB, revision) + 1;
    const type = lines.indexOf(TAB, id) + 1;
    const data = lines.indexOf(TAB, type) + 1;
    const metadata = lines.indexOf(TAB, data) + 1;
    const end = lines.indexOf(NEWLINE, metadata);
    events.push(
      recorded({
        position: integer(lines, at, stream - 1),
        stream: text(lines, stream, revision - 1),
        revision: integer(lines, revision, id - 1),
        id: lines.toString('latin1', id, type - 1),
        type: text(lines, type, data - 1),
        data: text(lines, data, metadata - 1),
        metadata: text(lines, metadata, end),
      }),
    );
    at = end + 1;
  }
  return events;
}

function integer(bytes: Buffer, from: number, to: number): bigint {
  if (to - from > SAFE_DIGITS) return BigInt(bytes.toString('latin1', from, to));
  let value = 0;
  for (let at = from; at < to; at += 1) value = value * 10 + bytes[at]! - ZERO;
  return BigInt(value);
}

/** The escape letters of COPY's text format. */
const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };
const ESCAPED = /\\(.)/gs;

function text(bytes: Buffer, from: number, to: number): string {
  const field = bytes.toString('utf8', from, to);
  return field.includes('\\') ? field.replace(ESCAPED, (_all, sign: string) => ESCAPES[sign] ?? sign) : field;
}
