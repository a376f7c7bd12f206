import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { birthOf, isAlive, lives, takeLock, thisProcess, withLock, type Lock } from '../../src/platform/lock.ts';

describe('a lock', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'cartulary-lock-'));
    file = path.join(folder, 'lock');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is had by one at a time, and says by whom', async () => {
    const first = (await takeLock(file, 0)) as Lock;
    expect(await takeLock(file, 0)).to.include(thisProcess());
    await first.release();
    expect(await takeLock(file, 0)).to.have.property('release');
  });

  it('is waited for', async () => {
    const first = (await takeLock(file, 0)) as Lock;
    const second = takeLock(file, 5_000);
    await first.release();
    expect(await second).to.have.property('release');
  });

  it('of a dead process is free', async () => {
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    writeFileSync(file, JSON.stringify({ pid, birth: 'some time ago', host: os.hostname() }));
    expect(await takeLock(file, 0)).to.have.property('release');
  });

  it('of a process whose number is now that of another is free', async () => {
    writeFileSync(file, JSON.stringify({ pid: process.pid, birth: 'before us', host: os.hostname() }));
    expect(await takeLock(file, 0)).to.have.property('release');
  });

  const elsewhere = { pid: process.pid, birth: birthOf(process.pid) ?? '', host: 'another-container' };

  it('of a process on another host is free when it was seen silent for long, and only then', async () => {
    writeFileSync(file, JSON.stringify(elsewhere));
    expect(await takeLock(file, 0)).to.include(elsewhere);
    expect(await takeLock(file, 10_000, 50)).to.have.property('release');
  });

  it('of a process on another host stays its own whose clock is an hour behind, as long as it touches it', async () => {
    writeFileSync(file, JSON.stringify(elsewhere));
    let touchedS = Date.now() / 1_000 - 3_600;
    const touch = (): void => utimesSync(file, (touchedS += 3), touchedS);
    touch();
    const touching = setInterval(touch, 10);
    try {
      expect(await takeLock(file, 300, 5_000)).to.include(elsewhere);
    } finally {
      clearInterval(touching);
    }
  });

  it('is not released by a process that has lost it', async () => {
    const first = (await takeLock(file, 0)) as Lock;
    rmSync(file);
    const second = (await takeLock(file, 0)) as Lock;
    await first.release();
    expect(existsSync(file)).to.equal(true);
    await second.release();
    expect(readdirSync(folder)).to.deep.equal([]);
  });

  it('keeps those who are there at once from overlapping, again and again over one who has died', async () => {
    for (const many of [20, ...Array<number>(12).fill(4)]) {
      writeFileSync(file, JSON.stringify({ pid: process.pid, birth: 'before us', host: os.hostname() }));
      let inside = 0;
      let entered = 0;
      await Promise.all(
        Array.from({ length: many }, () =>
          withLock(file, 15_000, async () => {
            inside += 1;
            entered += 1;
            expect(inside).to.equal(1);
            await new Promise(setImmediate);
            inside -= 1;
          }),
        ),
      );
      expect(entered).to.equal(many);
      expect(readdirSync(folder)).to.deep.equal([]);
    }
  }).timeout(20_000);

  it('is given back when the work fails', async () => {
    const failed = await withLock(file, 0, () => Promise.reject(new Error('no'))).catch((error: unknown) => error);
    expect(failed).to.have.property('message', 'no');
    expect(existsSync(file)).to.equal(false);
  });
});

describe('a process', () => {
  it('is known by its number and its birth', () => {
    expect(lives(thisProcess())).to.equal(true);
    expect(lives({ pid: process.pid, birth: 'another', host: os.hostname() })).to.equal(false);
    expect(birthOf(process.pid)).to.equal(birthOf(process.pid));
  });

  it('is not alive once killed, nor is a group of processes one', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)'], { stdio: 'ignore' });
    const pid = child.pid!;
    expect(isAlive(pid)).to.equal(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(isAlive(pid)).to.equal(false);
    expect(isAlive(0)).to.equal(false);
    expect(isAlive(-1)).to.equal(false);
  });
});
