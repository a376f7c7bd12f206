/** The sizes that a picture is kept in, by name. */
export const PICTURE_SIZES = ['small', 'medium', 'large'] as const;
export type PictureSize = (typeof PICTURE_SIZES)[number];

/** Pixels of a picture as it is shown: turned upright. */
export interface Extent {
  readonly width: number;
  readonly height: number;
}

/** A picture whose files are kept under `key`. Each upload has a key of its own, so a file never changes. */
export interface Picture extends Readonly<Record<PictureSize, Extent>> {
  readonly key: string;
}

/** The key of a picture that another one replaced, or that was removed; null when there was none. */
export type ReplacedKey = string | null;
