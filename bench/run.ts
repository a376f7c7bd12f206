import path from 'node:path';
import { dropTemplate, freshDatabase } from '../test/support/database.ts';
import { startServices } from '../test/support/services.ts';
import { against } from './against/against.ts';
import { argumentsOf, type Arguments } from './arguments.ts';
import { BENCHES, runApart } from './benches.ts';
import type { BenchRow } from './row.ts';
import { compile, ROOT } from './serving.ts';
import { machine, met, pageFor, table } from './table.ts';

/**
 * `npm run bench [-- names…] [--quick] [--write]`: runs each bench in its own process on its own database, then prints one table.
 * `--write` also puts the table into the page about performance. Exit code 1 when a bench could not run. A missed target is only
 * reported, because measurements vary on a noisy machine.
 *
 * `npm run bench -- --against <commit> [names…] [--rounds 6] [--quick]`: runs the same benches of this tree and of that commit in
 * turns. Exit code 1 also when a row is worse than its noise.
 */
const PAGE = path.join(ROOT, 'docs/explanation/performance.md');
const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

async function runOne(name: string, quick: boolean): Promise<BenchRow[]> {
  const database = await freshDatabase();
  const began = Date.now();
  try {
    const args = [database.url, ...(quick ? ['quick'] : [])];
    const rows = (await runApart({ root: ROOT, main: 'one', bench: name, args })) as BenchRow[];
    console.log(`${name}: ${((Date.now() - began) / 1_000).toFixed(0)} s`);
    return rows;
  } finally {
    await database.drop();
  }
}

/** Resolves to whether all benches ran. */
async function measure({ names, quick, write }: Arguments): Promise<boolean> {
  const page = write ? pageFor(PAGE) : undefined;
  if (names.some((name) => BENCHES[name]?.serves)) compile('tsconfig.build.json');
  compile('tsconfig.bench.json');
  const rows: BenchRow[] = [];
  const failed: string[] = [];
  for (const name of names) {
    try {
      rows.push(...(await runOne(name, quick)));
    } catch (error) {
      failed.push(name);
      console.error(error);
    }
  }
  console.log(`\n${table(rows)}\n`);
  if (failed.length === 0) page?.write(`${machine()}\n\n${table(rows)}`);
  else if (write) console.error(`${PAGE} stays as it was: ${failed.join(', ')} failed`);
  const missed = rows.filter((row) => !met(row));
  console.log(`${rows.length} rows, ${missed.length} missed, ${failed.length} benches failed`);
  return failed.length === 0;
}

async function run(told: Arguments): Promise<boolean> {
  if (told.against === undefined) return measure(told);
  return against({ ...told, commit: told.against });
}

function argumentsOrExit(): Arguments {
  try {
    return argumentsOf(process.argv.slice(2));
  } catch (error) {
    console.error((error as Error).message);
    process.exit(2);
  }
}

const told = argumentsOrExit();
if (process.env['BENCH_POSTGRES_URL']) process.env['TEST_POSTGRES_URL'] = process.env['BENCH_POSTGRES_URL'];
const services = await startServices();
Object.assign(process.env, services.env);
const stopServices = async (): Promise<void> => {
  await dropTemplate().catch(() => undefined);
  await services.stop();
};
for (const [signal, code] of Object.entries(SIGNAL_EXIT_CODES)) {
  process.once(signal, () => void stopServices().finally(() => process.exit(code)));
}
console.log(`${machine()}\n${services.summary}${told.quick ? '; quick form: the figures say little' : ''}\n`);
let well = false;
try {
  well = await run(told);
} catch (error) {
  console.error(error);
}
await stopServices();
process.exit(well ? 0 : 1);
