import { existsSync, readdirSync, renameSync, symlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import path from 'node:path';
import { expect } from 'chai';
import { isAlive } from '../../src/platform/lock.ts';
import {
  disposeDataDirs,
  launchHolder,
  newDataDir,
  placeOf,
  postmasterOf,
  select,
  startHolder,
  until,
  usedDataDir,
  type Holder,
} from '../support/embedded.ts';

const ROWS_WANTED = 50;
const STOP_MS = 10_000;

const enoughRows = (holder: Holder): Promise<true> =>
  until(() => (holder.acknowledged() >= ROWS_WANTED ? true : undefined));
const gone = (pid: number): Promise<true> => until(() => (isAlive(pid) ? undefined : true));

const runs = (dataDir: string): boolean => isAlive(postmasterOf(dataDir) ?? 0);

async function expectKept(url: string, acknowledged: number): Promise<void> {
  const [row] = await select(url, 'SELECT count(*)::int AS rows, max(n)::int AS last FROM kept');
  expect(row?.['rows'], 'no gap').to.equal(row?.['last']);
  // The last commit may lack its acknowledgement: one row more is possible, never one less.
  expect(row?.['last']).to.be.within(acknowledged, acknowledged + 1);
}

describe('the embedded Postgres', function () {
  this.timeout(120_000);
  afterEach(disposeDataDirs);

  it('keeps what was written from one start to the next, and does not run in between', async () => {
    const dataDir = newDataDir();
    const first = await startHolder(dataDir, { writing: true });
    await enoughRows(first);
    const postmaster = postmasterOf(dataDir)!;
    expect(await first.end('SIGTERM')).to.deep.equal({ code: 0, signal: null });
    expect(first.output()).to.contain('left');
    expect(isAlive(postmaster), 'postmaster after the stop').to.equal(false);

    const second = await startHolder(dataDir);
    expect(second.adopted).to.equal(false);
    await expectKept(second.url, first.acknowledged());
    await second.end('SIGTERM');
  });

  it('is durable: fsync, synchronous commit and full page writes are on', async () => {
    const holder = await startHolder(newDataDir());
    const [row] = await select(
      holder.url,
      "SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit, current_setting('full_page_writes') AS pages",
    );
    expect(row).to.deep.equal({ fsync: 'on', commit: 'on', pages: 'on' });
    await holder.end('SIGTERM');
  });

  it('is adopted with every acknowledged row after its process was killed', async () => {
    const dataDir = await usedDataDir();
    const first = await startHolder(dataDir, { writing: true });
    await enoughRows(first);
    await first.end('SIGKILL');
    const orphan = postmasterOf(dataDir)!;
    expect(isAlive(orphan), 'the orphan').to.equal(true);

    const second = await startHolder(dataDir);
    expect(second.adopted).to.equal(true);
    expect(second.url).to.equal(first.url);
    expect(postmasterOf(dataDir)).to.equal(orphan);
    await expectKept(second.url, first.acknowledged());
    await second.end('SIGTERM');
    expect(isAlive(orphan), 'the orphan after the stop').to.equal(false);
  });

  it('starts again with every acknowledged row after the postmaster and its process were killed', async () => {
    const dataDir = await usedDataDir();
    const first = await startHolder(dataDir, { writing: true });
    await enoughRows(first);
    const postmaster = postmasterOf(dataDir)!;
    first.kill('SIGKILL');
    process.kill(postmaster, 'SIGKILL');
    await first.exited;

    const second = await startHolder(dataDir);
    expect(second.adopted).to.equal(false);
    expect(postmasterOf(dataDir)).not.to.equal(postmaster);
    await expectKept(second.url, first.acknowledged());
    await second.end('SIGTERM');
  });

  it('comes back at the same address when its postmaster is killed under a running server', async () => {
    const dataDir = await usedDataDir();
    const holder = await startHolder(dataDir);
    await select(holder.url, 'CREATE TABLE kept AS SELECT n FROM generate_series(1, 10) n');
    const postmaster = postmasterOf(dataDir)!;
    process.kill(postmaster, 'SIGKILL');
    await gone(postmaster);

    await until(() => select(holder.url, 'SELECT 1').catch(() => undefined));
    await expectKept(holder.url, 10);
    expect(await holder.end('SIGTERM')).to.deep.equal({ code: 0, signal: null });
    expect(runs(dataDir), 'postmaster after the stop').to.equal(false);
  });

  it('recovers when it is killed while its first start makes the cluster', async () => {
    const dataDir = newDataDir();
    const first = launchHolder(dataDir);
    const halfMade = (name: string): boolean => name.startsWith('postgres.initialising');
    await until(() => (existsSync(dataDir) && readdirSync(dataDir).some(halfMade) ? true : undefined));
    await first.end('SIGKILL');
    const second = await startHolder(dataDir, { writing: true });
    await enoughRows(second);
    await second.end('SIGTERM');
    expect(readdirSync(dataDir).filter(halfMade)).to.deep.equal([]);
  });

  it('stops within ten seconds although clients are connected and one is in a transaction', async () => {
    const dataDir = await usedDataDir();
    const holder = await startHolder(dataDir);
    const waiting = select(holder.url, 'SELECT pg_sleep(60)').then(
      () => 'answered',
      () => 'cut off',
    );
    const sleeping = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'";
    await until(async () => ((await select(holder.url, sleeping)).length > 0 ? true : undefined));
    await holder.end('SIGTERM', STOP_MS);
    expect(await waiting).to.equal('cut off');
  });

  it('runs twice at once on two data folders', async () => {
    const [one, two] = await Promise.all([startHolder(newDataDir()), startHolder(newDataDir())]);
    expect(new URL(one.url).port).not.to.equal(new URL(two.url).port);
    await select(one.url, 'CREATE TABLE only_here (n int)');
    const found = await select(two.url, "SELECT to_regclass('only_here') AS found");
    expect(found).to.deep.equal([{ found: null }]);
    await Promise.all([one.end('SIGTERM'), two.end('SIGTERM')]);
  });

  it('runs beside another program that listens on 5432', async () => {
    const neighbour = await new Promise<Server | undefined>((resolve) => {
      const server = createServer();
      // Another program already listens there, which serves the test as well.
      server.once('error', () => resolve(undefined));
      server.listen(5432, '127.0.0.1', () => resolve(server));
    });
    try {
      const holder = await startHolder(await usedDataDir());
      expect(new URL(holder.url).port).not.to.equal('5432');
      expect(await select(holder.url, 'SELECT 1 AS one')).to.deep.equal([{ one: 1 }]);
      await holder.end('SIGTERM');
    } finally {
      neighbour?.close();
    }
  });

  it('listens on the loopback address only, and lets nobody in without the password', async () => {
    const holder = await startHolder(await usedDataDir());
    const [row] = await select(
      holder.url,
      "SELECT current_setting('listen_addresses') AS address, current_setting('unix_socket_directories') AS sockets",
    );
    expect(row).to.deep.equal({ address: '127.0.0.1', sockets: '' });
    const stranger = new URL(holder.url);
    stranger.password = 'guessed';
    const refused = await select(stranger.href, 'SELECT 1').catch((error: unknown) => error);
    expect(refused).to.be.an('error').with.property('code', '28P01');
    await holder.end('SIGTERM');
  });
});

describe('a data folder', function () {
  this.timeout(120_000);
  afterEach(disposeDataDirs);

  it('has one server at a time: a second one is told so and does no harm', async () => {
    const dataDir = await usedDataDir();
    const first = await startHolder(dataDir);
    const second = launchHolder(dataDir);
    expect((await second.exited).code).to.equal(1);
    expect(second.output()).to.contain(`is in use by another cartulary server (process ${first.pid} on `);
    expect(await select(first.url, 'SELECT 1 AS one')).to.deep.equal([{ one: 1 }]);
    await first.end('SIGTERM');
  });

  it('is free again when its server was killed', async () => {
    const dataDir = await usedDataDir();
    await (await startHolder(dataDir)).end('SIGKILL');
    const next = await startHolder(dataDir);
    await next.end('SIGTERM');
  });

  it('that is moved while its Postgres was left behind is adopted where it is now, never served twice', async () => {
    const dataDir = await usedDataDir();
    const first = await startHolder(dataDir, { writing: true });
    await enoughRows(first);
    await first.end('SIGKILL');
    const orphan = postmasterOf(dataDir)!;
    const moved = `${dataDir}-moved`;
    renameSync(dataDir, moved);
    try {
      const second = await startHolder(moved);
      expect(second.adopted).to.equal(true);
      expect(postmasterOf(moved)).to.equal(orphan);
      await expectKept(second.url, first.acknowledged());
      await second.end('SIGTERM');
    } finally {
      renameSync(moved, dataDir);
    }
  });

  it('works under a name with spaces and letters of any alphabet, and through a link', async () => {
    const dataDir = path.join(newDataDir(), "a 'shop' of mühe – 店");
    const first = await startHolder(dataDir);
    expect(placeOf(dataDir)).to.equal(dataDir);
    await first.end('SIGKILL');
    const link = path.join(path.dirname(dataDir), 'link');
    symlinkSync(dataDir, link);
    const second = await startHolder(link);
    expect(second.adopted).to.equal(true);
    await second.end('SIGTERM');
  });

  it('lets a command use the Postgres of a running server without stopping it', async () => {
    const dataDir = await usedDataDir();
    const server = await startHolder(dataDir);
    const command = await startHolder(dataDir, { as: 'command' });
    expect(command.adopted).to.equal(true);
    expect(command.url).to.equal(server.url);
    await command.end('SIGTERM');
    expect(await select(server.url, 'SELECT 1 AS one')).to.deep.equal([{ one: 1 }]);
    await server.end('SIGTERM');
    expect(runs(dataDir)).to.equal(false);
  });

  it('keeps its Postgres running for a command that outlasts the server, until that leaves too', async () => {
    const dataDir = await usedDataDir();
    const server = await startHolder(dataDir);
    const command = await startHolder(dataDir, { as: 'command' });
    await server.end('SIGTERM');
    expect(await select(command.url, 'SELECT 1 AS one')).to.deep.equal([{ one: 1 }]);
    await command.end('SIGTERM');
    expect(runs(dataDir)).to.equal(false);
  });

  it('gives one Postgres to many commands that start and end at once', async () => {
    const dataDir = newDataDir();
    const commands = await Promise.all([1, 2, 3, 4].map(() => startHolder(dataDir, { as: 'command' })));
    expect(new Set(commands.map(({ url }) => url)).size).to.equal(1);
    expect(commands.filter(({ adopted }) => !adopted)).to.have.length(1);
    await Promise.all(commands.map((command) => command.end('SIGTERM')));
    expect(runs(dataDir)).to.equal(false);
  });
});
