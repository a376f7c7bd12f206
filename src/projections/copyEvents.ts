import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import type { RecordedEvent } from '../eventstore/eventStore.ts';
import { recorded } from '../eventstore/upcast.ts';
import type { Connection } from '../postgres/pool.ts';

/** Bytes read ahead of the parser. */
const READ_AHEAD_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;
const TAB = 0x09;
const ZERO = 0x30;
/** Integers of no more digits than these are exact as numbers. */
const SAFE_DIGITS = 15;
const NO_BYTES: Buffer = Buffer.alloc(0);

export interface Range {
  readonly types: readonly string[];
  /** Exclusive. */
  readonly after: bigint;
  /** Inclusive. */
  readonly upTo: bigint;
}

const copySql = ({ types, after, upTo }: Range): string => `
  COPY (
    SELECT position, stream, revision, id, type, data, metadata FROM events
    WHERE position > ${after} AND position <= ${upTo} AND type IN (${types.map((type) => pg.escapeLiteral(type)).join(', ')})
    ORDER BY position
  ) TO STDOUT`;

/**
 * The events of these types in this range, in order, as fast as Postgres can tell them: streamed by COPY, some hundred at
 * a time. Whoever stops half way must throw the connection away.
 */
export async function* copyEvents(connection: Connection, range: Range): AsyncGenerator<readonly RecordedEvent[]> {
  for await (const lines of copyLines(connection, copySql(range))) yield parseLines(lines);
}

/** The lines of a COPY as they come: whole ones, each with its end. */
export async function* copyLines(connection: Connection, sql: string): AsyncGenerator<Buffer> {
  const stream = connection.query(copyTo(sql, { highWaterMark: READ_AHEAD_BYTES }));
  let rest = NO_BYTES;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    const lines = chunk.subarray(0, end);
    if (end > 0) yield rest.length === 0 ? lines : Buffer.concat([rest, lines]);
    rest = end === 0 ? Buffer.concat([rest, chunk]) : chunk.subarray(end);
  }
}

/** Fields are cut from the bytes, not from one long text: whoever keeps a small one would keep all of that. */
export function parseLines(lines: Buffer): RecordedEvent[] {
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

/** What COPY writes for a character that would end a field or a line. */
const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };
const ESCAPED = /\\(.)/gs;

function text(bytes: Buffer, from: number, to: number): string {
  const field = bytes.toString('utf8', from, to);
  return field.includes('\\') ? field.replace(ESCAPED, (_all, sign: string) => ESCAPES[sign] ?? sign) : field;
}
