import type { PictureSize } from '../aggregates/picture.ts';

/** A kept picture. */
export interface Kept {
  readonly key: string;
  /** When its last file was written, ms since 1970, by the clock of the storage. */
  readonly writtenAt: number;
}

/** Keeps the files of pictures. Every key is a UUID in lower case. Whatever is asked for twice has the same effect as once. */
export interface PictureStorage {
  /** Resolves once all files are kept durably. */
  put(key: string, files: Readonly<Record<PictureSize, Buffer>>): Promise<void>;
  /** The whole file; undefined when there is none. */
  read(key: string, size: PictureSize): Promise<Buffer | undefined>;
  /** Removes all that there is of the picture, a part that was being written included. */
  remove(key: string): Promise<void>;
  /** Every picture that there is a part of, in pages. One that is written or removed meanwhile may be left out. */
  list(): AsyncIterable<readonly Kept[]>;
}

export const MEDIA_TYPE = 'image/webp';
export const KEY = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
