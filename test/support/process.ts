import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { topologySettings } from './topology.ts';

export const ROOT = path.resolve(import.meta.dirname, '../..');
const SERVING_TIMEOUT_MS = 60_000;
const EXIT_TIMEOUT_MS = 15_000;
const OUTPUT_CHARS_MAX = 1_000_000;
const POLL_MS = 20;
const DRAIN_MS = 1_000;
const SERVING = /^Cartulary serves at (\S+)$/m;

export type From = 'sources' | 'build';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Program {
  readonly pid: number;
  /** Everything printed and logged so far. */
  output(): string;
  /** What was printed on stdout so far. */
  answer(): string;
  /** Resolves when it has ended and its output is complete. */
  readonly exited: Promise<Exit>;
  kill(signal: NodeJS.Signals): void;
  /** Sends the signal and waits for the end; a process that does not end in time is killed, and that is an error. */
  end(signal: NodeJS.Signals, withinMs?: number): Promise<Exit>;
}

export interface ServerProcess extends Program {
  /** Its URL, such as http://127.0.0.1:40123, without a slash at the end. */
  readonly url: string;
}

export interface ProgramOptions {
  /** Settings in addition to `TEST_SETTINGS`. Undefined removes one. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The working folder; an empty temporary one by default, so that no `.env` of the checkout is read. */
  readonly cwd?: string;
  /**
   * The sources by tsx, or the build of `npm run build`. By default the joined program if the runner of the tests has made it,
   * else the sources.
   */
  readonly from?: From;
  /** Run as another user; root only. */
  readonly user?: { readonly uid: number; readonly gid: number };
  readonly root?: string;
  /** Its stdin; empty by default. */
  readonly input?: string;
  /** Whether to run it in its own process group, whose number is its pid, as a shell does. */
  readonly ownGroup?: boolean;
}

/** Settings for tests and benches: any free port, fast password hashes, no rate limits, no bounds of unpaid orders. */
export const TEST_SETTINGS: Readonly<Record<string, string>> = {
  NODE_ENV: 'test',
  HOST: '127.0.0.1',
  PORT: '0',
  LOG_LEVEL: 'info',
  BCRYPT_COST: '4',
  RATE_LIMIT_PUBLIC: '0',
  RATE_LIMIT_AUTH: '0',
  RATE_LIMIT_LOGIN: '0',
  RATE_LIMIT_REGISTER: '0',
  RATE_LIMIT_REFRESH: '0',
  UNPAID_ORDERS_MAX: '0',
  UNPAID_UNITS_MAX: '0',
};

/**
 * Settings for tests alone. Each connection costs Postgres some 20 ms of processor time, and every started server opens what its pools
 * allow. Benches measure the default.
 */
export const FRUGAL_SETTINGS: Readonly<Record<string, string>> = { DATABASE_POOL_MAX: '4' };

const INHERITED = ['PATH', 'HOME', 'TMPDIR', 'LANG'];
const running = new Set<ChildProcess>();
const folders = new Set<string>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A new empty folder that is removed when this process ends. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), `cartulary-${name}-`));
  folders.add(folder);
  return folder;
}

let emptyFolder: string | undefined;

const environmentOf = (options: ProgramOptions): Record<string, string> => {
  const inherited = INHERITED.map((name) => [name, process.env[name]] as const);
  const { env = {} } = options;
  const wanted = [
    ...inherited,
    ...Object.entries({ ...TEST_SETTINGS, ...FRUGAL_SETTINGS }),
    ...Object.entries(topologySettings(env['DATABASE_URL'])),
    ...Object.entries(env),
  ];
  return Object.fromEntries([...new Map(wanted)].filter((entry): entry is [string, string] => entry[1] !== undefined));
};

/**
 * The bounds of the heap that `npm start` gives. Without one of the old generation, V8 lets garbage grow to several times the memory in
 * use. A young generation of twice the usual size is collected half as often.
 */
export const HEAP_BOUNDS: readonly string[] = ['--max-old-space-size=512', '--max-semi-space-size=32'];

/** The program that the runner of the tests has built and joined to a few files. It starts far sooner. */
const joinedIn = (root: string): string | undefined => (root === ROOT ? process.env['TEST_PROGRAM'] : undefined);

const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

const entryOf = ({ root = ROOT, from }: ProgramOptions): string[] => {
  const joined = joinedIn(root);
  if (from === undefined && joined !== undefined) return [joined];
  if (from === 'build') return [path.join(root, 'dist/src/cli/cartulary.js')];
  return ['--import', TSX, path.join(root, 'src/cli/cartulary.ts')];
};

const commandOf = (options: ProgramOptions): string[] => [...HEAP_BOUNDS, ...entryOf(options)];

/** Node's arguments for a program of the tests themselves: the compiled file if the runner has made it, else the source by tsx. */
export function programArgs(file: string): string[] {
  const folder = process.env['TEST_COMPILED'];
  const compiled = folder === undefined ? '' : path.join(folder, path.relative(ROOT, file).replace(/\.ts$/, '.js'));
  return existsSync(compiled) ? [compiled] : ['--import', TSX, file];
}

const within = async <T>(promise: Promise<T>, ms: number): Promise<T | undefined> => {
  const ending = new AbortController();
  try {
    return await Promise.race([promise, delay(ms, undefined, { signal: ending.signal })]);
  } finally {
    ending.abort();
  }
};

/** Starts any program and captures what it prints. */
export function spawnProgram(command: readonly string[], options: ProgramOptions = {}): Program {
  const cwd = options.cwd ?? (emptyFolder ??= temporaryFolder('cwd'));
  const [program = process.execPath, ...args] = command;
  const child = spawn(program, args, {
    cwd,
    env: environmentOf(options),
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    detached: options.ownGroup ?? false,
    ...(options.user ?? {}),
  });
  child.stdin?.on('error', () => undefined).end(options.input);
  running.add(child);
  // A failed test does not wait for its process. The exit hook above kills it.
  child.unref();
  for (const stream of [child.stdout, child.stderr] as unknown as Socket[]) stream.unref();
  let all = '';
  let answer = '';
  const keep = (text: string, chunk: Buffer): string => (text + chunk.toString()).slice(-OUTPUT_CHARS_MAX);
  child.stdout!.on('data', (chunk: Buffer) => {
    all = keep(all, chunk);
    answer = keep(answer, chunk);
  });
  child.stderr!.on('data', (chunk: Buffer) => (all = keep(all, chunk)));
  const exited = new Promise<Exit>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      running.delete(child);
      const done = (): void => resolve({ code, signal });
      child.once('close', done);
      // The output is complete at 'close'. A child process that was left behind can keep the pipes open, so this waits only a limited
      // time.
      setTimeout(done, DRAIN_MS).unref();
    });
  });
  exited.catch(() => undefined);
  const end = async (signal: NodeJS.Signals, withinMs = EXIT_TIMEOUT_MS): Promise<Exit> => {
    child.kill(signal);
    const exit = await within(exited, withinMs);
    if (exit !== undefined) return exit;
    child.kill('SIGKILL');
    throw new Error(`not ended ${withinMs} ms after ${signal}:\n${all}`);
  };
  return {
    pid: child.pid ?? 0,
    output: () => all,
    answer: () => answer,
    exited,
    kill: (signal) => void child.kill(signal),
    end,
  };
}

/** Starts the `cartulary` program, such as `spawnCartulary(['migrate', 'status'], { env: { DATABASE_URL } })`. */
export const spawnCartulary = (args: readonly string[], options: ProgramOptions = {}): Program =>
  spawnProgram([process.execPath, ...commandOf(options), ...args], options);

/** Runs a command of the `cartulary` program to its end. */
export async function runCartulary(
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<Exit & { readonly answer: string; readonly output: string }> {
  const program = spawnCartulary(args, options);
  const exit = await within(program.exited, SERVING_TIMEOUT_MS);
  if (exit === undefined) {
    program.kill('SIGKILL');
    throw new Error(`cartulary ${args.join(' ')} did not end in ${SERVING_TIMEOUT_MS} ms:\n${program.output()}`);
  }
  return { ...exit, answer: program.answer(), output: program.output() };
}

/** Starts a server as a process of its own on any free port, and returns when it serves. */
export async function spawnServer(options: ProgramOptions = {}): Promise<ServerProcess> {
  const program = spawnCartulary(['serve'], options);
  return serving(program);
}

/** Waits until a started program prints its URL. */
export async function serving(program: Program): Promise<ServerProcess> {
  let exit: Exit | undefined;
  program.exited.then(
    (found) => (exit = found),
    () => (exit = { code: null, signal: null }),
  );
  const until = Date.now() + SERVING_TIMEOUT_MS;
  for (;;) {
    const url = SERVING.exec(program.answer())?.[1];
    if (url !== undefined) return { ...program, url };
    if (exit !== undefined)
      throw new Error(`the server ended (${exit.code ?? exit.signal ?? '?'}):\n${program.output()}`);
    if (Date.now() > until) {
      program.kill('SIGKILL');
      throw new Error(`the server did not serve within ${SERVING_TIMEOUT_MS} ms:\n${program.output()}`);
    }
    await delay(POLL_MS);
  }
}
