import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createLogger } from '../../src/platform/log.ts';
import { startEmbeddedPostgres } from '../../src/platform/postgres/embedded.ts';
import { FAKETIME, faketimeLibrary } from './faketime.ts';
import { freePort } from './ports.ts';

const CONNECTIONS_MAX = 300;
const READY_TIMEOUT_MS = 15_000;
const POLL_MS = 50;
const STOP_TIMEOUT_MS = 5_000;
const INSTALL_TIMEOUT_MS = 180_000;

export interface Services {
  /** The environment variables by which the tests find the servers. */
  readonly env: Readonly<Record<string, string>>;
  /** One line to print. */
  readonly summary: string;
  /** Servers that are missing, each with the reason. The suites that need them did not run. */
  readonly absent: readonly string[];
  stop(): Promise<void>;
}

interface Service {
  readonly env: string;
  readonly url: string | undefined;
  /** The place of the service, or the reason why it is missing. */
  readonly told: string;
  stop(): Promise<void>;
}

/** The Postgres of `TEST_POSTGRES_URL`, else an embedded one in a folder of its own on a free port. */
async function startPostgres(): Promise<Service> {
  const env = 'TEST_POSTGRES_URL';
  const given = givenUrl(env);
  if (given !== undefined) return given;
  const dataDir = await mkdtemp(path.join(os.tmpdir(), 'cartulary-test-'));
  const log = createLogger('warn');
  const settings = { max_connections: String(CONNECTIONS_MAX) };
  const postgres = await startEmbeddedPostgres({ dataDir, log, settings });
  return {
    ...{ env, url: postgres.url, told: `embedded Postgres in ${dataDir}` },
    stop: async () => {
      await postgres.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function givenUrl(env: string): Service | undefined {
  const url = process.env[env];
  if (url === undefined || url === '') return undefined;
  return { env, url, told: `${env} (${new URL(url).host})`, stop: () => Promise.resolve() };
}

/** A server program from a Debian package, and how to run it on a port with its files in a folder. */
export interface ServerProgram {
  readonly name: string;
  readonly env: string;
  /** The name of the Debian package. */
  readonly package: string;
  readonly scheme: string;
  args(port: number, dir: string): string[];
}

export const REDIS: ServerProgram = {
  name: 'redis-server',
  env: 'TEST_REDIS_URL',
  package: 'redis-server',
  scheme: 'redis',
  args: (port, dir) => [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    dir,
    '--save',
    '',
    '--appendonly',
    'no',
  ],
};

export const NATS: ServerProgram = {
  name: 'nats-server',
  env: 'TEST_NATS_URL',
  package: 'nats-server',
  scheme: 'nats',
  args: (port, dir) => ['--addr', '127.0.0.1', '--port', String(port), '--jetstream', '--store_dir', dir],
};

/** A pooler. A test runs it by itself, between a shop and its database. */
export const PGBOUNCER: ServerProgram = {
  name: 'pgbouncer',
  env: 'TEST_PGBOUNCER',
  package: 'pgbouncer',
  scheme: 'postgres',
  args: (_port, dir) => [...(process.getuid?.() === 0 ? ['-u', 'nobody'] : []), path.join(dir, 'pgbouncer.ini')],
};

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** Debian installs servers in folders that are not on an ordinary user's PATH. */
const onPath = (name: string): string | undefined =>
  [...(process.env['PATH'] ?? '').split(path.delimiter), '/usr/sbin', '/usr/local/sbin']
    .filter((dir) => dir !== '')
    .map((dir) => path.join(dir, name))
    .find(isExecutable);

/** Installs missing packages, if root on Debian. The package's own service is told not to start. */
function install(names: readonly string[]): void {
  if (process.getuid?.() !== 0 || onPath('apt-get') === undefined) return;
  console.log(`  installing ${names.join(', ')} from Debian's packages`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const run = (...args: string[]): void => {
    execFileSync('apt-get', args, { env, stdio: ['ignore', 'ignore', 'inherit'], timeout: INSTALL_TIMEOUT_MS });
  };
  const install = ['install', '-y', '--no-install-recommends', ...names];
  try {
    run(...install);
  } catch {
    try {
      run('update');
      run(...install);
    } catch (error) {
      console.error(`  that failed: ${(error as Error).message}`);
    }
  }
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (open: boolean) => (): void => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', end(true)).once('error', end(false));
  });

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null;

export interface RunningServer {
  readonly url: string;
  readonly port: number;
  readonly dir: string;
  readonly pid: number;
  kill(signal: NodeJS.Signals): void;
  /** Ends the server. Its folder stays. */
  end(signal?: NodeJS.Signals): Promise<void>;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
}

/** Runs a server on a free port (or the given one, to start it again) in a temporary folder (or the given one). */
export async function startServer(
  program: ServerProgram,
  options: { port?: number; dir?: string; args?: readonly string[] } = {},
): Promise<RunningServer> {
  const file = onPath(program.name);
  if (file === undefined) throw new Error(`${program.name} is not installed`);
  const port = options.port ?? (await freePort());
  const dir = options.dir ?? (await mkdtemp(path.join(os.tmpdir(), `cartulary-${program.name}-`)));
  const child = spawn(file, [...program.args(port, dir), ...(options.args ?? [])], { stdio: 'ignore' });
  const failed = new Promise<never>((_, reject) => child.once('error', reject));
  failed.catch(() => undefined);
  const until = performance.now() + READY_TIMEOUT_MS;
  while (!(await Promise.race([answers(port), failed]))) {
    if (hasEnded(child)) throw new Error(`${program.name} ended with ${child.exitCode ?? child.signalCode}`);
    if (performance.now() > until) {
      child.kill('SIGKILL');
      throw new Error(`${program.name} did not answer on port ${port} within ${READY_TIMEOUT_MS} ms`);
    }
    await delay(POLL_MS);
  }
  const end = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    if (hasEnded(child)) return;
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    // A stopped process reacts only to this signal.
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
  };
  return {
    ...{ url: `${program.scheme}://127.0.0.1:${port}`, port, dir, pid: child.pid! },
    kill: (signal) => void child.kill(signal),
    end,
    stop: async () => {
      await end();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function startProgram(program: ServerProgram): Promise<Service> {
  const { env, name } = program;
  const given = givenUrl(env);
  if (given !== undefined) return given;
  const nothing = { env, url: undefined, stop: () => Promise.resolve() };
  if (onPath(name) === undefined) {
    const how = existsSync('/etc/debian_version') ? `apt-get install ${program.package}, or set ${env}` : `set ${env}`;
    return { ...nothing, told: `${name} is not here: ${how}` };
  }
  try {
    const server = await startServer(program);
    return { env, url: server.url, told: `${name} at ${server.url}`, stop: () => server.stop() };
  } catch (error) {
    return { ...nothing, told: (error as Error).message };
  }
}

/** The library that gives a process another clock: nothing runs, it only has to be here. */
function findFaketime(): Promise<Service> {
  const { env, name, package: debian } = FAKETIME;
  const library = faketimeLibrary();
  const told = library === undefined ? `${name} is not here: apt-get install ${debian}, or set ${env}` : library;
  return Promise.resolve({ env, url: library, told, stop: () => Promise.resolve() });
}

/** Nothing runs yet: the program only has to be here. */
function findPgbouncer(): Promise<Service> {
  const { env, name, package: debian } = PGBOUNCER;
  const program = onPath(name);
  const told = program === undefined ? `${name} is not here: apt-get install ${debian}` : program;
  return Promise.resolve({ env, url: program, told, stop: () => Promise.resolve() });
}

/**
 * Real servers for the tests: those of the `TEST_…_URL` variables, otherwise programs on PATH, which are installed first if
 * possible. Postgres is the embedded one unless `TEST_POSTGRES_URL` is set.
 */
export async function startServices({
  programs = [REDIS, NATS],
  faketime = false,
  pgbouncer = false,
}: { programs?: readonly ServerProgram[]; faketime?: boolean; pgbouncer?: boolean } = {}): Promise<Services> {
  const lacking = programs.filter(({ env, name }) => givenUrl(env) === undefined && onPath(name) === undefined);
  const clockless = faketime && faketimeLibrary() === undefined;
  const poolerless = pgbouncer && onPath(PGBOUNCER.name) === undefined;
  const missing = [
    ...(poolerless ? [PGBOUNCER.package] : []),
    ...lacking.map((program) => program.package),
    ...(clockless ? [FAKETIME.package] : []),
  ];
  if (missing.length > 0) install(missing);
  const services = await Promise.all([
    startPostgres(),
    ...(faketime ? [findFaketime()] : []),
    ...(pgbouncer ? [findPgbouncer()] : []),
    ...programs.map(startProgram),
  ]);
  const there = services.filter(({ url }) => url !== undefined);
  return {
    env: Object.fromEntries(there.map(({ env, url }) => [env, url!])),
    summary: there.map(({ told }) => told).join(', '),
    absent: services.filter(({ url }) => url === undefined).map(({ told }) => told),
    stop: async () => {
      await Promise.all(services.map((service) => service.stop()));
    },
  };
}
