import { readFileSync } from 'node:fs';

/**
 * Named places where a test can kill the process by SIGKILL, like a crash, to test recovery at every step. Off unless
 * `FAILPOINT=<name>[#<n>]` is set: then the n-th pass (default: the first) kills the process. With `FAILPOINT=@<file>` the name is
 * in that file, which is read at each pass and may change or be missing, so that a test can arm a server that runs.
 */
let armed: { name: string; left: number } | undefined;
let file: string | undefined;
let told: string | undefined;

export function armFailpoint(spec: string | undefined): void {
  file = spec?.startsWith('@') ? spec.slice(1) : undefined;
  told = undefined;
  armed = file === undefined ? parsed(spec) : undefined;
}

export function failpoint(name: string): void {
  if (file !== undefined) rearm(file);
  if (armed?.name !== name) return;
  armed.left -= 1;
  if (armed.left === 0) process.kill(process.pid, 'SIGKILL');
}

function parsed(spec: string | undefined): typeof armed {
  if (spec === undefined || spec === '') return undefined;
  const [, name = spec, count] = /^(.*?)(?:#(\d+))?$/.exec(spec) ?? [];
  return { name, left: Number(count ?? '1') };
}

/** Counts from the start when the file has changed. */
function rearm(from: string): void {
  let text: string | undefined;
  try {
    text = readFileSync(from, 'utf8');
  } catch {
    // No file: nothing is armed.
  }
  if (text === told) return;
  told = text;
  armed = parsed(text);
}
