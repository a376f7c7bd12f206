import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import http from 'node:http';
import { expect } from 'chai';
import { isAlive } from '../../src/platform/lock.ts';
import { disposeDataDirs, newDataDir, postmasterOf } from '../support/embedded.ts';
import { eventually } from '../support/eventually.ts';
import { runCartulary, spawnServer, type ServerProcess } from '../support/process.ts';

const STOP_MS = 30_000;
const WORKERS = 2;
const REQUESTS = 20;

/** Uses a new connection for each request, so that the workers take turns. */
const get = (url: string, headers: Record<string, string> = {}): Promise<{ status: number; text: string }> =>
  new Promise((resolve, reject) => {
    const request = http.get(url, { agent: false, headers, timeout: 10_000 }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    request.once('error', reject);
    request.once('timeout', () => request.destroy(new Error('no answer')));
  });

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .map(Number)
    .filter((child) => child > 0);
/** The command line of a process; empty if the process has ended since it was listed. */
const commandOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as { code?: string }).code ?? '')) return '';
    throw error;
  }
};
/** The children that run `serve`. Postgres is also a child of the primary, but no worker. */
const workersOf = ({ pid }: ServerProcess): number[] =>
  childrenOf(pid).filter((child) => commandOf(child).includes('serve'));

const served = async (url: string): Promise<number> => {
  const { text } = await get(`${url}/metrics`);
  const line = /^http_request_duration_seconds_count\{route="\/livez",method="GET",status="200"\} (\d+)$/m.exec(text);
  return Number(line?.[1] ?? 0);
};

describe('several workers at one port', function () {
  this.timeout(240_000);
  const dataDir = newDataDir();
  const env = { DATA_DIR: dataDir, WORKERS: String(WORKERS), LOG_LEVEL: 'warn' };
  let server: ServerProcess;
  before(async () => {
    server = await spawnServer({ env });
  });
  after(disposeDataDirs);

  it('share one embedded Postgres, and what there is to do beside HTTP is done by a process of its own', async () => {
    expect(workersOf(server)).to.have.length(WORKERS + 1);
    const account = { email: 'ada@shop.example', password: 'parchment and ink' };
    const body = JSON.stringify({ ...account, name: 'Ada' });
    const headers = { 'content-type': 'application/json' };
    const registered = await fetch(`${server.url}/api/v1/auth/register`, { method: 'POST', body, headers });
    expect(registered.status).to.equal(201);
    const login = await fetch(`${server.url}/api/v1/auth/login`, {
      ...{ method: 'POST', body: JSON.stringify(account), headers },
    });
    const { data } = (await login.json()) as { data: { access_token: string } };
    const authorization = `Bearer ${data.access_token}`;
    await eventually('every worker knows her', async () => {
      const answers = await Promise.all(
        Array.from({ length: 2 * WORKERS }, () => get(`${server.url}/api/v1/users/me`, { authorization })),
      );
      return answers.every(({ status, text }) => status === 200 && text.includes('ada@shop.example'));
    });
  });

  it('are told of as one, whichever is asked', async () => {
    const before = await served(server.url);
    for (let n = 0; n < REQUESTS; n += 1) expect((await get(`${server.url}/livez`)).status).to.equal(200);
    for (let n = 0; n < 2 * WORKERS; n += 1) expect(await served(server.url)).to.equal(before + REQUESTS);
    expect((await get(`${server.url}/metrics`)).text).to.contain('cartulary_projection_lag_events{name="orders"}');
  });

  it('are replaced when they are killed, and the others go on meanwhile', async () => {
    for (const victim of workersOf(server)) {
      process.kill(victim, 'SIGKILL');
      await eventually('there is another in its place', () => {
        const now = workersOf(server);
        return now.length === WORKERS + 1 && !now.includes(victim);
      });
      expect((await get(`${server.url}/readyz`)).status, 'meanwhile').to.equal(200);
      await eventually(
        'all of them are at work',
        async () => (await get(`${server.url}/metrics`)).text.includes(`cartulary_workers ${WORKERS + 1}`),
        30_000,
      );
    }
  });

  it('end with their primary when that is killed; the next start adopts what was left', async () => {
    const orphans = workersOf(server);
    server.kill('SIGKILL');
    await server.exited;
    await eventually('no worker is left', () => !orphans.some(isAlive), 15_000);
    server = await spawnServer({ env });
    expect((await get(`${server.url}/readyz`)).status).to.equal(200);
  });

  it('stop with 0 and leave nothing running', async () => {
    const workers = workersOf(server);
    const postmaster = postmasterOf(dataDir) ?? 0;
    expect(isAlive(postmaster)).to.equal(true);
    expect(await server.end('SIGTERM', STOP_MS)).to.deep.equal({ code: 0, signal: null });
    expect([...workers, postmaster].filter(isAlive)).to.deep.equal([]);
    expect(server.output()).to.not.contain('by force');
  });

  it('refuse a port that is taken, in one sentence, and leave nothing running', async () => {
    const taken = await new Promise<Server>((resolve) => {
      const holder = createServer().listen(0, '127.0.0.1', () => resolve(holder));
    });
    const port = String((taken.address() as AddressInfo).port);
    const refused = await runCartulary(['serve'], { env: { ...env, PORT: port, LOG_LEVEL: 'silent' } });
    taken.close();
    expect(refused.code).to.equal(1);
    expect(refused.output.trim()).to.equal(`cartulary: Port ${port} on 127.0.0.1 is in use: set PORT to another.`);
    expect(isAlive(postmasterOf(dataDir) ?? 0)).to.equal(false);
  });
});
