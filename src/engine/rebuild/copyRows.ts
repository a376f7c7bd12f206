import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import type { Connection } from '../../platform/postgres/pool.ts';
import type { HeldRow } from '../project/apply.ts';
import type { Prepared } from '../project/validate.ts';
import type { ColumnType } from '../project/projection.ts';
import { textOf, Unsendable } from '../project/table.ts';

/** Characters sent at a time. */
const CHUNK_CHARS = 256 * 1024;
const NULL = '\\N';
const SPECIAL = /[\\\t\n\r]/;
const SPECIALS = /[\\\t\n\r]/g;
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

/** Types whose text may contain special characters. The check of the other types excludes them. */
const FREE: ReadonlySet<ColumnType> = new Set(['text', 'jsonb', 'tsvector']);

const escaped = (text: string): string =>
  SPECIAL.test(text) ? text.replace(SPECIALS, (sign) => ESCAPES[sign]!) : text;

/** Fills the table by COPY, after truncating it. `FREEZE` marks the rows as committed at once, so no later pass has to. */
export async function copyRows(
  connection: Connection,
  prepared: Prepared,
  { table, rows }: { table: string; rows: Iterable<HeldRow> },
): Promise<void> {
  const columns = [...prepared.columns.map(([column]) => column), 'revision', 'position'];
  const sql = `COPY ${table} (${columns.map((column) => `"${column}"`).join(', ')}) FROM STDIN WITH (FREEZE)`;
  await connection.query(`BEGIN; TRUNCATE ${table}`);
  try {
    await pipeline(Readable.from(chunks(prepared, rows)), connection.query(copyFrom(sql)));
    await connection.query('COMMIT');
  } catch (error) {
    await connection.query('ROLLBACK');
    throw error;
  }
}

function* chunks(prepared: Prepared, rows: Iterable<HeldRow>): Generator<Buffer> {
  let text = '';
  for (const held of rows) {
    if (held.row === undefined) continue;
    text += lineOf(prepared, held);
    if (text.length < CHUNK_CHARS) continue;
    yield Buffer.from(text);
    text = '';
  }
  if (text !== '') yield Buffer.from(text);
}

function lineOf({ columns }: Prepared, { row, revision, position }: HeldRow): string {
  let line = '';
  try {
    for (const [column, type] of columns) {
      const text = textOf(type, row![column]);
      line += `${text === null ? NULL : FREE.has(type) ? escaped(text) : text}\t`;
    }
  } catch (error) {
    throw new Unsendable(error);
  }
  return `${line}${revision}\t${position}\n`;
}
