import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { SETTINGS } from '../src/config/settings.ts';
import { compileSpecs, joinProgram, type Compiled } from './support/bundle.ts';
import { dropTemplate, shareTemplate } from './support/database.ts';
import { runGroup, stopGroups, type Group, type Result, type RunOptions } from './support/groups.ts';
import { ROOT } from './support/process.ts';
import { NATS, REDIS, startServices, type Services } from './support/services.ts';
import { topology, TOPOLOGY_TOLD } from './support/topology.ts';

// `npm test`: every spec there is; `npm test -- http laws` those whose path holds one of the words; `--unit` leaves out what needs a server.

const UNIT_ONLY = '--unit';
/** These try whole programs. Elsewhere a spec that needs a server says so in its name, and the others are the unit part. */
const PROGRAM_FOLDERS = new Set(['chaos', 'cli', 'deploy', 'embedded', 'laws', 'openable']);
/** What a spec needs, as its name says: `*.postgres.spec.ts`, `*.eventstoredb.spec.ts` (the double is a process), and as `NEEDS` lists. */
const SERVER_SPEC = /\.(?:postgres|eventstoredb|redis|nats)\.spec\.ts$/;
/** They measure time, or start and kill whole servers: nothing else runs beside them. */
const ALONE_FOLDERS = new Set(['chaos', 'docs', 'embedded', 'laws', 'openable']);
const BESIDE_MAX = 2;
const BUILD_TIMEOUT_MS = 180_000;
const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** What depends on where a shop's parts are; the contracts of the parts themselves run in any case. */
const TOPOLOGY_WORDS = ['test/laws/', 'test/cli/'];
const INDIFFERENT = ['test/cli/csv.spec.ts', 'test/laws/workers.spec.ts'];

let services: Services | undefined;

/** Ours without what would lead tests elsewhere: settings of a shop, and where `pg` by itself looks for a server. */
function cleanEnvironment(): Record<string, string> {
  const stray = (name: string): boolean =>
    name.startsWith('PG') || name in SETTINGS || name.replace(/_FILE$/, '') in SETTINGS;
  const kept = Object.entries(process.env).filter(([name]) => !stray(name));
  return Object.fromEntries(kept) as Record<string, string>;
}

/** The words asked for; in another topology than the embedded one, without any, what depends on it. */
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
    const name = isUnit(folder, file) ? 'unit' : folder;
    groups.set(name, [...(groups.get(name) ?? []), `test/${file}`]);
  }
  return [...groups].map(([name, members]) => ({ name, files: members }));
}

/** Servers that may be absent, by the part of a spec's name that asks for them. */
const NEEDS: Readonly<Record<string, string>> = { redis: REDIS.env, nats: NATS.env };
const needsOf = (file: string): string[] =>
  path
    .basename(file)
    .split('.')
    .flatMap((part) => NEEDS[part] ?? []);

/** Leaves out the suites whose server could not be had, and says so; where everything must run that is a failure. */
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

/** What is run as a program of its own starts far sooner from a build. */
function buildProgram(): void {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: 'inherit', timeout: BUILD_TIMEOUT_MS });
}

/** Specs that are JavaScript already; a stack tells of the sources all the same. */
const COMPILED = { nodeArgs: ['--enable-source-maps'], mochaArgs: ['--config', '.mocharc.compiled.cjs'] };
const compiledGroup = (group: Group, { of }: Compiled): Group => ({ ...group, files: group.files.map(of) });

/** What needs no server, its output told as it comes; without what would lead it to one. */
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
  services = await startServices({ inMemory: true });
  Object.assign(process.env, services.env);
  console.log(`  on ${services.summary}\n  ${TOPOLOGY_TOLD[topology()]}`);
  const { runnable, dropped } = withoutAbsent(others, services);
  if (dropped !== undefined) results.push(dropped);
  if (topology() !== 'embedded' && services.absent.length > 0) throw new Error(services.absent.join('; '));
  return [...results, ...(await runOnServices(runnable, services.env))];
}

/** Specs and program compiled beforehand: the tests start both some hundreds of times. */
async function runOnServices(groups: readonly Group[], servers: Services['env']): Promise<Result[]> {
  const compiled = await compileSpecs(
    groups.flatMap(({ files }) => files),
    { built: true },
  );
  const programs = { TEST_PROGRAM: await joinProgram(), TEST_COMPILED: compiled.folder, ...(await shareTemplate()) };
  const mochaArgs = [...COMPILED.mochaArgs, '--require', compiled.hooks];
  const options = { ...COMPILED, mochaArgs, env: { ...cleanEnvironment(), ...servers, ...programs } };
  const ready = groups.map((group) => compiledGroup(group, compiled));
  const isAlone = ({ name }: Group): boolean => ALONE_FOLDERS.has(name);
  return [
    ...(await runGroups(
      ready.filter((group) => !isAlone(group)),
      options,
      BESIDE_MAX,
    )),
    ...(await runGroups(ready.filter(isAlone), options, 1)),
  ];
}

function report(results: readonly Result[], seconds: number): number {
  for (const { name, failures } of results) {
    if (failures !== undefined) console.log(`\n━ ${name}: what failed\n${failures.trimEnd()}`);
  }
  console.log('');
  for (const { name, passed, failed, seconds: took, remark } of results) {
    const counts = `${String(passed).padStart(5)} passed ${String(failed).padStart(3)} failed`;
    console.log(
      `  ${name.padEnd(12)} ${counts} ${took.toFixed(1).padStart(7)} s${remark === undefined ? '' : `  (${remark})`}`,
    );
  }
  console.log(`  ${'all'.padEnd(12)} ${' '.repeat(23)} ${seconds.toFixed(1).padStart(7)} s`);
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
