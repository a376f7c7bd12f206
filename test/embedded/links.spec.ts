import {
  existsSync,
  linkSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { hasCluster } from '../../src/platform/postgres/place.ts';
import { rejection } from '../support/rejection.ts';
import { disposeDataDirs, launchHolder, placeOf, startHolder, usedDataDir } from '../support/embedded.ts';
import { temporaryFolder } from '../support/process.ts';

const OURS = 'a file of others';
/** The files that the shop writes in a data folder under a name that can be known beforehand. */
const FILES = ['postgres.log', 'turn.lock', 'server.lock', 'secrets.json', 'secrets.lock'];

describe('a link that somebody has put into a data folder', function () {
  this.timeout(120_000);
  let dataDir: string;
  let elsewhere: string;
  let victim: string;
  beforeEach(async () => {
    dataDir = await usedDataDir();
    elsewhere = temporaryFolder('victim');
    victim = path.join(elsewhere, 'victim.conf');
    writeFileSync(victim, OURS, { mode: 0o644 });
  });
  afterEach(disposeDataDirs);

  async function refusal(): Promise<string> {
    const holder = launchHolder(dataDir);
    expect((await holder.exited).code, holder.output()).to.equal(1);
    return holder.output();
  }
  const isUntouched = (): void => {
    expect(readFileSync(victim, 'utf8')).to.equal(OURS);
    const { uid, mode } = lstatSync(victim);
    expect([uid, mode & 0o777]).to.deep.equal([process.getuid!(), 0o644]);
  };

  it('at the log of Postgres is not written through; a file with another name too is put aside', async () => {
    const log = path.join(placeOf(dataDir), 'postgres.log');
    rmSync(log, { force: true });
    symlinkSync(victim, log);
    expect(await refusal()).to.contain(`${log} is a link`);
    isUntouched();
    rmSync(log);
    linkSync(victim, log);
    await (await startHolder(dataDir)).end('SIGTERM');
    isUntouched();
    expect(lstatSync(log).nlink).to.equal(1);
  });

  it('at the folder of users is neither written nor cleared through', async () => {
    const users = path.join(placeOf(dataDir), 'users');
    rmSync(users, { recursive: true });
    symlinkSync(elsewhere, users);
    expect(await refusal()).to.contain(`${users} is a link`);
    expect(readdirSync(elsewhere)).to.deep.equal(['victim.conf']);
    isUntouched();
  });

  it('in the folder of users is left alone, as is what it leads to', async () => {
    const users = path.join(placeOf(dataDir), 'users');
    writeFileSync(path.join(users, 'notes.txt'), OURS);
    symlinkSync(victim, path.join(users, 'notes.json'));
    const holder = await startHolder(dataDir);
    await holder.end('SIGTERM');
    expect(readdirSync(users).sort()).to.deep.equal(['notes.json', 'notes.txt']);
    isUntouched();
  });

  it('at a lock is refused by name, even where it leads nowhere', async () => {
    for (const name of ['turn.lock', 'server.lock']) {
      const lock = path.join(placeOf(dataDir), name);
      for (const target of [victim, path.join(elsewhere, 'nowhere')]) {
        symlinkSync(target, lock);
        expect(await refusal()).to.contain(`${lock} is a link`);
        rmSync(lock);
      }
      expect(existsSync(path.join(elsewhere, 'nowhere'))).to.equal(false);
    }
    isUntouched();
  });

  it('at the file that says where the database is leads to no other database', async () => {
    const pointer = path.join(dataDir, 'postgres.location');
    const place = placeOf(dataDir);
    renameSync(path.join(place, 'postgres'), path.join(elsewhere, 'postgres'));
    writeFileSync(victim, `${elsewhere}\n`);
    rmSync(pointer, { force: true });
    symlinkSync(victim, pointer);
    expect((await rejection(hasCluster(dataDir))).message).to.contain(`${pointer} is a link`);
    expect(await refusal()).to.contain(`${pointer} is a link`);
    expect(readFileSync(victim, 'utf8')).to.equal(`${elsewhere}\n`);
  });

  it('is tried at every file whose name can be known beforehand', async () => {
    const holder = await startHolder(dataDir);
    const named = readdirSync(placeOf(dataDir)).filter((name) => lstatSync(path.join(placeOf(dataDir), name)).isFile());
    await holder.end('SIGTERM');
    expect(FILES).to.include.members(named);
  });
});
