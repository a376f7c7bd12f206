import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

type Paint = (text: string) => string;

/** Control characters, and those that change the direction of text. */
const CONTROL = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

const coloured = (): boolean => process.stdout.isTTY && process.stdout.hasColors();
const paint =
  (on: number, off: number): Paint =>
  (text) =>
    coloured() ? `\u001b[${on}m${text}\u001b[${off}m` : text;

/** Styles text only on a terminal with colours; elsewhere the text stays plain. */
export const bold = paint(1, 22);
export const dim = paint(2, 22);
export const red = paint(31, 39);

/** Escapes control characters in untrusted text, so that it cannot move the cursor or hide a part of the line. */
export const clean = (text: string): string =>
  text.replace(CONTROL, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Any JSON value in one line. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return '–';
  return clean(typeof value === 'string' ? value : JSON.stringify(value));
}

const widthOf = (text: string): number => Array.from(text).length;
const padded = (text: string, width: number, right: boolean): string => {
  const space = ' '.repeat(Math.max(0, width - widthOf(text)));
  return right ? space + text : text + space;
};

export interface Column<Row> {
  readonly title: string;
  readonly right?: boolean;
  text(row: Row): string;
}

/** Rows under their titles, each column as wide as its widest text. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const lines = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map((column) => clean(column.text(row)))),
  ];
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => widthOf(line[at] ?? ''))));
  return lines
    .map((line, index) => {
      const cells = line.map((cell, at) => padded(cell, widths[at] ?? 0, columns[at]?.right === true));
      const text = cells.join('  ').trimEnd();
      return index === 0 ? bold(text) : text;
    })
    .join('\n');
}

/** Formats names and values as two columns. */
export function pairs(entries: readonly (readonly [name: string, value: string])[], indent = ''): string {
  const width = Math.max(0, ...entries.map(([name]) => widthOf(name)));
  return entries.map(([name, value]) => `${indent}${padded(name, width, false)}  ${value}`).join('\n');
}

/** Prints a long text piece by piece, no faster than it is read. Ends quietly when its reader has seen enough, as `head` has. */
export async function printAll(pieces: AsyncIterable<string>): Promise<void> {
  try {
    await pipeline(Readable.from(pieces), process.stdout, { end: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  }
}
