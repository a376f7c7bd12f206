import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { ROOT } from './process.ts';

const MOCHA = path.join(ROOT, 'node_modules/mocha/bin/mocha.js');
const GROUP_TIMEOUT_MS = 15 * 60_000;
/** How long a group may still run after it has printed its result. One that runs on has left something open. */
const LINGER_MS = 20_000;
const INTERRUPT_MS = 8_000;
const POLL_MS = 50;
/** How many characters of a group's failures are repeated at the end, which may be all that is kept of a run's log. */
const FAILURE_CHARS_MAX = 6_000;

/** Specs that one process of Mocha runs. */
export interface Group {
  readonly name: string;
  readonly files: readonly string[];
}

export interface Result {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  readonly seconds: number;
  readonly remark: string | undefined;
  /** Mocha's text about each failure. */
  readonly failures: string | undefined;
}

const live = new Set<ChildProcess>();

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  } catch {
    // The process has already ended.
  }
}

const lastNumber = (text: string, word: string): number | undefined => {
  const plain = stripVTControlCharacters(text);
  const found = [...plain.matchAll(new RegExp(`^ {2}(\\d+) ${word}\\b`, 'gm'))].at(-1)?.[1];
  return found === undefined ? undefined : Number(found);
};

const toldNumber = (text: string, word: string): number => lastNumber(text, word) ?? 0;

/** A group that exits with an error but reports no failure counts as one failure. */
function resultOf(
  group: Group,
  output: string,
  ended: { code: number | null; late: string | undefined; ms: number },
): Result {
  const passed = lastNumber(output, 'passing');
  const told = toldNumber(output, 'failing') + toldNumber(output, 'pending');
  const broken = passed === undefined ? 'it ended without a result' : undefined;
  const crashed = ended.code === 0 || told > 0 ? undefined : `it ended with ${ended.code ?? 'a signal'}`;
  const remark = ended.late ?? broken ?? crashed;
  return {
    name: group.name,
    passed: passed ?? 0,
    failed: told + (remark === undefined ? 0 : 1),
    seconds: ended.ms / 1000,
    remark,
    failures: told > 0 || remark !== undefined ? failuresOf(output) : undefined,
  };
}

/** The output after the line that counts the failures, with their reasons. Without such a line: the end of the output. */
function failuresOf(output: string): string {
  const plain = stripVTControlCharacters(output);
  const from = plain.search(/^ {2}\d+ failing\b/m);
  return from < 0 ? plain.slice(-FAILURE_CHARS_MAX) : plain.slice(from, from + FAILURE_CHARS_MAX);
}

export interface RunOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Arguments of Node. */
  readonly nodeArgs?: readonly string[];
  /** Arguments of Mocha, before the files. */
  readonly mochaArgs?: readonly string[];
  /** Whether to print the output as it comes, not only at the end. */
  readonly shown?: boolean;
}

export function runGroup(group: Group, options: RunOptions): Promise<Result> {
  const { env, nodeArgs = [], mochaArgs = [], shown = false } = options;
  const began = Date.now();
  const color = process.stdout.isTTY ? '--color' : '--no-color';
  const args = [...nodeArgs, MOCHA, ...mochaArgs, color, ...group.files];
  const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  live.add(child);
  let output = '';
  let late: string | undefined;
  const giveUp = (reason: string): void => {
    late = reason;
    killGroup(child, 'SIGKILL');
  };
  const whole = setTimeout(() => giveUp('it took too long'), GROUP_TIMEOUT_MS);
  let linger: NodeJS.Timeout | undefined;
  const keep = (chunk: Buffer): void => {
    output += chunk.toString();
    if (shown) process.stdout.write(chunk);
    if (lastNumber(output, 'passing') !== undefined) {
      linger ??= setTimeout(() => giveUp('it told its result and did not end: something is left open'), LINGER_MS);
    }
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  return new Promise((resolve) => {
    const ended = (code: number | null): void => {
      clearTimeout(whole);
      clearTimeout(linger);
      live.delete(child);
      if (!shown) process.stdout.write(`\n━ ${group.name}\n${output}`);
      resolve(resultOf(group, output, { code, late, ms: Date.now() - began }));
    };
    child.once('error', () => ended(null));
    child.once('close', ended);
  });
}

/** Interrupts every running group. Mocha then runs its exit hooks, which stop everything that the tests have started. */
export async function stopGroups(): Promise<void> {
  const until = Date.now() + INTERRUPT_MS;
  for (const child of live) killGroup(child, 'SIGINT');
  while (live.size > 0 && Date.now() < until) await delay(POLL_MS);
  for (const child of live) killGroup(child, 'SIGKILL');
}
