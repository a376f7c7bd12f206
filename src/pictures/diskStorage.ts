import type { Dirent, Stats } from 'node:fs';
import { mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { PICTURE_SIZES, type PictureSize } from '../aggregates/picture.ts';
import { writeFileSafely } from '../platform/newFile.ts';
import { type Kept, KEY, type PictureStorage } from './storage.ts';

/** Only the account of the shop reads the files: it serves them itself. */
const FOLDER_MODE = 0o700;
/** Pictures are spread over 256 folders, by the beginning of their keys: a folder with very many entries is slow. */
const SHARD_LENGTH = 2;

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';

/** `undefined` in place of an error that says that there is nothing. */
const unlessMissing = (error: unknown): undefined => {
  if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
  throw error;
};

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}

/** Makes the folder of a picture, and the names that lead to it durable. */
async function makeFolder(root: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
  const shard = path.dirname(folder);
  await syncFolder(shard);
  await syncFolder(root);
}

/** Keeps pictures in a folder, each in a folder of its own. Processes on several machines have to share it. */
export function createDiskStorage(root: string): PictureStorage {
  const folderOf = (key: string): string => {
    if (!KEY.test(key)) throw new TypeError(`not the key of a picture: ${key}`);
    return path.join(root, key.slice(0, SHARD_LENGTH), key);
  };
  const fileOf = (key: string, size: PictureSize): string => path.join(folderOf(key), `${size}.webp`);

  async function keptIn(shard: string): Promise<Kept[]> {
    const names = ((await readdir(shard).catch(unlessMissing)) ?? []).filter((name) => KEY.test(name));
    const kept = await Promise.all(
      names.map(async (key) => {
        // Each file that is written in it changes the folder.
        const found: Stats | undefined = await stat(path.join(shard, key)).catch(unlessMissing);
        return found === undefined ? [] : [{ key, writtenAt: found.mtimeMs }];
      }),
    );
    return kept.flat();
  }

  return {
    async put(key, files) {
      await makeFolder(root, folderOf(key));
      for (const size of PICTURE_SIZES) {
        await writeFileSafely(fileOf(key, size), (handle) => handle.writeFile(files[size]), { replace: true });
      }
    },
    read: (key, size) => readFile(fileOf(key, size)).catch(unlessMissing),
    remove: (key) => rm(folderOf(key), { recursive: true, force: true }),
    async *list() {
      const shards: readonly Dirent[] = (await readdir(root, { withFileTypes: true }).catch(unlessMissing)) ?? [];
      for (const shard of shards) {
        if (shard.isDirectory() && shard.name.length === SHARD_LENGTH) yield await keptIn(path.join(root, shard.name));
      }
    },
  };
}
