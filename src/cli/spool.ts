import { createWriteStream, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** The most bytes of an input that are kept. A disk is seldom larger. */
const SPOOL_BYTES_MAX = 1024 ** 4;

/** A copy of an input that can be read only once. */
export interface Spool {
  /** The path of the copy, which only its owner may read. */
  readonly file: string;
  remove(): void;
}

async function* bounded(input: AsyncIterable<Buffer>, bytesMax: number): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of input) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new Error(`The input has more than ${bytesMax} bytes: give it as a file.`);
    yield chunk;
  }
}

/** Copies an input to a private file in the folder for temporary files. The copy is gone at the latest when the process ends. */
export async function spool(input: Readable, bytesMax = SPOOL_BYTES_MAX): Promise<Spool> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'cartulary-import-'));
  const atExit = (): void => rmSync(folder, { recursive: true, force: true });
  process.once('exit', atExit);
  const remove = (): void => {
    process.off('exit', atExit);
    atExit();
  };
  const file = path.join(folder, 'input');
  try {
    await pipeline(bounded(input, bytesMax), createWriteStream(file, { flags: 'wx', mode: 0o600 }));
    return { file, remove };
  } catch (error) {
    remove();
    const full = (error as NodeJS.ErrnoException).code === 'ENOSPC';
    throw full ? new Error(`${os.tmpdir()} has no room for the input: set TMPDIR to a folder with more.`) : error;
  }
}
