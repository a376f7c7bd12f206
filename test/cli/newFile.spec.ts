import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { writeFileSafely } from '../../src/platform/newFile.ts';
import { rejection } from '../support/rejection.ts';
import { openWorld, type World } from './world.ts';

describe('a file that a command writes', function () {
  this.timeout(60_000);
  let world: World;
  let folder: string;
  before(async () => {
    world = await openWorld();
  });
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'cartulary-new-file-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  after(() => world.close());

  const at = (name: string): string => path.join(folder, name);
  const modeOf = (file: string): number => lstatSync(file).mode & 0o777;

  it('is an export that only its owner may read, and nothing else is left beside it', async () => {
    for (const name of ['log.ndjson', 'log.ndjson.gz']) {
      const { code, output } = await world.run(['export', at(name)]);
      expect(code, output).to.equal(0);
      expect(modeOf(at(name))).to.equal(0o600);
    }
    expect(readdirSync(folder).sort()).to.deep.equal(['log.ndjson', 'log.ndjson.gz']);
  });

  it('is no export through a link that somebody planted, dangling or not, under its name or that of its draft', async () => {
    writeFileSync(at('victim'), 'precious');
    symlinkSync(at('victim'), at('linked.ndjson'));
    symlinkSync(at('nowhere'), at('dangling.ndjson'));
    symlinkSync(at('victim'), at('log.ndjson.partial'));
    for (const name of ['linked.ndjson', 'dangling.ndjson']) {
      const { code, output } = await world.run(['export', at(name)]);
      expect(code, name).to.equal(1);
      expect(output).to.contain('is a link');
    }
    expect((await world.run(['export', at('log.ndjson')])).code).to.equal(0);
    expect(readFileSync(at('victim'), 'utf8')).to.equal('precious');
    expect(existsSync(at('nowhere'))).to.equal(false);
    expect(lstatSync(at('log.ndjson')).isFile()).to.equal(true);
  });

  it('replaces no file that came while it was written, and leaves none when writing fails', async () => {
    const late = rejection(
      writeFileSafely(at('log'), async (handle) => {
        await handle.writeFile('new');
        writeFileSync(at('log'), 'old');
      }),
    );
    expect((await late).message).to.contain('exists already');
    expect(readFileSync(at('log'), 'utf8')).to.equal('old');
    await rejection(writeFileSafely(at('other'), () => Promise.reject(new Error('disk full'))));
    expect(readdirSync(folder)).to.deep.equal(['log']);
  });

  it('are secrets that replace a file, and never one behind a link', async () => {
    writeFileSync(at('victim'), 'precious');
    symlinkSync(at('victim'), at('secrets.json'));
    const write = (name: string) => writeFileSafely(at(name), (handle) => handle.writeFile('new'), { replace: true });
    expect((await rejection(write('secrets.json'))).message).to.contain('is a link');
    expect(readFileSync(at('victim'), 'utf8')).to.equal('precious');
    await write('victim');
    expect([readFileSync(at('victim'), 'utf8'), modeOf(at('victim'))]).to.deep.equal(['new', 0o600]);
  });
});
