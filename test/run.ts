import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { SETTINGS } from '../src/config/settings.ts';
import { compileSpecs, joinProgram, type Compiled } from './support/bundle.ts';
import { dropTemplate, shareTemplate } from './support/database.ts';
import { runGroup, stopGroups, type Group, type Result, type RunOptions } from './support/groups.ts';
import { ROOT } from './support/process.ts';
import { openScratch } from './support/scratch.ts';
import { FAKETIME } from './support/faketime.ts';
import { NATS, PGBOUNCER, REDIS, startServices, type Services } from './support/services.ts';
import { topology, TOPOLOGY_TOLD } from './support/topology.ts';

// `npm test` runs every spec. `npm test -- http laws` runs those whose path contains one of the words. `--unit` leaves out specs that need
// a server.

const UNIT_ONLY = '--unit';
/**
 * The folders whose specs run whole programs. In other folders a spec that needs a server has it in its name; the rest is the unit
 * part.
 */
const PROGRAM_FOLDERS = new Set(['chaos', 'cli', 'deploy', 'embedded', 'laws', 'mission', 'openable']);
/**
 * A spec names the servers that it needs: `*.postgres.spec.ts`, `*.eventstoredb.spec.ts` (the double is a process), and those in
 * `NEEDS`.
 */
const SERVER_SPEC = /\.(?:postgres|eventstoredb|redis|nats)\.spec\.ts$/;
/** The specs that take longest. Each is a group of its own and begins before the folders, which fill up the time that is left. */
const LONG_SPECS = ['chaos/chaos', 'laws/crash', 'docs/additions', 'cli/seed', 'docs/runnable'];
const BESIDE_MAX = 2;
const NAME_WIDTH = 14;
const BUILD_TIMEOUT_MS = 180_000;
const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** The specs that depend on where a shop's parts are. The specs of the parts themselves run in the default topology. */
const TOPOLOGY_WORDS = ['test/laws/', 'test/cli/', 'test/mission/'];
const INDIFFERENT = [
  'test/cli/auditOrder.spec.ts',
  'test/cli/csv.spec.ts',
  'test/laws/workers.spec.ts',
  'test/laws/forgotten.spec.ts',
];

openScratch();
let services: Services | undefined;

/** This environment without variables that could mislead tests: settings of a shop, and the `PG…` variables that `pg` reads. */
function cleanEnvironment(): Record<string, string> {
  const stray = (name: string): boolean =>
    name.startsWith('PG') || name in SETTINGS || name.replace(/_FILE$/, '') in SETTINGS;
  const kept = Object.entries(process.env).filter(([name]) => !stray(name));
  return Object.fromEntries(kept) as Record<string, string>;
}

/**
 * Whether a spec is to run: with words, if its path contains one. Without words, every spec if embedded, else those that depend on
 * the topology.
 */
function chosen(file: string, words: readonly string[]): boolean {
  if (words.length > 0) return words.some((word) => file.includes(word));
  if (topology() === 'embedded') return true;
  return TOPOLOGY_WORDS.some((word) => file.includes(word)) && !INDIFFERENT.includes(file);
}

const isUnit = (folder: string, file: string): boolean => !PROGRAM_FOLDERS.has(folder) && !SERVER_SPEC.test(file);

function groupsOf(words: readonly string[]): Group[] {
  const files = readdirSync(path.join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.spec.ts'))
    .filter((file) => chosen(`test/${file}`, words))
    .sort();
  const groups = new Map<string, string[]>();
  for (const file of files) {
    const folder = file.split(path.sep)[0] ?? '';
    const long = LONG_SPECS.find((spec) => file.startsWith(`${spec}.`));
    const name = isUnit(folder, file) ? 'unit' : (long ?? folder);
    groups.set(name, [...(groups.get(name) ?? []), `test/${file}`]);
  }
  const place = ({ name }: Group): number => LONG_SPECS.indexOf(name) + 1 || LONG_SPECS.length + 1;
  return [...groups]
    .map(([name, members]) => ({ name, files: members }))
    .sort((one, other) => place(one) - place(other));
}

/** The variables of servers that may be missing, by the part of a spec's name that asks for them. */
const NEEDS: Readonly<Record<string, string>> = {
  redis: REDIS.env,
  nats: NATS.env,
  faketime: FAKETIME.env,
  pgbouncer: PGBOUNCER.env,
};
const needsOf = (file: string): string[] =>
  path
    .basename(file)
    .split('.')
    .flatMap((part) => NEEDS[part] ?? []);

/** Leaves out the specs whose server is missing, and prints them. With `CI=true` they count as failed. */
function withoutAbsent(groups: readonly Group[], { env, absent }: Services) {
  const lacks = (file: string): boolean => needsOf(file).some((name) => env[name] === undefined);
  const files = groups.flatMap((group) => group.files).filter(lacks);
  const runnable = groups
    .map((group) => ({ ...group, files: group.files.filter((file) => !lacks(file)) }))
    .filter((group) => group.files.length > 0);
  if (files.length === 0) return { runnable, dropped: undefined };
  const remark = `NOT RUN: ${files.join(', ')}; ${absent.join('; ')}`;
  console.error(`\n  ${remark}\n`);
  const failed = process.env['CI'] === 'true' ? files.length : 0;
  return { runnable, dropped: { name: 'absent', passed: 0, failed, seconds: 0, remark, failures: undefined } };
}

/** Runs the groups, at most `beside` at a time. */
async function runGroups(groups: readonly Group[], options: RunOptions, beside: number): Promise<Result[]> {
  const waiting = [...groups];
  const results: Result[] = [];
  const work = async (): Promise<void> => {
    for (let group = waiting.shift(); group !== undefined; group = waiting.shift()) {
      results.push(await runGroup(group, options));
    }
  };
  await Promise.all(Array.from({ length: beside }, work));
  return results;
}

/** Builds the program, because tests start it far sooner from a build. */
function buildProgram(): void {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: 'inherit', timeout: BUILD_TIMEOUT_MS });
}

/** The options for compiled specs. Stack traces still show the sources. */
const COMPILED = { nodeArgs: ['--enable-source-maps'], mochaArgs: ['--config', '.mocharc.compiled.cjs'] };
const compiledGroup = (group: Group, { of }: Compiled): Group => ({ ...group, files: group.files.map(of) });

/** Runs the specs that need no server, and prints their output as it comes. Removes the variables that name servers. */
async function runUnit(group: Group): Promise<Result> {
  const began = Date.now();
  const servers = /^TEST_\w+_URL$/;
  const bare = Object.fromEntries(Object.entries(cleanEnvironment()).filter(([name]) => !servers.test(name)));
  const compiled = await compileSpecs(group.files, { built: false });
  const result = await runGroup(compiledGroup(group, compiled), { ...COMPILED, env: bare, shown: true });
  return { ...result, seconds: (Date.now() - began) / 1000 };
}

async function runAll(groups: readonly Group[]): Promise<Result[]> {
  const results: Result[] = [];
  const unit = groups.find(({ name }) => name === 'unit');
  if (unit !== undefined) {
    const result = await runUnit(unit);
    console.log(`  unit part: ${result.seconds.toFixed(1)} s\n`);
    results.push(result);
  }
  const others = groups.filter(({ name }) => name !== 'unit');
  if (others.length === 0) return results;
  buildProgram();
  services = await startServices({ faketime: true, pgbouncer: true });
  Object.assign(process.env, services.env);
  console.log(`  on ${services.summary}\n  ${TOPOLOGY_TOLD[topology()]}`);
  const { runnable, dropped } = withoutAbsent(others, services);
  if (dropped !== undefined) results.push(dropped);
  if (topology() !== 'embedded' && services.absent.length > 0) throw new Error(services.absent.join('; '));
  return [...results, ...(await runOnServices(runnable, services.env))];
}

/** Runs the other groups. Compiles specs and program beforehand, because the tests start both hundreds of times. */
async function runOnServices(groups: readonly Group[], servers: Services['env']): Promise<Result[]> {
  const compiled = await compileSpecs(
    groups.flatMap(({ files }) => files),
    { built: true },
  );
  const programs = { TEST_PROGRAM: await joinProgram(), TEST_COMPILED: compiled.folder, ...(await shareTemplate()) };
  const mochaArgs = [...COMPILED.mochaArgs, '--require', compiled.hooks];
  const options = { ...COMPILED, mochaArgs, env: { ...cleanEnvironment(), ...servers, ...programs } };
  const ready = groups.map((group) => compiledGroup(group, compiled));
  return runGroups(ready, options, BESIDE_MAX);
}

function report(results: readonly Result[], seconds: number): number {
  for (const { name, failures } of results) {
    if (failures !== undefined) console.log(`\n━ ${name}: what failed\n${failures.trimEnd()}`);
  }
  console.log('');
  for (const { name, passed, failed, seconds: took, remark } of results) {
    const counts = `${String(passed).padStart(5)} passed ${String(failed).padStart(3)} failed`;
    console.log(
      `  ${name.padEnd(NAME_WIDTH)} ${counts} ${took.toFixed(1).padStart(7)} s${remark === undefined ? '' : `  (${remark})`}`,
    );
  }
  console.log(`  ${'all'.padEnd(NAME_WIDTH)} ${' '.repeat(23)} ${seconds.toFixed(1).padStart(7)} s`);
  const sum = (count: (result: Result) => number): number =>
    results.reduce((total, result) => total + count(result), 0);
  const failed = sum((result) => result.failed);
  console.log(`${sum((result) => result.passed)} passed, ${failed} failed`);
  return failed;
}

async function stopAll(): Promise<void> {
  await stopGroups();
  if (services !== undefined) await dropTemplate();
  await services?.stop();
}

let stopping: Promise<void> | undefined;
const stopEverything = (): Promise<void> => (stopping ??= stopAll());

for (const [signal, code] of Object.entries(SIGNAL_EXIT_CODES)) {
  process.on(signal, () => void stopEverything().finally(() => process.exit(code)));
}

async function run(args: readonly string[]): Promise<number> {
  const began = Date.now();
  let results: Result[];
  try {
    const unitOnly = args.includes(UNIT_ONLY);
    const words = args.filter((arg) => arg !== UNIT_ONLY);
    const groups = groupsOf(words).filter(({ name }) => !unitOnly || name === 'unit');
    if (groups.length === 0) throw new Error(`No test file has ${words.join(' or ')} in its path.`);
    results = await runAll(groups);
  } catch (error) {
    console.error(error);
    const remark = (error as Error).message;
    results = [{ name: 'run', passed: 0, failed: 1, seconds: 0, remark, failures: undefined }];
  }
  await stopEverything();
  return report(results, (Date.now() - began) / 1000);
}

process.exit((await run(process.argv.slice(2))) > 0 ? 1 : 0);
