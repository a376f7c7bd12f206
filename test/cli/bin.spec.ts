import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'chai';

const ROOT = path.resolve(import.meta.dirname, '../..');
const { bin, version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
  bin: { cartulary: string };
  version: string;
};
const TIMEOUT_MS = 15_000;

const versionAt = (root: string) =>
  spawnSync(path.join(root, bin.cartulary), ['--version'], { encoding: 'utf8', timeout: TIMEOUT_MS });

describe('the command that npx links', function () {
  this.timeout(2 * TIMEOUT_MS);

  it('is the program, once that is built', () => {
    expect(versionAt(ROOT)).to.include({ status: 0, stdout: `${version}\n` });
  });

  it('is there before anything is built, and says what to do', () => {
    const root = mkdtempSync(path.join(os.tmpdir(), 'cartulary-bin-'));
    try {
      cpSync(path.join(ROOT, bin.cartulary), path.join(root, bin.cartulary));
      cpSync(path.join(ROOT, 'package.json'), path.join(root, 'package.json'));
      expect(statSync(path.join(root, bin.cartulary)).mode & 0o111).to.not.equal(0);
      const { status, stderr } = versionAt(root);
      expect(status).to.equal(1);
      expect(stderr).to.contain('npm run build');
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
});
