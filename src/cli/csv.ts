import { CsvError, parse } from 'csv-parse/sync';

/** A longer line is reported as a problem and not kept in memory. */
export const LINE_BYTES_MAX = 128 * 1024;
/** The most further lines of one record; a quote that stays open for longer is taken for a mistake. */
export const RECORD_LINES_MAX = 200;

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** The first bytes of text in UTF-16, as spreadsheets write it. */
const UTF_16_MARKS = ['fffe', 'feff'];

/** A line of the file, numbered from 1, or its problem. */
type Line = { readonly number: number; readonly text: string } | { readonly number: number; readonly problem: string };

/** One record with the number of its first line, or the reason why that line makes none. */
export type CsvRecord =
  { readonly line: number; readonly fields: readonly string[] } | { readonly line: number; readonly problem: string };

/** The byte that ends the lines of a file: the first line says which. Old Macintosh programs end lines with CR alone. */
function endOf(beginning: Buffer): number {
  const end = beginning.findIndex((byte) => byte === LINE_FEED || byte === CARRIAGE_RETURN);
  const isBare = end >= 0 && beginning[end] === CARRIAGE_RETURN && beginning[end + 1] !== LINE_FEED;
  return isBare ? CARRIAGE_RETURN : LINE_FEED;
}

/** Yields the same bytes, the first chunk long enough to hold the end of the first line and the byte behind it. */
async function* withBeginning(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of chunks) {
    if (held === undefined) {
      yield chunk;
      continue;
    }
    held = Buffer.concat([held, chunk]);
    const end = held.findIndex((byte) => byte === LINE_FEED || byte === CARRIAGE_RETURN);
    if ((end < 0 || end === held.length - 1) && held.length <= LINE_BYTES_MAX) continue;
    yield held;
    held = undefined;
  }
  if (held !== undefined && held.length > 0) yield held;
}

/** Splits bytes into lines; holds at most one line in memory. */
async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Line> {
  let lineEnd: number | undefined;
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
  for await (const chunk of withBeginning(chunks)) {
    lineEnd ??= endOf(chunk);
    let from = 0;
    for (let end = chunk.indexOf(lineEnd); end >= 0; end = chunk.indexOf(lineEnd, from)) {
      hold(chunk.subarray(from, end));
      yield take();
      from = end + 1;
    }
    if (from < chunk.length) hold(chunk.subarray(from));
  }
  if (bytes > 0) yield take();
}

const SAVE_AS = 'save the file as CSV in UTF-8';
const UTF_16 = `the file is in UTF-16: ${SAVE_AS}`;

const tooLong = (number: number): Line => ({ number, problem: `the line has more than ${LINE_BYTES_MAX} bytes` });

/** Also removes a byte order mark and the carriage return of a Windows line end. */
function decoded(number: number, line: Buffer): Line {
  const bytes = line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
  if (UTF_16_MARKS.includes(line.subarray(0, 2).toString('hex'))) return { number, problem: UTF_16 };
  if (bytes.includes(0)) return { number, problem: `the line holds a NUL character; if it is UTF-16, ${SAVE_AS}` };
  try {
    return { number, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return { number, problem: `the line is not UTF-8: ${SAVE_AS}` };
  }
}

const PROBLEMS: Readonly<Record<string, string>> = {
  INVALID_OPENING_QUOTE: 'a quote stands inside a field that is not quoted (quote the field, and write it twice)',
  CSV_INVALID_CLOSING_QUOTE: 'a quoted field goes on after its closing quote (a quote inside it is written twice)',
};
const MIXED = 'a line end of another kind stands inside the line: give all lines of the file the same';
const OPEN = 'a quote is opened that is never closed';

type Parsed = { readonly fields: readonly string[] } | { readonly problem: string } | 'open';

export function parsed(text: string): Parsed {
  try {
    const [fields = [], ...more] = parse(text, { relax_column_count: true, record_delimiter: ['\n', '\r'] });
    // Lines were split at their ends already, so a second record comes of another kind of line end, outside quotes.
    return more.length > 0 ? { problem: MIXED } : { fields };
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const code: string = error.code;
    return code === 'CSV_QUOTE_NOT_CLOSED' ? 'open' : { problem: PROBLEMS[code] ?? error.message };
  }
}

/** Gives lines one after the other, and again from a place that it was at. */
function createCursor(lines: AsyncGenerator<Line>) {
  const held: Line[] = [];
  let at = 0;
  return {
    async next(): Promise<Line | undefined> {
      if (at === held.length) {
        const read = await lines.next();
        if (read.done === true) return undefined;
        held.push(read.value);
      }
      return held[at++];
    },
    /** Forgets the lines before this place. Only now and then, so that it costs next to nothing per line. */
    mark(): number {
      if (at > RECORD_LINES_MAX) {
        held.splice(0, at);
        at = 0;
      }
      return at;
    },
    goTo(place: number): void {
      at = place;
    },
  };
}

/**
 * The records of a CSV file, each with the number of its first line; blank lines are skipped. A line that makes no record
 * is yielded with its problem, and reading goes on with the next line, even after a quote that is never closed. `parse` is
 * for tests.
 */
export async function* csvRecords(chunks: AsyncIterable<Buffer>, parse = parsed): AsyncGenerator<CsvRecord> {
  const cursor = createCursor(linesOf(chunks));
  for (let first = await cursor.next(); first !== undefined; first = await cursor.next()) {
    const { number: line } = first;
    if ('problem' in first) {
      yield { line, problem: first.problem };
      continue;
    }
    if (first.text.trim() === '') continue;
    const second = cursor.mark();
    const found = await record(first.text, () => cursor.next(), parse);
    if (found !== 'open' && 'fields' in found) yield { line, fields: found.fields };
    else {
      cursor.goTo(second);
      yield { line, problem: found === 'open' ? OPEN : found.problem };
    }
  }
}

const quotesIn = (text: string): number => text.split('"').length - 1;

/**
 * Reads further lines while a quote is open. A quote is open exactly while the number of quotes is odd, so the text is parsed
 * again only when it is even, or when there are no more lines to take.
 */
async function record(first: string, next: () => Promise<Line | undefined>, parse: typeof parsed): Promise<Parsed> {
  const alone = parse(first);
  if (alone !== 'open') return alone;
  let text = first;
  let quotes = quotesIn(first);
  for (let taken = 0; taken < RECORD_LINES_MAX && text.length < LINE_BYTES_MAX; taken += 1) {
    const more = await next();
    if (more === undefined || 'problem' in more) break;
    text += `\n${more.text}`;
    quotes += quotesIn(more.text);
    if (quotes % 2 === 0) break;
  }
  return parse(text);
}
