import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

export const ROOT = path.resolve(import.meta.dirname, '..');
/** The compiler that a tree builds with. Trees from before `tsc6` have only `tsc`. */
const COMPILERS = ['node_modules/typescript/bin/tsc6', 'node_modules/typescript/bin/tsc'];
const COMPILE_TIMEOUT_MS = 5 * 60_000;
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;
const SERVES_AT = /(https?:\/\/[^\s/]+)/;

/** A server in a process of its own. */
export interface Serving {
  readonly url: string;
  /** Resident memory, MB. */
  rssMb(): number;
  stop(): Promise<void>;
}

interface Program {
  /** The arguments of Node. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly stdin?: string;
}

function rssOf(pid: number): number {
  if (process.platform === 'linux') {
    const [, kb = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kb) / 1_024;
  }
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1_024;
}

async function urlOf(child: ChildProcess, logFile: string): Promise<string> {
  if (child.stdout === null) throw new Error('the program has no output');
  const timer = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS);
  for await (const line of createInterface(child.stdout)) {
    const url = SERVES_AT.exec(line)?.[1];
    if (url === undefined) continue;
    clearTimeout(timer);
    child.stdout.resume();
    return url.replace('localhost', '127.0.0.1');
  }
  throw new Error(`the program serves nothing:\n${readFileSync(logFile, 'utf8').slice(-2_000)}`);
}

/** Benches must run compiled code: from TypeScript, each closure is slower, because the loader gives it a name. */
export function compile(project: string, root = ROOT): void {
  const options = { cwd: root, stdio: 'inherit', timeout: COMPILE_TIMEOUT_MS } as const;
  const compiler = COMPILERS.find((file) => existsSync(path.join(root, file)));
  if (compiler === undefined) throw new Error(`${root} has no TypeScript compiler: run "npm ci" there`);
  execFileSync(process.execPath, [compiler, '-p', project], options);
}

/** The build that `npm start` serves. The runner of the benches makes it. */
export const DIST = path.join(ROOT, 'dist/src');

/** Starts a program that prints its URL. Its log goes to a file, as in production. */
export async function serve({ args, env, stdin = '' }: Program): Promise<Serving> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'cartulary-bench-'));
  const logFile = path.join(folder, 'log');
  const child = spawn(process.execPath, [...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['pipe', 'pipe', openSync(logFile, 'w')],
  });
  const killed = (): unknown => child.kill('SIGKILL');
  process.once('exit', killed);
  child.stdin?.end(stdin);
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const url = await urlOf(child, logFile);
  return {
    url,
    rssMb: () => rssOf(child.pid ?? 0),
    async stop() {
      const timer = setTimeout(killed, STOP_TIMEOUT_MS);
      child.kill('SIGTERM');
      await exited;
      clearTimeout(timer);
      process.off('exit', killed);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
