import { spawn } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { freshDatabase, dropTemplate } from '../test/support/database.ts';
import { replaceSection } from '../test/support/section.ts';
import { startServices } from '../test/support/services.ts';
import type { BenchRow } from './row.ts';
import { compile, ROOT } from './serving.ts';

/**
 * `npm run bench [-- --quick] [--only a,b] [--write]`: each bench in a process and a database of its own, then one table.
 * `--write` puts the table into `docs/explanation/performance.md`. Exit code 1 when a bench could not run; a ratio that is missed is said, not failed:
 * these are measurements, and machines are noisy.
 */
const BENCHES = [
  'http',
  'workers',
  'redis',
  'appends',
  'eventStoreDb',
  'loads',
  'projecting',
  'rebuild',
  'lag',
  'relay',
];
/** They start servers, from the build that `npm start` makes; the others run what they measure themselves, so are compiled with it. */
const SERVING = ['http', 'workers', 'redis'];
const PERFORMANCE = path.join(ROOT, 'docs/explanation/performance.md');
const BENCH_TIMEOUT_MS = 10 * 60_000;

const args = process.argv.slice(2);
const quick = args.includes('--quick');
const only = args.includes('--only') ? (args[args.indexOf('--only') + 1] ?? '').split(',') : BENCHES;

function runOne(name: string, url: string): Promise<BenchRow[]> {
  const program = SERVING.includes(name)
    ? ['--import', 'tsx', path.join(ROOT, 'bench/one.ts')]
    : [path.join(ROOT, 'dist/bench/bench/one.js')];
  const argv = [...program, name, url, ...(quick ? ['quick'] : [])];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'], timeout: BENCH_TIMEOUT_MS });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.once('error', reject);
    child.once('close', (code, signal) => {
      const last = out.trimEnd().split('\n').at(-1) ?? '';
      if (code !== 0) reject(new Error(`bench ${name} ended with ${code ?? signal}:\n${out.slice(-2_000)}`));
      else resolve(JSON.parse(last) as BenchRow[]);
    });
  });
}

const rounded = (ratio: number): string => (ratio >= 100 ? ratio.toFixed(0) : ratio.toPrecision(3));
const target = ({ atLeast, atMost }: BenchRow): string =>
  atLeast !== undefined ? `≥ ${atLeast}` : atMost !== undefined ? `≤ ${atMost}` : '–';
const met = ({ ratio, atLeast, atMost }: BenchRow): boolean =>
  (atLeast === undefined || ratio >= atLeast) && (atMost === undefined || ratio <= atMost);

const hasAim = ({ atLeast, atMost }: BenchRow): boolean => atLeast !== undefined || atMost !== undefined;
const metText = (row: BenchRow): string => (!hasAim(row) ? '–' : met(row) ? 'yes' : '**no**');

function table(rows: readonly BenchRow[]): string {
  const lines = rows.map(
    (row) =>
      `| ${row.what} | ${row.against} | ${rounded(row.ratio)} | ${target(row)} | ${metText(row)} | ${row.details} |`,
  );
  return ['| what | against | ratio | aim | met | figures |', '|---|---|---|---|---|---|', ...lines].join('\n');
}

const machine = `Node ${process.versions.node}, ${os.cpus().length} cores (${os.cpus()[0]?.model.trim() ?? 'unknown'}), ${os.type()}; everything, load included, on this one machine.`;

if (process.env['BENCH_POSTGRES_URL']) process.env['TEST_POSTGRES_URL'] = process.env['BENCH_POSTGRES_URL'];
if (!only.every((name) => SERVING.includes(name))) compile('tsconfig.bench.json');
const services = await startServices();
Object.assign(process.env, services.env);
console.log(`${machine}\n${services.summary}${quick ? '; quick form: the figures say little' : ''}\n`);
const rows: BenchRow[] = [];
const failures: string[] = [];
for (const name of only) {
  const database = await freshDatabase();
  const started = Date.now();
  try {
    rows.push(...(await runOne(name, database.url)));
    console.log(`${name}: ${((Date.now() - started) / 1000).toFixed(0)} s`);
  } catch (error) {
    failures.push(name);
    console.error(error);
  } finally {
    await database.drop();
  }
}
await dropTemplate();
await services.stop();
console.log(`\n${table(rows)}\n`);
if (args.includes('--write')) replaceSection(PERFORMANCE, 'performance', `${machine}\n\n${table(rows)}`);
const missed = rows.filter((row) => !met(row));
console.log(`${rows.length} rows, ${missed.length} missed, ${failures.length} benches failed`);
process.exit(failures.length > 0 ? 1 : 0);
