import { crc32 as crcOf } from 'node:zlib';
import type { Picture } from '../../src/aggregates/picture.ts';
import type { Answer, Json } from './shop.ts';
import { mustBeSpecified } from './specification.ts';

/** A picture as events have it. */
export const picture = (key: string, width = 40, height = 20): Picture => ({
  key,
  small: { width, height },
  medium: { width, height },
  large: { width, height },
});

export interface SentFile {
  readonly bytes: Uint8Array;
  readonly field?: string;
  readonly name?: string;
  readonly type?: string;
}

interface Sending {
  readonly url: string;
  /** Below /api/v1. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends files in one multipart body. */
export async function upload({ url, path, headers = {} }: Sending, ...files: SentFile[]): Promise<Answer> {
  const body = new FormData();
  for (const { bytes, field = 'image', name = 'a.png', type = 'image/png' } of files) {
    body.append(field, new Blob([new Uint8Array(bytes)], { type }), name);
  }
  const response = await fetch(`${url}/api/v1${path}`, {
    method: 'POST',
    body,
    headers,
    signal: AbortSignal.timeout(60_000),
  });
  const text = await response.text();
  const parsed: Json = JSON.parse(text);
  const { status } = response;
  mustBeSpecified({ method: 'POST', path, status, header: (name) => response.headers.get(name), body: parsed });
  return { status, headers: response.headers, body: parsed, data: parsed?.data, text };
}

function chunk(type: string, data: Buffer): Buffer {
  const [length, crc] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  const typed = Buffer.concat([Buffer.from(type), data]);
  crc.writeUInt32BE(crcOf(typed) >>> 0);
  return Buffer.concat([length, typed, crc]);
}

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const SIGNATURE_AND_HEADER_BYTES = SIGNATURE.length + 25;

/** A PNG of a few bytes whose header promises this many pixels. */
export function pngHeader(width: number, height: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 6, 0, 0, 0], 8);
  const parts = [chunk('IHDR', header), chunk('IDAT', Buffer.alloc(64)), chunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([SIGNATURE, ...parts]);
}

/** A PNG with further chunks after its header. */
export const pngWith = (png: Buffer, chunks: Readonly<Record<string, Buffer>>): Buffer =>
  Buffer.concat([
    png.subarray(0, SIGNATURE_AND_HEADER_BYTES),
    ...Object.entries(chunks).map(([type, data]) => chunk(type, data)),
    png.subarray(SIGNATURE_AND_HEADER_BYTES),
  ]);
