import { chmodSync, cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { run, type Account } from '../../src/platform/postgres/account.ts';
import { packagedBinaries, usableBinaries } from '../../src/platform/postgres/binaries.ts';

const AS_ROOT = process.getuid?.() === 0;
const ACCOUNT: Account | undefined = AS_ROOT ? { name: 'nobody', uid: 65_534, gid: 65_534 } : undefined;

const isLink = (file: string): boolean => lstatSync(file).isSymbolicLink();

/** The package as npm leaves it when install scripts are blocked: without the links between its libraries. */
function packageWithoutLinks(parent: string): string {
  const source = path.dirname(packagedBinaries());
  const copy = path.join(parent, 'package');
  cpSync(source, copy, { recursive: true, verbatimSymlinks: true, filter: (file) => !isLink(file) });
  return path.join(copy, 'native');
}

const links = (home: string): string[] =>
  readdirSync(path.join(home, 'lib')).filter((name) => isLink(path.join(home, 'lib', name)));
const runs = async (home: string): Promise<boolean> =>
  (await run(ACCOUNT, [path.join(home, 'bin/postgres'), '--version'])).output.includes('PostgreSQL');

describe('the binaries of Postgres', function () {
  this.timeout(60_000);
  let folder: string;
  let place: string;

  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'cartulary-binaries-'));
    place = mkdtempSync(path.join(os.tmpdir(), 'cartulary-place-'));
    for (const made of [folder, place]) chmodSync(made, 0o755);
  });
  /** Makes the installed binaries unusable. For root: the account may not enter their folder. For an ordinary user: `lib` is read-only. */
  const shut = (packaged: string): void => {
    if (AS_ROOT) chmodSync(folder, 0o700);
    else {
      chmodSync(path.join(packaged, 'lib'), 0o555);
      console.log('      NOTE: not root here: the installed binaries are read-only instead of out of reach');
    }
  };
  afterEach(() => {
    for (const made of [folder, place]) {
      chmodSync(made, 0o755);
      if (existsSync(path.join(made, 'package/native/lib'))) chmodSync(path.join(made, 'package/native/lib'), 0o755);
      rmSync(made, { recursive: true, force: true });
    }
  });

  it('are used where npm put them when they run there', async () => {
    const packaged = packageWithoutLinks(folder);
    await usableBinaries(place, ACCOUNT, packaged);
    const binaries = await usableBinaries(place, ACCOUNT, packaged);
    expect(binaries.home).to.equal(packaged);
    expect(binaries.major).to.be.at.least(18);
  });

  it('get the links that a blocked install script did not make', async () => {
    const packaged = packageWithoutLinks(folder);
    expect(links(packaged)).to.deep.equal([]);
    if (process.platform === 'linux') expect(await runs(packaged), 'before').to.equal(false);
    const binaries = await usableBinaries(place, ACCOUNT, packaged);
    expect(binaries.home).to.equal(packaged);
    expect(await runs(binaries.home)).to.equal(true);
    expect(readdirSync(place), 'no copy was needed').to.deep.equal([]);
  });

  it('are copied once when the installed ones may not be entered by whom Postgres runs as', async () => {
    const packaged = packageWithoutLinks(folder);
    shut(packaged);
    const binaries = await usableBinaries(place, ACCOUNT, packaged);
    expect(binaries.home.startsWith(place)).to.equal(true);
    expect(await runs(binaries.home)).to.equal(true);
    const made = lstatSync(binaries.home).ctimeMs;
    expect((await usableBinaries(place, ACCOUNT, packaged)).home).to.equal(binaries.home);
    expect(lstatSync(binaries.home).ctimeMs, 'the copy is kept').to.equal(made);
  });

  it('are copied whole even under a mask that shuts everybody out', async () => {
    const packaged = packageWithoutLinks(folder);
    shut(packaged);
    const mask = process.umask(0o077);
    try {
      const binaries = await usableBinaries(place, ACCOUNT, packaged);
      expect(await runs(binaries.home)).to.equal(true);
    } finally {
      process.umask(mask);
    }
  });

  it('are made anew when the copy is broken', async () => {
    const packaged = packageWithoutLinks(folder);
    shut(packaged);
    const { home } = await usableBinaries(place, ACCOUNT, packaged);
    rmSync(path.join(home, 'lib/libpq.so.5.18'), { force: true });
    for (const name of readdirSync(path.join(home, 'lib'))) {
      if (name.startsWith('libicu') || name.startsWith('libxml')) rmSync(path.join(home, 'lib', name));
    }
    expect(await runs(home), 'broken').to.equal(process.platform !== 'linux');
    const again = await usableBinaries(place, ACCOUNT, packaged);
    expect(again.home).to.equal(home);
    expect(await runs(home)).to.equal(true);
  });

  it('that do not run at all end in a sentence that says what to do', async () => {
    const packaged = path.join(folder, 'package/native');
    mkdirSync(path.join(packaged, 'bin'), { recursive: true });
    cpSync(path.join(path.dirname(packagedBinaries()), 'package.json'), path.join(folder, 'package/package.json'));
    const error = await usableBinaries(place, ACCOUNT, packaged).catch((thrown: unknown) => thrown);
    expect(error).to.be.an('error').with.property('message').that.contains('DATABASE_URL');
  });
});
