import { accessSync, chmodSync, constants, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** A folder in memory, where a sync to disk takes no time. */
const MEMORY_FOLDER = '/dev/shm';
/** Twice what the databases of a whole run and the longest log of a test need. */
const NEEDED_BYTES = 4 * 2 ** 30;

/** Whether programs in it may be run; containers often forbid that. */
const mayRun = (folder: string): boolean => {
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n');
  const [, , , options = 'noexec'] = mounts.find((line) => line.split(' ')[1] === folder)?.split(' ') ?? [];
  return !options.split(',').includes('noexec');
};

function parentFolder(): string {
  try {
    accessSync(MEMORY_FOLDER, constants.W_OK);
    const { bavail, bsize } = statfsSync(MEMORY_FOLDER);
    return bavail * bsize >= NEEDED_BYTES && mayRun(MEMORY_FOLDER) ? MEMORY_FOLDER : os.tmpdir();
  } catch {
    return os.tmpdir();
  }
}

/**
 * Makes the folder for temporary files of this process and its children (`TMPDIR`), in memory where there is enough of it. Postgres
 * still calls `fsync` there, but tests do not cut the power, so no commit has to wait for a disk. The folder goes when this process ends.
 */
export function openScratch(): void {
  const folder = mkdtempSync(path.join(parentFolder(), 'cartulary-tests-'));
  // Some tests run programs as other users.
  chmodSync(folder, 0o1777);
  process.env['TMPDIR'] = folder;
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
}
