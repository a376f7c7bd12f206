import { closeSync, constants, fstatSync, openSync, renameSync } from 'node:fs';
import { lstat, mkdir, open } from 'node:fs/promises';

/** Longer than any file that is read here. */
const FILE_BYTES_MAX = 64 * 1024;
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const APPEND =
  constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';

const isLinked = (file: string): Error =>
  new Error(`${file} is a link. What the shop does there could end in files of others: remove the link.`);

/** Throws when there is a link. It may lead nowhere. */
export async function mustBeNoLink(file: string): Promise<void> {
  const found = await lstat(file).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (found?.isSymbolicLink() === true) throw isLinked(file);
}

/** Makes a folder of the shop's own, unless it is there. Throws when a link or a file is there instead. */
export async function makeOwnFolder(folder: string, mode = 0o777): Promise<void> {
  await mkdir(folder, { mode }).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error;
  });
  const found = await lstat(folder);
  if (found.isSymbolicLink()) throw isLinked(folder);
  if (!found.isDirectory()) throw new Error(`${folder} is not a folder: move it away.`);
}

/** The text of a small file of the shop's own; undefined when there is none. Throws when a link is there. */
export async function readOwnFile(file: string): Promise<string | undefined> {
  const handle = await open(file, READ).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw codeOf(error) === 'ELOOP' ? isLinked(file) : error;
  });
  if (handle === undefined) return undefined;
  try {
    if (!(await handle.stat()).isFile()) throw new Error(`${file} is not a file: move it away.`);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(FILE_BYTES_MAX), 0, FILE_BYTES_MAX, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}

function opened(file: string): number {
  try {
    return openSync(file, APPEND, 0o600);
  } catch (error) {
    throw codeOf(error) === 'ELOOP' ? isLinked(file) : error;
  }
}

/**
 * Opens a file of the shop's own to append to it, for its owner alone, and returns the descriptor. Throws when there is a link. A file
 * that has another name too, as in a backup of hard links, is put aside under the name `<file>.1`.
 */
export function openOwnLog(file: string): number {
  for (let tries = 1; ; tries += 1) {
    const descriptor = opened(file);
    const found = fstatSync(descriptor);
    if (found.isFile() && found.nlink === 1) return descriptor;
    closeSync(descriptor);
    if (!found.isFile() || tries > 1) throw new Error(`${file} is not a file of its own: move it away.`);
    renameSync(file, `${file}.1`);
  }
}
