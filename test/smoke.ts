import { randomUUID } from 'node:crypto';
import { isAlive } from '../src/platform/lock.ts';
import { readPage } from './docs/page.ts';
import { READER_SETTINGS, runPage } from './docs/session.ts';
import { newDataDir, postmasterOf } from './support/embedded.ts';
import { startEventStoreDouble } from './support/eventStoreDouble/index.ts';
import { ROOT, serving, spawnProgram, type ServerProcess } from './support/process.ts';
import { NATS, REDIS, startServices } from './support/services.ts';
import { topology, TOPOLOGY_TOLD } from './support/topology.ts';

interface Surroundings {
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** The servers that the shop uses in this topology (`TEST_TOPOLOGY`); none by default. */
async function surroundings(): Promise<Surroundings> {
  if (topology() === 'embedded') return { env: {}, stop: () => Promise.resolve() };
  const services = await startServices();
  const { [REDIS.env]: redis, [NATS.env]: nats } = services.env;
  if (redis === undefined || nats === undefined) throw new Error(services.absent.join('; '));
  const double = topology() === 'eventstore' ? await startEventStoreDouble() : undefined;
  return {
    env: { REDIS_URL: redis, NATS_URL: nats, ...(double === undefined ? {} : { EVENTSTORE_URL: double.url }) },
    stop: async () => {
      await double?.stop();
      await services.stop();
    },
  };
}

/**
 * `npm run smoke`: starts the shop by the README's command, as after a clone, but with its own port and data folder. Takes a
 * newcomer's first steps and those of the tutorial, and stops the shop. Prints each step. Exits with 1 when one fails.
 */
const STOP_MS = 10_000;
/** Time for npm to notice that its child has ended. */
const NPM_MS = 5_000;
const ACCOUNT = { email: 'ada@shop.example', password: randomUUID() };

interface Answer {
  readonly status: number;
  readonly data: Readonly<Record<string, unknown>>;
}

async function call(
  server: ServerProcess,
  method: string,
  route: string,
  more: { body?: unknown; token?: string } = {},
): Promise<Answer> {
  const response = await fetch(server.url + route, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(more.token === undefined ? {} : { authorization: `Bearer ${more.token}` }),
    },
    ...(more.body === undefined ? {} : { body: JSON.stringify(more.body) }),
  });
  const body = (await response.json()) as { data?: Record<string, unknown> };
  return { status: response.status, data: body.data ?? {} };
}

function expectStatus(what: string, answer: Answer, status: number): Answer {
  if (answer.status !== status)
    throw new Error(`${what}: ${answer.status} instead of ${status}: ${JSON.stringify(answer.data)}`);
  console.log(`  ✔ ${what}`);
  return answer;
}

async function journey(server: ServerProcess): Promise<void> {
  expectStatus('is healthy', await call(server, 'GET', '/health'), 200);
  expectStatus('is ready', await call(server, 'GET', '/readyz'), 200);
  expectStatus(
    'registers',
    await call(server, 'POST', '/api/v1/auth/register', { body: { ...ACCOUNT, name: 'Ada' } }),
    201,
  );
  const login = await call(server, 'POST', '/api/v1/auth/login', { body: ACCOUNT });
  const token = String(expectStatus('logs in', login, 200).data['access_token']);
  const me = expectStatus('knows who asks', await call(server, 'GET', '/api/v1/users/me', { token }), 200);
  if (me.data['email'] !== ACCOUNT.email) throw new Error(`me is ${JSON.stringify(me.data)}`);
  expectStatus('knows nobody without a token', await call(server, 'GET', '/api/v1/users/me'), 401);
}

/** The tutorial, which prints the same in every topology. */
const TUTORIAL = 'docs/tutorial/your-first-shop.md';

async function smoke(around: Surroundings['env']): Promise<void> {
  console.log(`  ${TOPOLOGY_TOLD[topology()]}`);
  const dataDir = newDataDir();
  const settings = { DATA_DIR: dataDir, ...around };
  const env = { ...READER_SETTINGS, ...settings, PORT: '0' };
  const server = await serving(spawnProgram(['npm', 'start'], { cwd: ROOT, env, ownGroup: true }));
  console.log(`  ✔ npm start serves at ${server.url}`);
  try {
    await journey(server);
    await runPage(readPage(TUTORIAL), { API: `${server.url}/api/v1`, ...settings });
    console.log(`  ✔ takes every step of ${TUTORIAL}, word for word`);
  } catch (error) {
    console.error(server.output());
    throw error;
  } finally {
    // Ctrl-C, as a terminal sends it: to npm, the shell and the server alike.
    process.kill(-server.pid, 'SIGINT');
    const late = setTimeout(() => process.kill(-server.pid, 'SIGKILL'), STOP_MS + NPM_MS);
    await server.exited;
    clearTimeout(late);
  }
  if (!server.output().includes('"stopped"')) throw new Error(`it did not stop cleanly:\n${server.output()}`);
  if (isAlive(postmasterOf(dataDir) ?? 0)) throw new Error('its Postgres still runs');
  console.log('  ✔ stops cleanly at Ctrl-C');
}

let code = 0;
const around = await surroundings();
try {
  await smoke(around.env);
} catch (error) {
  console.error(error);
  code = 1;
}
await around.stop();
process.exit(code);
