import { readFileSync } from 'node:fs';
import path from 'node:path';

const PAGE = path.resolve(import.meta.dirname, '../../docs/reference/features.md');
const LINE = /^\| ([A-Z]+-\d+|AX\.\d+) +\| (.*?) +\| (.*?) +\| ([^|]+?) +\|$/gm;

/** What the last column of a row says that no test of features shows yet. */
const LATER = 'later';

/** A row of the page of features. */
export interface FeatureRow {
  readonly id: string;
  readonly what: string;
  readonly how: string;
  /** The files that show it; none when it is later. */
  readonly files: readonly string[];
}

export const rowsOf = (text: string): FeatureRow[] =>
  [...text.matchAll(LINE)].map(([, id = '', what = '', how = '', shown = '']) => ({
    ...{ id, what, how },
    files: shown === LATER ? [] : [...shown.matchAll(/`([^`]+)`/g)].map(([, file = '']) => file),
  }));

export const featureRows = (): FeatureRow[] => rowsOf(readFileSync(PAGE, 'utf8'));
