import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** Longest line. An append is far smaller, so a longer line is no event. */
const LINE_BYTES_MAX = 8 * 1024 * 1024;
const NEWLINE = 0x0a;

/** The first bytes of what gzip has packed. */
const GZIP = '1f8b';

/** Whether a file of this name is to be packed. */
export const isGzip = (file: string): boolean => file.endsWith('.gz');

async function isPacked(file: string): Promise<boolean> {
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(GZIP.length / 2), 0);
    return buffer.subarray(0, bytesRead).toString('hex') === GZIP;
  } finally {
    await handle.close();
  }
}

/** The lines of a file, decompressed if gzip has packed it, whatever its name is. Throws when the file ends in the middle of a line. */
export async function* linesOf(file: string): AsyncGenerator<string> {
  const input = createReadStream(file);
  const chunks = (
    (await isPacked(file)) ? pipeline(input, createGunzip(), () => undefined) : input
  ) as AsyncIterable<Buffer>;
  let rest: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of whole(chunks)) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      rest.push(chunk.subarray(from, at));
      yield Buffer.concat(rest).toString('utf8');
      rest = [];
      bytes = 0;
      from = at + 1;
    }
    rest.push(chunk.subarray(from));
    bytes += chunk.length - from;
    if (bytes > LINE_BYTES_MAX) throw new Error(`a line is longer than ${LINE_BYTES_MAX} bytes: this is no export`);
  }
  if (bytes > 0) throw new Error('the export was cut off in the middle of a line');
}

/** Passes chunks through, and translates gzip's errors for an incomplete or damaged file. */
async function* whole(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* chunks;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'Z_BUF_ERROR') throw new Error('the export was cut off: its end is missing', { cause: error });
    if (code?.startsWith('Z_') === true) throw new Error('the export is damaged, or no gzip file', { cause: error });
    throw error;
  }
}
