import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { canEnter, type Account } from '../../src/platform/postgres/account.ts';
import { ELSEWHERE } from '../../src/platform/postgres/place.ts';
import { disposeDataDirs, newDataDir, placeOf, postmasterOf, select, startHolder, until } from '../support/embedded.ts';
import { ROOT } from '../support/process.ts';

const AS_ROOT = process.getuid?.() === 0;
const NOBODY: Account = { name: 'nobody', uid: 65_534, gid: 65_534 };
const ROWS_WANTED = 20;

/** Prints why a test about accounts could not run as intended. */
const aloud = (sentence: string): void => console.log(`      NOTE: ${sentence}`);

async function keepsItsRows(dataDir: string, options: Parameters<typeof startHolder>[1] = {}): Promise<void> {
  const first = await startHolder(dataDir, { ...options, writing: true });
  await until(() => (first.acknowledged() >= ROWS_WANTED ? true : undefined));
  await first.end('SIGKILL');
  const adopting = await startHolder(dataDir, options);
  expect(adopting.adopted).to.equal(true);
  await adopting.end('SIGTERM');
  const third = await startHolder(dataDir, options);
  expect(third.adopted).to.equal(false);
  const [row] = await select(third.url, 'SELECT count(*)::int AS rows FROM kept');
  expect(row?.['rows']).to.be.at.least(first.acknowledged());
  await third.end('SIGTERM');
}

describe('started by root, the embedded Postgres', function () {
  this.timeout(120_000);
  afterEach(disposeDataDirs);

  it('runs as another account, which owns the cluster and nothing else', async () => {
    if (!AS_ROOT) aloud('not root here: it runs as ourselves');
    const dataDir = newDataDir();
    const holder = await startHolder(dataDir);
    const cluster = statSync(path.join(dataDir, 'postgres'));
    const postmaster = statSync(`/proc/${postmasterOf(dataDir) ?? 0}`, { throwIfNoEntry: false })?.uid ?? cluster.uid;
    expect(postmaster).to.equal(cluster.uid);
    if (AS_ROOT) expect(cluster.uid).not.to.equal(0);
    else expect(cluster.uid).to.equal(process.getuid?.());
    const secrets = statSync(path.join(dataDir, 'secrets.json'));
    expect(secrets.uid).to.equal(process.getuid?.());
    expect(secrets.mode & 0o777).to.equal(0o600);
    expect(cluster.mode & 0o777).to.equal(0o700);
    await holder.end('SIGTERM');
  });

  it('works below a folder that only root may enter, and is found there again', async () => {
    const dataDir = newDataDir();
    chmodSync(path.dirname(dataDir), 0o700);
    await keepsItsRows(dataDir);
    if (!AS_ROOT) {
      aloud('not root here: the cluster stays in the data folder');
      expect(placeOf(dataDir)).to.equal(dataDir);
      return;
    }
    expect(placeOf(dataDir)).to.match(new RegExp(`^${ELSEWHERE}/`));
    expect(existsSync(path.join(dataDir, 'postgres'))).to.equal(false);
    expect(readFileSync(path.join(placeOf(dataDir), 'belongs-to'), 'utf8').trim()).to.equal(dataDir);
    expect(statSync(path.dirname(dataDir)).mode & 0o777, 'the folder above stays shut').to.equal(0o700);
  });

  it('opens its own data folder for passing through when that alone is in the way', async () => {
    const dataDir = newDataDir();
    chmodSync(path.dirname(dataDir), 0o755);
    mkdirSync(dataDir, { mode: 0o700 });
    await keepsItsRows(dataDir);
    expect(placeOf(dataDir)).to.equal(dataDir);
    if (AS_ROOT) expect(statSync(dataDir).mode & 0o777).to.equal(0o711);
    else aloud('not root here: nothing was in the way');
  });

  it('runs as the owner of the data folder when that is an ordinary user', async () => {
    const dataDir = newDataDir();
    chmodSync(path.dirname(dataDir), 0o755);
    mkdirSync(dataDir, { mode: 0o755 });
    if (AS_ROOT) chownSync(dataDir, NOBODY.uid, NOBODY.gid);
    else aloud('not root here: the owner is ourselves');
    await keepsItsRows(dataDir);
    const owner = statSync(dataDir).uid;
    expect(statSync(path.join(dataDir, 'postgres')).uid).to.equal(owner);
    expect(statSync(path.join(dataDir, 'secrets.json')).uid).to.equal(owner);
  });
});

describe('started by an ordinary user, the embedded Postgres', function () {
  this.timeout(120_000);
  afterEach(disposeDataDirs);

  it('runs as that user, who owns all there is', async () => {
    const dataDir = newDataDir();
    const asNobody = AS_ROOT && (await canEnter(NOBODY, ROOT));
    if (!asNobody) aloud(AS_ROOT ? 'nobody may not enter this checkout: run as root' : 'run as ourselves');
    if (asNobody) chownSync(path.dirname(dataDir), NOBODY.uid, NOBODY.gid);
    const options = asNobody
      ? { user: NOBODY, env: { HOME: path.dirname(dataDir), TMPDIR: path.dirname(dataDir) } }
      : {};
    await keepsItsRows(dataDir, { ...options, cwd: path.dirname(dataDir) });
    const uid = asNobody ? NOBODY.uid : process.getuid?.();
    for (const name of ['secrets.json', 'postgres.log', 'users']) {
      expect(statSync(path.join(dataDir, name)).uid, name).to.equal(uid);
    }
    expect(statSync(dataDir).mode & 0o777).to.equal(AS_ROOT && !asNobody ? 0o711 : 0o700);
  });
});
