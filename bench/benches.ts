import { spawn } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BenchOptions, BenchRow } from './row.ts';

const BENCH_TIMEOUT_MS = 10 * 60_000;
const OUTPUT_TOLD_CHARS = 2_000;

interface Bench {
  /**
   * Starts servers from the build that `npm start` makes. The other benches run the measured code themselves, so it is compiled
   * with them.
   */
  readonly serves?: true;
  /** Rounds in one turn of a comparison of two commits; odd, so that the median is one of them. */
  readonly roundsPerTurn: number;
}

/** Every bench, in the order of the table. */
export const BENCHES: Readonly<Record<string, Bench>> = {
  http: { serves: true, roundsPerTurn: 1 },
  workers: { serves: true, roundsPerTurn: 1 },
  redis: { serves: true, roundsPerTurn: 1 },
  strangers: { serves: true, roundsPerTurn: 1 },
  appends: { roundsPerTurn: 3 },
  eventStoreDb: { roundsPerTurn: 3 },
  crowd: { roundsPerTurn: 3 },
  loads: { roundsPerTurn: 1 },
  lists: { roundsPerTurn: 1 },
  search: { roundsPerTurn: 1 },
  projecting: { roundsPerTurn: 1 },
  rebuild: { roundsPerTurn: 1 },
  lag: { roundsPerTurn: 1 },
  relay: { roundsPerTurn: 1 },
};

/** Runs a bench in this process. */
export async function runHere(name: string, options: BenchOptions): Promise<BenchRow[]> {
  const file = path.join(import.meta.dirname, `${name}${path.extname(import.meta.filename)}`);
  const bench = (await import(pathToFileURL(file).href)) as { run(options: BenchOptions): Promise<BenchRow[]> };
  return bench.run(options);
}

export interface Program {
  /** The root of the checkout that the program belongs to. */
  readonly root: string;
  /** The file of `bench/` that runs one bench and prints its answer as JSON in the last line. */
  readonly main: 'one' | 'turn';
  readonly bench: string;
  readonly args: readonly string[];
}

/** Runs a bench in a process of its own, and resolves to its answer. */
export function runApart({ root, main, bench, args }: Program): Promise<unknown> {
  const program = BENCHES[bench]?.serves
    ? ['--import', 'tsx', path.join(root, `bench/${main}.ts`)]
    : [path.join(root, `dist/bench/bench/${main}.js`)];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...program, bench, ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: BENCH_TIMEOUT_MS,
    });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.once('error', reject);
    child.once('close', (code, signal) => {
      const last = out.trimEnd().split('\n').at(-1) ?? '';
      if (code === 0) resolve(JSON.parse(last));
      else reject(new Error(`bench ${bench} ended with ${code ?? signal}:\n${out.slice(-OUTPUT_TOLD_CHARS)}`));
    });
  });
}
