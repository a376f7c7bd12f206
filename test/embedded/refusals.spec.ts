import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import {
  disposeDataDirs,
  launchHolder,
  newDataDir,
  placeOf,
  select,
  startHolder,
  usedDataDir,
} from '../support/embedded.ts';

async function madeOnce(): Promise<string> {
  const dataDir = await usedDataDir();
  const holder = await startHolder(dataDir);
  await select(holder.url, 'CREATE TABLE kept AS SELECT n FROM generate_series(1, 3) n');
  await holder.end('SIGTERM');
  return dataDir;
}

async function refusalOf(dataDir: string): Promise<string> {
  const holder = launchHolder(dataDir);
  expect((await holder.exited).code).to.equal(1);
  return holder.output();
}

describe('a data folder that cannot be used', function () {
  this.timeout(120_000);
  afterEach(disposeDataDirs);

  it('is refused when another major version of Postgres made it', async () => {
    const dataDir = await madeOnce();
    const file = path.join(dataDir, 'postgres/PG_VERSION');
    const version = readFileSync(file, 'utf8');
    writeFileSync(file, '15\n');
    const refusal = await refusalOf(dataDir);
    expect(refusal)
      .to.contain('was made by Postgres 15, and this version brings Postgres 18')
      .and.contain('DATABASE_URL');
    writeFileSync(file, version);
    await (await startHolder(dataDir)).end('SIGTERM');
  });

  it('is refused when its secrets are gone, rather than made anew over what they had sealed', async () => {
    const dataDir = await madeOnce();
    const file = path.join(dataDir, 'secrets.json');
    renameSync(file, `${file}.away`);
    expect(await refusalOf(dataDir))
      .to.contain('secrets.json')
      .and.contain('restore that file');
    expect(existsSync(file)).to.equal(false);
    renameSync(`${file}.away`, file);
    await (await startHolder(dataDir)).end('SIGTERM');
  });

  it('is refused when its secrets are unreadable', async () => {
    const dataDir = await madeOnce();
    writeFileSync(path.join(dataDir, 'secrets.json'), '{"databasePassw');
    expect(await refusalOf(dataDir)).to.contain('is not JSON: restore it');
  });

  it('is refused when what it points to is gone', async () => {
    const dataDir = newDataDir();
    mkdirSync(dataDir);
    writeFileSync(path.join(dataDir, 'postgres.location'), '/nowhere/at-all\n');
    expect(await refusalOf(dataDir)).to.contain(
      'says that the database is kept in /nowhere/at-all, which is not there',
    );
    rmSync(path.join(dataDir, 'postgres.location'));
  });
});

describe('a stale record of a postmaster', function () {
  this.timeout(120_000);
  afterEach(disposeDataDirs);

  it('does not stand in the way when its number is now that of another process', async () => {
    const dataDir = await madeOnce();
    const stranger = spawn('sleep', ['60'], { stdio: 'ignore' });
    try {
      const cluster = path.join(placeOf(dataDir), 'postgres');
      writeFileSync(
        path.join(cluster, 'postmaster.pid'),
        [String(stranger.pid), cluster, '1700000000', '5432', '', '127.0.0.1', '  1 1', 'ready   ', ''].join('\n'),
      );
      const holder = await startHolder(dataDir);
      expect(holder.adopted).to.equal(false);
      expect(await select(holder.url, 'SELECT count(*)::int AS rows FROM kept')).to.deep.equal([{ rows: 3 }]);
      await holder.end('SIGTERM');
      expect(stranger.exitCode, 'the stranger is left alone').to.equal(null);
    } finally {
      stranger.kill('SIGKILL');
    }
  });
});
