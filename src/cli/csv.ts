import { CsvError, parse } from 'csv-parse/sync';

/** A longer line is reported as a problem and not kept in memory. */
export const LINE_BYTES_MAX = 128 * 1024;
/** The most further lines of one record; a quote that stays open for longer is taken for a mistake. */
export const RECORD_LINES_MAX = 200;

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** A line of the file, numbered from 1, or its problem. */
type Line = { readonly number: number; readonly text: string } | { readonly number: number; readonly problem: string };

/** One record with the number of its first line, or the reason why that line makes none. */
export type CsvRecord =
  { readonly line: number; readonly fields: readonly string[] } | { readonly line: number; readonly problem: string };

/** Splits bytes into lines; holds at most one line in memory. */
async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Line> {
  let number = 1;
  let held: Buffer[] = [];
  let bytes = 0;
  const hold = (part: Buffer): void => {
    bytes += part.length;
    if (bytes > LINE_BYTES_MAX) held = [];
    else held.push(part);
  };
  const take = (): Line => {
    const line = bytes > LINE_BYTES_MAX ? tooLong(number) : decoded(number, Buffer.concat(held));
    number += 1;
    held = [];
    bytes = 0;
    return line;
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
      hold(chunk.subarray(from, end));
      yield take();
      from = end + 1;
    }
    if (from < chunk.length) hold(chunk.subarray(from));
  }
  if (bytes > 0) yield take();
}

const tooLong = (number: number): Line => ({ number, problem: `the line has more than ${LINE_BYTES_MAX} bytes` });

/** Also removes a byte order mark and the carriage return of a Windows line end. */
function decoded(number: number, line: Buffer): Line {
  const bytes = line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
  try {
    return { number, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return { number, problem: 'the line is not UTF-8' };
  }
}

const PROBLEMS: Readonly<Record<string, string>> = {
  INVALID_OPENING_QUOTE: 'a quote stands inside a field that is not quoted (quote the field, and write it twice)',
  CSV_INVALID_CLOSING_QUOTE: 'a quoted field goes on after its closing quote (a quote inside it is written twice)',
};
const OPEN = 'a quote is opened that is never closed';

type Parsed = { readonly fields: readonly string[] } | { readonly problem: string } | 'open';

function parsed(text: string): Parsed {
  try {
    const [fields = []] = parse(text, { relax_column_count: true });
    return { fields };
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const code: string = error.code;
    return code === 'CSV_QUOTE_NOT_CLOSED' ? 'open' : { problem: PROBLEMS[code] ?? error.message };
  }
}

/**
 * The records of a CSV file, each with the number of its first line; blank lines are skipped. A line that makes no record
 * is yielded with its problem, and reading goes on with the next line, even after a quote that is never closed.
 */
export async function* csvRecords(chunks: AsyncIterable<Buffer>): AsyncGenerator<CsvRecord> {
  const lines = linesOf(chunks);
  let ahead: Line[] = [];
  const next = async (): Promise<Line | undefined> => {
    const known = ahead.shift();
    if (known !== undefined) return known;
    const read = await lines.next();
    return read.done === true ? undefined : read.value;
  };

  for (let first = await next(); first !== undefined; first = await next()) {
    const { number: line } = first;
    if ('problem' in first) {
      yield { line, problem: first.problem };
      continue;
    }
    if (first.text.trim() === '') continue;
    const { found, taken } = await record(first.text, next);
    if (found !== 'open' && 'fields' in found) yield { line, fields: found.fields };
    else {
      ahead = [...taken, ...ahead];
      yield { line, problem: found === 'open' ? OPEN : found.problem };
    }
  }
}

/** Reads further lines while a quote is open; also returns the lines that it took. */
async function record(
  first: string,
  next: () => Promise<Line | undefined>,
): Promise<{ found: Parsed; taken: readonly Line[] }> {
  const taken: Line[] = [];
  let text = first;
  let found = parsed(text);
  while (found === 'open' && taken.length < RECORD_LINES_MAX && text.length < LINE_BYTES_MAX) {
    const more = await next();
    if (more === undefined) break;
    taken.push(more);
    if ('problem' in more) break;
    text += `\n${more.text}`;
    if (more.text.includes('"')) found = parsed(text);
  }
  return { found, taken };
}
