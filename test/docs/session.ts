import { readdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AssertionError } from 'chai';
import { ROOT, spawnProgram, temporaryFolder, FRUGAL_SETTINGS, TEST_SETTINGS } from '../support/process.ts';
import type { Page } from './page.ts';
import { fits, tidy } from './printed.ts';
import { stepsOf, type Step } from './steps.ts';

const PAGE_TIMEOUT_MS = 120_000;
const MARK = '=== block of line';
/** A reader's checkout has none of these, or they are not for this shop. */
const NOT_SHARED = new Set(['.git', '.env', '.data', 'coverage']);
const QUIET_NPM = { NO_UPDATE_NOTIFIER: '1', npm_config_update_notifier: 'false', npm_config_fund: 'false' };

/** Everything as it is for a reader who has set nothing: no setting of tests. */
export const READER_SETTINGS: Readonly<Record<string, string | undefined>> = {
  ...Object.fromEntries(Object.keys({ ...TEST_SETTINGS, ...FRUGAL_SETTINGS }).map((name) => [name, undefined])),
  ...QUIET_NPM,
};

/** A folder that looks like the checkout, so that a page's files land in it and nowhere else. */
function readersFolder(): string {
  const folder = temporaryFolder('reader');
  for (const name of readdirSync(ROOT)) {
    if (!NOT_SHARED.has(name)) symlinkSync(path.join(ROOT, name), path.join(folder, name));
  }
  return folder;
}

/** How each shell is told to stop at the first failure. Dash knows no `pipefail`. */
export const SHELLS = { bash: ['-euo', 'pipefail'], dash: ['-eu'], zsh: ['-euo', 'pipefail'] } as const;
export type Shell = keyof typeof SHELLS;

/** All blocks as one script, each on the lines that it has in its page: bash then says where something is wrong. */
function scriptOf(steps: readonly Step[]): string {
  const lines: string[] = [];
  for (const { block } of steps) {
    lines[block.line - 1] = `printf '\\n%s %d\\n' '${MARK}' ${block.line}`;
    for (const line of block.text.trimEnd().split('\n')) lines.push(line);
  }
  return Array.from(lines, (line: string | undefined) => line ?? '').join('\n');
}

/**
 * What each block printed, by its line; a block that was never reached is not there. Only stdout counts: progress is on stderr,
 * and on a terminal it is gone at the end.
 */
function printedBy(answer: string): Map<number, string> {
  const [, ...parts] = answer.split(`\n${MARK} `);
  return new Map(
    parts.map((part) => {
      const end = part.indexOf('\n');
      return [Number(part.slice(0, end)), part.slice(end + 1)];
    }),
  );
}

function judge({ file }: Page, steps: readonly Step[], answer: string): void {
  const printed = printedBy(answer);
  for (const { block, prints } of steps) {
    const text = printed.get(block.line) ?? '';
    if (prints === undefined || fits(prints.text, text)) continue;
    const shown = { actual: tidy(text), expected: tidy(prints.text), showDiff: true };
    throw new AssertionError(`${file}:${prints.line}: the block of line ${block.line} printed something else`, shown);
  }
}

/**
 * Runs the marked blocks of a page as a reader would: in one shell (bash by default), in a checkout, in order. Throws when a command fails or a
 * block prints something else than its page says. `env` is what leads to a running shop. `judged` says which blocks must print
 * what the page says; by default, all.
 */
export async function runPage(
  page: Page,
  env: Readonly<Record<string, string>>,
  { shell = 'bash', judged = () => true }: { shell?: Shell; judged?: (step: Step) => boolean } = {},
): Promise<void> {
  const all = stepsOf(page);
  const steps = all.filter(judged);
  const bash = spawnProgram([shell, ...SHELLS[shell], '-c', scriptOf(all), page.file], {
    ...{ cwd: readersFolder(), ownGroup: true, env: { ...READER_SETTINGS, ...env } },
  });
  const ending = new AbortController();
  try {
    const ended = await Promise.race([bash.exited, delay(PAGE_TIMEOUT_MS, undefined, { signal: ending.signal })]);
    const answer = bash.answer();
    const reached = [...printedBy(answer).keys()].at(-1) ?? 0;
    const at = `${page.file}:${reached}`;
    if (ended === undefined) throw new Error(`${at}: not done in ${PAGE_TIMEOUT_MS / 1_000} s:\n${bash.output()}`);
    // What was printed before a failure may say more than the failure.
    judge(page, reached === 0 ? [] : steps.filter(({ block }) => block.line < reached), answer);
    if (ended.code !== 0) throw new Error(`${at}: failed (${ended.code ?? ended.signal ?? '?'}):\n${bash.output()}`);
    judge(page, steps, answer);
  } finally {
    ending.abort();
    killGroup(bash.pid);
  }
}

/** With whatever the page has left running. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing is left of it.
  }
}
