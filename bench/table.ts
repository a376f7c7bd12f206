import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import type { BenchRow } from './row.ts';

const BEGIN = '<!-- performance:begin -->\n';
const END = '<!-- performance:end -->';

/** Rounds to three digits, or to a whole number from 100 on. */
export const rounded = (value: number): string =>
  Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);

const target = ({ atLeast, atMost }: BenchRow): string =>
  atLeast !== undefined ? `≥ ${atLeast}` : atMost !== undefined ? `≤ ${atMost}` : '–';
export const met = ({ ratio, atLeast, atMost }: BenchRow): boolean =>
  (atLeast === undefined || ratio >= atLeast) && (atMost === undefined || ratio <= atMost);

const hasAim = ({ atLeast, atMost }: BenchRow): boolean => atLeast !== undefined || atMost !== undefined;
const metText = (row: BenchRow): string => (!hasAim(row) ? '–' : met(row) ? 'yes' : '**no**');
const spread = ({ ratios }: BenchRow): string =>
  ratios.length < 2 ? '–' : `${rounded(Math.min(...ratios))} to ${rounded(Math.max(...ratios))}`;

/** The table in Markdown. The spread of a row is the least and the most of its rounds. */
export function table(rows: readonly BenchRow[]): string {
  const lines = rows.map((row) => {
    const cells = [row.what, row.against, rounded(row.ratio), spread(row), target(row), metText(row), row.details];
    return `| ${cells.join(' | ')} |`;
  });
  const head = ['| what | against | ratio | spread | aim | met | figures |', '|---|---|---|---|---|---|---|'];
  return [...head, ...lines].join('\n');
}

export const machine = (): string =>
  `Node ${process.versions.node}, ${os.cpus().length} cores (${os.cpus()[0]?.model.trim() ?? 'unknown'}), ${os.type()}; everything, load included, on this one machine.`;

/** Replaces the part of a page between the markers. The rest stays. */
export function between(page: string, content: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END, begin);
  if (begin < 0 || end < 0)
    throw new Error(`it has no place for the table: ${BEGIN.trim()} and ${END}, on lines of their own`);
  return `${page.slice(0, begin + BEGIN.length)}${content}\n${page.slice(end)}`;
}

/** A page that takes the table. Throws when the file does not exist or lacks the markers. */
export function pageFor(file: string): { write(content: string): void } {
  const replaced = (content: string): string => {
    if (!existsSync(file)) throw new Error(`${file} is not there: write the page first, then its table.`);
    try {
      return between(readFileSync(file, 'utf8'), content);
    } catch (error) {
      throw new Error(`${file}: ${(error as Error).message}`, { cause: error });
    }
  };
  replaced('');
  return { write: (content) => writeFileSync(file, replaced(content)) };
}
