import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseEnv } from 'node:util';

/** `.env` cannot be understood, on this line. */
interface LineProblem {
  readonly line: number;
  readonly reason: string;
}

export interface DotEnv {
  readonly values: Readonly<Record<string, string | undefined>>;
  readonly problems: readonly LineProblem[];
  /** Names that are set more than once, so that only the last value counts. */
  readonly repeated: readonly string[];
}

const NONE: DotEnv = { values: {}, problems: [], repeated: [] };
const ASSIGNMENT = /^\s*(?:export\s+)?([\w.-]+)\s*=/;
const REMARK = /^\s*(?:#|$)/;
/** A quoted value, which may go on for several lines. */
const QUOTED = /=[ \t]*(["'`])[\s\S]*?\1/g;

/** Each line outside quoted values, by its number. */
const linesOf = (text: string): string[] =>
  text.replace(QUOTED, (value) => `=${'\n'.repeat(value.split('\n').length - 1)}`).split('\n');

/** Reads `.env` in a folder, whatever its line ends, and finds what the parser would pass over. No file means no values. */
export function readDotEnv(dir: string): DotEnv {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path.join(dir, '.env'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return NONE;
    throw error;
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes).replaceAll(/\r\n?/g, '\n');
  } catch {
    return { ...NONE, problems: [{ line: 1, reason: 'is not UTF-8' }] };
  }
  if (text.includes('\0')) return { ...NONE, problems: [{ line: 1, reason: 'is not UTF-8' }] };
  const problems: LineProblem[] = [];
  const seen = new Set<string>();
  const repeated = new Set<string>();
  linesOf(text).forEach((line, index) => {
    const name = ASSIGNMENT.exec(line)?.[1];
    if (name === undefined && !REMARK.test(line)) {
      problems.push({ line: index + 1, reason: 'sets nothing: write NAME=value, or # before a remark' });
    } else if (name !== undefined) (seen.has(name) ? repeated : seen).add(name);
  });
  return { values: parseEnv(text), problems, repeated: [...repeated] };
}
