import type { Picture, PictureSize } from '../aggregates/picture.ts';
import { invalid, isRefusal, unavailable } from '../errors.ts';
import { failpoint } from '../platform/failpoint.ts';
import type { Logger } from '../platform/log.ts';
import type { Decoder } from './decoder.ts';
import { kindOf } from './kind.ts';
import type { LoosePictures } from './loose.ts';
import type { PictureStorage } from './storage.ts';

/** Longer than any request may take, ms: by then its event is recorded, or never will be. */
const UNDECIDED_MS = 900_000;

const ACCEPTED = 'must be a JPEG, PNG or WebP picture, and its content is not';

/** A file that was uploaded, and the field that it came in. */
interface UploadedPicture {
  readonly field: string;
  readonly bytes: Buffer;
}

/** Makes pictures of uploads and keeps them. */
export interface Pictures {
  /**
   * Prepares a picture in every size and keeps its files under this key. Refuses a file that is no accepted picture, naming the
   * field; nothing of it is kept then. The files go again unless an event names them in time.
   */
  keep(key: string, upload: UploadedPicture): Promise<Picture>;
  /** Removes the files of a picture that no event names, and none will. */
  discard(key: string): Promise<void>;
  /** Has the files looked at after this time: they go unless a product or a store shows them. */
  release(key: string, waitMs: number): Promise<void>;
  /** A file as it is served; undefined when there is none. */
  read(key: string, size: PictureSize): Promise<Buffer | undefined>;
}

export interface PicturesOptions {
  readonly storage: PictureStorage;
  readonly decoder: Pick<Decoder, 'decode'>;
  readonly loose: Pick<LoosePictures, 'lookAfter'>;
  readonly log: Logger;
}

const notKept = (error: unknown): Error =>
  unavailable('PicturesUnavailable', 'Pictures cannot be kept now; try again.', error);

export function createPictures({ storage, decoder, loose, log }: PicturesOptions): Pictures {
  /** A failure of the storage is a matter of the shop, not of the caller. */
  async function stored<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      log.warn({ err: error }, 'the storage of pictures failed');
      throw isRefusal(error) ? error : notKept(error);
    }
  }

  return {
    async keep(key, { field, bytes }) {
      if (bytes.length === 0) invalid(field, 'is an empty file');
      if (kindOf(bytes) === undefined) invalid(field, ACCEPTED, 'UNSUPPORTED_MEDIA_TYPE');
      const outcome = await decoder.decode(bytes);
      if ('refused' in outcome) return invalid(field, outcome.refused);
      const { files, extents } = outcome.decoded;
      await loose.lookAfter(key, UNDECIDED_MS);
      await stored(async () => {
        try {
          await storage.put(key, files);
        } catch (error) {
          await storage.remove(key).catch(() => undefined);
          throw error;
        }
      });
      failpoint('picture:kept');
      return { key, ...extents };
    },
    async discard(key) {
      // Without an effect, the files go later: `keep` has planned a look at them.
      await storage.remove(key).catch((error: unknown) => log.warn({ err: error, key }, 'a picture was not removed'));
    },
    release: (key, waitMs) => loose.lookAfter(key, waitMs),
    read: (key, size) => stored(() => storage.read(key, size)),
  };
}
