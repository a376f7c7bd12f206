import { existsSync, readdirSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { expect } from 'chai';
import { isAlive } from '../../src/platform/lock.ts';
import { disposeDataDirs, newDataDir, postmasterOf, select, until, usedDataDir } from '../support/embedded.ts';
import { runCartulary, serving, spawnCartulary, spawnServer, type ServerProcess } from '../support/process.ts';

const STOP_MS = 10_000;
/** Two signals within this time, ms, count as one request to stop. */
const SAME_WISH_MS = 600;
const PASSWORD = 'a rather long password';
/** Slow enough that a request is still in flight when the signal comes. */
const SLOW_BCRYPT_COST = '13';

const post = (server: ServerProcess, route: string, body: unknown): Promise<Response> =>
  fetch(`${server.url}/api/v1${route}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
const register = (server: ServerProcess, email: string): Promise<Response> =>
  post(server, '/auth/register', { email, password: PASSWORD, name: 'Ada' });
const login = (server: ServerProcess, email: string): Promise<Response> =>
  post(server, '/auth/login', { email, password: PASSWORD });
/**
 * Starts a registration, and returns while the server works on it: other requests have been answered since. The object around the
 * promise prevents that it is awaited.
 */
async function begun(server: ServerProcess): Promise<{ answer: Promise<Response> }> {
  let answered = false;
  const answer = register(server, 'ada@shop.example');
  answer.then(
    () => (answered = true),
    () => (answered = true),
  );
  for (let others = 0; others < 3; others += 1) expect((await fetch(`${server.url}/health`)).status).to.equal(200);
  expect(answered, 'answered already').to.equal(false);
  return { answer };
}
const runs = (dataDir: string): boolean => isAlive(postmasterOf(dataDir) ?? 0);

describe('cartulary serve with nothing but a data folder', function () {
  this.timeout(120_000);
  afterEach(disposeDataDirs);

  it('starts, says where everything is, and stops cleanly on SIGTERM', async () => {
    const dataDir = newDataDir();
    const server = await spawnServer({ env: { DATA_DIR: dataDir } });
    for (const line of [
      `API          ${server.url}/api/v1`,
      `docs         ${server.url}/docs`,
      'first admin  npx cartulary',
    ]) {
      expect(server.answer()).to.contain(line);
    }
    expect(server.output()).to.contain('which is meant for development only');
    expect((await fetch(`${server.url}/health`)).status).to.equal(200);
    expect(await server.end('SIGTERM', STOP_MS)).to.deep.equal({ code: 0, signal: null });
    expect(runs(dataDir), 'Postgres after the stop').to.equal(false);
  });

  it('answers what is in flight when Ctrl-C reaches the whole process group', async () => {
    const dataDir = await usedDataDir();
    const env = { DATA_DIR: dataDir, BCRYPT_COST: SLOW_BCRYPT_COST };
    const server = await spawnServer({ env, ownGroup: true });
    const { answer } = await begun(server);
    process.kill(-server.pid, 'SIGINT');
    // npm passes a signal on that the terminal has already sent to the group.
    process.kill(server.pid, 'SIGINT');
    expect((await answer).status).to.equal(201);
    expect(await server.exited).to.deep.equal({ code: 0, signal: null });

    const again = await spawnServer({ env });
    expect((await login(again, 'ada@shop.example')).status).to.equal(200);
    await again.end('SIGTERM', STOP_MS);
  });

  it('has lost nothing it acknowledged when it is killed and started again', async () => {
    const dataDir = await usedDataDir();
    const server = await spawnServer({ env: { DATA_DIR: dataDir } });
    expect((await register(server, 'ada@shop.example')).status).to.equal(201);
    await server.end('SIGKILL');
    expect(runs(dataDir), 'the orphan').to.equal(true);

    const again = await spawnServer({ env: { DATA_DIR: dataDir } });
    expect(again.output()).to.contain('postgres adopted');
    expect((await login(again, 'ada@shop.example')).status).to.equal(200);
    expect((await register(again, 'ada@shop.example')).status).to.equal(409);
    await again.end('SIGTERM', STOP_MS);
    expect(runs(dataDir), 'Postgres after the stop').to.equal(false);
  });

  it('serves again by itself after its postmaster was killed', async () => {
    const dataDir = await usedDataDir();
    const server = await spawnServer({ env: { DATA_DIR: dataDir } });
    expect((await register(server, 'ada@shop.example')).status).to.equal(201);
    process.kill(postmasterOf(dataDir)!, 'SIGKILL');
    const status = await until(async () => {
      const answer = await login(server, 'ada@shop.example').catch(() => undefined);
      expect(answer?.status).to.be.oneOf([200, 503]);
      return answer?.status === 200 ? 200 : undefined;
    });
    expect(status).to.equal(200);
    await server.end('SIGTERM', STOP_MS);
  });

  it('runs twice at once on two data folders', async () => {
    const [one, two] = await Promise.all(
      [await usedDataDir(), await usedDataDir()].map((dataDir) => spawnServer({ env: { DATA_DIR: dataDir } })),
    );
    expect((await register(one!, 'ada@shop.example')).status).to.equal(201);
    expect((await login(two!, 'ada@shop.example')).status).to.equal(401);
    await Promise.all([one!.end('SIGTERM', STOP_MS), two!.end('SIGTERM', STOP_MS)]);
  });

  it('leaves when told to while it is still starting, and takes its Postgres along', async () => {
    const dataDir = newDataDir();
    const server = spawnCartulary(['serve'], { env: { DATA_DIR: dataDir } });
    await until(() => (existsSync(dataDir) && readdirSync(dataDir).length > 0 ? true : undefined));
    expect(await server.end('SIGTERM', STOP_MS)).to.deep.equal({ code: 0, signal: null });
    expect(runs(dataDir), 'Postgres after the stop').to.equal(false);
  });

  it('lets the command line look while it serves', async () => {
    const dataDir = await usedDataDir();
    const env = { DATA_DIR: dataDir };
    const server = await spawnServer({ env });
    const status = await runCartulary(['migrate', 'status', '--json'], { env });
    expect(status.code, status.output).to.equal(0);
    expect(JSON.parse(status.answer)).to.have.property('pending').that.deep.equals([]);
    expect((await fetch(`${server.url}/health`)).status).to.equal(200);
    await server.end('SIGTERM', STOP_MS);
  });

  it('refuses a port that is taken, in one sentence, and leaves nothing running', async () => {
    const taken = await new Promise<Server>((resolve) => {
      const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
    });
    const dataDir = await usedDataDir();
    const port = String((taken.address() as AddressInfo).port);
    const refused = await runCartulary(['serve'], { env: { DATA_DIR: dataDir, PORT: port, LOG_LEVEL: 'error' } });
    taken.close();
    expect(refused.code).to.equal(1);
    expect(refused.output.trim()).to.equal(`cartulary: Port ${port} on 127.0.0.1 is in use: set PORT to another.`);
    expect(runs(dataDir)).to.equal(false);
  });

  it('refuses wrong settings, all of them by name, before anything is started', async () => {
    const dataDir = newDataDir();
    const refused = await runCartulary(['serve'], { env: { DATA_DIR: dataDir, PORT: 'http', CURRENCY: 'gold' } });
    expect(refused.code).to.equal(78);
    expect(refused.output.trim().split('\n')).to.deep.equal([
      'cartulary: Invalid settings:',
      '  PORT must be a whole number from 0 to 65535',
      '  CURRENCY must be an ISO 4217 currency code, such as USD or EUR',
    ]);
    expect(existsSync(dataDir)).to.equal(false);
  });

  it('keeps to itself: its Postgres is not the shop of somebody who only knows the port', async () => {
    const dataDir = await usedDataDir();
    const server = await spawnServer({ env: { DATA_DIR: dataDir } });
    const port = /"port":(\d+)/.exec(server.output())?.[1] ?? '';
    const refused = await select(`postgres://cartulary@127.0.0.1:${port}/cartulary`, 'SELECT 1').catch(
      (error: unknown) => error,
    );
    expect(refused).to.be.an('error');
    await server.end('SIGTERM', STOP_MS);
  });
});

describe('a server that was asked twice to stop', function () {
  this.timeout(120_000);
  afterEach(disposeDataDirs);

  it('ends at once at the second signal, and the next start adopts what it left', async () => {
    const dataDir = await usedDataDir();
    const env = { DATA_DIR: dataDir, BCRYPT_COST: '15' };
    const server = await spawnServer({ env });
    const { answer } = await begun(server);
    server.kill('SIGTERM');
    await until(() => (server.output().includes('"stopping"') ? true : undefined));
    await new Promise((resolve) => setTimeout(resolve, SAME_WISH_MS));
    expect(await server.end('SIGTERM', STOP_MS)).to.deep.equal({ code: 1, signal: null });
    await answer.catch(() => undefined);
    const next = await serving(spawnCartulary(['serve'], { env: { ...env, BCRYPT_COST: '4' } }));
    expect((await fetch(`${next.url}/health`)).status).to.equal(200);
    await next.end('SIGTERM', STOP_MS);
  });
});
