import sharp, { type OutputInfo, type Sharp } from 'sharp';
import { type Picture, PICTURE_SIZES, type PictureSize } from '../aggregates/picture.ts';
import { hasJpegEnd } from './jpegEnd.ts';
import { type Kind, kindOf } from './kind.ts';

/** The most pixels of a picture that is decoded: it bounds the memory that decoding takes. A camera of 24 megapixels is below it. */
export const PIXELS_MAX = 30_000_000;

/** The widths that a picture is kept in. A narrower one is not enlarged. */
const WIDTHS: Readonly<Record<PictureSize, number>> = { small: 320, medium: 800, large: 1_600 };
/** A kept picture is at most this many times as high as its width says; a higher one is made narrower. */
const HEIGHTS_PER_WIDTH_MAX = 4;
const QUALITY = 82;
/** From 0 to 6: more is smaller and slower. */
const EFFORT = 3;

/** The operations of libvips that read an accepted kind from memory. All others stay blocked, whatever a file calls itself. */
const LOADERS = ['VipsForeignLoadJpegBuffer', 'VipsForeignLoadPngBuffer', 'VipsForeignLoadWebpBuffer'];

const CUT_OFF = 'cannot be read as a picture: it is damaged or cut off';

/** Why a picture is refused: it completes the sentence that begins with the field's name. */
export class Undecodable extends Error {}

export interface Decoded {
  readonly extents: Omit<Picture, 'key'>;
  readonly files: Readonly<Record<PictureSize, Buffer>>;
}

/** Prepares this process for decoding. Each picture is decoded by one thread, and nothing of one is kept for the next. */
export function prepare(): void {
  sharp.cache(false);
  sharp.concurrency(1);
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({ operation: LOADERS });
}

/** Reads the header alone, so that a header that promises too much costs nothing. */
async function mustBeDecodable(bytes: Buffer, kind: Kind): Promise<void> {
  const { format, width, height } = await sharp(bytes, { limitInputPixels: false }).metadata();
  if (format !== kind) throw new Undecodable('cannot be read as a picture');
  if (width * height <= PIXELS_MAX) return;
  throw new Undecodable(`has ${width} × ${height} pixels, which is more than ${PIXELS_MAX / 1_000_000} million`);
}

/**
 * The picture upright, in sRGB, in every size, as WebP without any metadata. Of a moving picture it is the first frame. Throws
 * `Undecodable` for a picture that is damaged, cut off or too large: nothing of it is shown then.
 */
export async function decode(bytes: Buffer): Promise<Decoded> {
  const kind = kindOf(bytes);
  if (kind === undefined) throw new Undecodable('is no JPEG, PNG or WebP');
  if (kind === 'jpeg' && !hasJpegEnd(bytes)) throw new Undecodable(CUT_OFF);
  try {
    await mustBeDecodable(bytes, kind);
    // `failOn` is what refuses a file that is cut off: libvips would fill up the rest with grey.
    const input = sharp(bytes, { failOn: 'warning', limitInputPixels: PIXELS_MAX, sequentialRead: true, pages: 1 });
    const whole = await within(input.autoOrient().toColourspace('srgb'), 'large')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return await inAllSizes(whole);
  } catch (error) {
    if (error instanceof Undecodable) throw error;
    throw new Undecodable(CUT_OFF, { cause: error });
  }
}

const within = (picture: Sharp, size: PictureSize): Sharp =>
  picture.resize({
    ...{ width: WIDTHS[size], height: WIDTHS[size] * HEIGHTS_PER_WIDTH_MAX },
    ...{ fit: 'inside', withoutEnlargement: true },
  });

/** Every size is made of the same decoded pixels, so that they agree. */
async function inAllSizes({ data, info }: { data: Buffer; info: OutputInfo }): Promise<Decoded> {
  const raw = { width: info.width, height: info.height, channels: info.channels };
  const made = [];
  for (const size of PICTURE_SIZES) {
    const small = within(sharp(data, { raw }), size).webp({ quality: QUALITY, effort: EFFORT });
    const { data: file, info: extent } = await small.toBuffer({ resolveWithObject: true });
    made.push({ size, file, extent: { width: extent.width, height: extent.height } });
  }
  return {
    extents: Object.fromEntries(made.map(({ size, extent }) => [size, extent])) as unknown as Decoded['extents'],
    files: Object.fromEntries(made.map(({ size, file }) => [size, file])) as Record<PictureSize, Buffer>,
  };
}
