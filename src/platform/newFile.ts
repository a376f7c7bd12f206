import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, link, lstat, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';

/** Only the owner may read what is written: it may hold secrets or the data of persons. */
const FILE_MODE = 0o600;
const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
/** File systems without hard links answer one of these. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';

async function whatIsAt(file: string): Promise<'nothing' | 'link' | 'file'> {
  try {
    return (await lstat(file)).isSymbolicLink() ? 'link' : 'file';
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 'nothing';
    throw error;
  }
}

const exists = (file: string): Error => new Error(`${file} exists already: name a new file.`);
const isLink = (file: string): Error =>
  new Error(
    `${file} is a link. What is written there could end in another file: remove the link, or name another file.`,
  );

/** Gives the complete draft its name. Without `replace`, a file that came meanwhile is not replaced. */
async function name(draft: string, file: string, replace: boolean): Promise<void> {
  if (replace) return rename(draft, file);
  try {
    await link(draft, file);
    await rm(draft);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw exists(file);
    if (!NO_LINKS.includes(codeOf(error))) throw error;
    if ((await whatIsAt(file)) !== 'nothing') throw exists(file);
    await rename(draft, file);
  }
}

/** Throws unless a file can be written there: at a link never, at a file only with `replace`. */
export async function mayWriteFile(file: string, replace = false): Promise<void> {
  const there = await whatIsAt(file);
  if (there === 'link') throw isLink(file);
  if (there === 'file' && !replace) throw exists(file);
}

/**
 * Writes a file durably that only its owner may read, under a new name in the same folder, and renames it when it is complete. Never
 * follows a link that somebody has put there. Without `replace`, the file must be new. `write` may close the handle.
 */
export async function writeFileSafely(
  file: string,
  write: (handle: FileHandle) => Promise<void>,
  { replace = false }: { readonly replace?: boolean } = {},
): Promise<void> {
  await mayWriteFile(file, replace);
  const draft = `${file}.${randomUUID()}.partial`;
  const handle = await open(draft, NEW, FILE_MODE);
  try {
    try {
      await write(handle);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await mayWriteFile(file, replace);
    await name(draft, file, replace);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  const folder = await open(path.dirname(file), 'r');
  await folder.sync().finally(() => folder.close());
}
