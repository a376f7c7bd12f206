import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { ROOT, temporaryFolder } from '../support/process.ts';

const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { version: string };
const TIMEOUT_MS = 15_000;
const NPM_INSTALL = ['install', '--offline', '--no-audit', '--no-fund', '--ignore-scripts'];

const versionBy = (command: string, args: string[], cwd: string) =>
  spawnSync(command, [...args, '--version'], { cwd, encoding: 'utf8', timeout: TIMEOUT_MS });

describe('the command that npx runs', function () {
  this.timeout(4 * TIMEOUT_MS);
  let scratch: string;

  beforeEach(() => {
    scratch = temporaryFolder('bin');
  });

  it('is the program, once that is built', () => {
    const { status, stdout } = versionBy(path.join(ROOT, 'node_modules/.bin/cartulary'), [], ROOT);
    expect({ status, stdout }).to.eql({ status: 0, stdout: `${version}\n` });
  });

  // With a link to a package's own command in its cache, npm would never look at the command again. After an update npx would run a file
  // that has moved, or none.
  it("is the one of this folder, and leaves nothing in npm's cache", () => {
    const { status, stdout } = versionBy('npx', ['--no', '--cache', scratch, 'cartulary'], ROOT);
    expect({ status, stdout }).to.eql({ status: 0, stdout: `${version}\n` });
    expect(readdirSync(scratch)).to.not.include('_npx');
  });

  it('is there after an install, before anything is built, and says what to do', () => {
    cpSync(path.join(ROOT, 'bin'), path.join(scratch, 'bin'), { recursive: true });
    mkdirSync(path.join(scratch, 'node_modules'));
    execFileSync('npm', [...NPM_INSTALL, '--cache', path.join(scratch, 'cache'), './bin'], { cwd: scratch });
    const { status, stderr } = versionBy(path.join(scratch, 'node_modules/.bin/cartulary'), [], scratch);
    expect(status).to.equal(1);
    expect(stderr).to.contain('npm run build');
  });
});
