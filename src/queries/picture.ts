import { type Static, Type } from 'typebox';
import { type Extent, type Picture, PICTURE_SIZES, type PictureSize } from '../aggregates/picture.ts';
import { Fields, Named, Nullable } from '../schema.ts';

/** Where pictures are served, below the shop's own address. */
export const IMAGES_PATH = '/images';

const ImageView = Named('Image', { url: Type.String(), width: Type.Integer(), height: Type.Integer() });
export const ImagesView = Nullable(Fields({ small: ImageView, medium: ImageView, large: ImageView }));

/** The name of one file of a picture, as the last part of its URL. */
export const imageName = (key: string, size: PictureSize): string => `${key}-${size}.webp`;

const NAME = new RegExp(
  `^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})-(${PICTURE_SIZES.join('|')})\\.webp$`,
);

/** The picture and size that a name means; undefined when it is no name of a picture. */
export function imageNamed(name: string): { key: string; size: PictureSize } | undefined {
  const [, key, size] = NAME.exec(name) ?? [];
  return key === undefined || size === undefined ? undefined : { key, size: size as PictureSize };
}

const urlOf = (key: string, size: PictureSize): string => `${IMAGES_PATH}/${imageName(key, size)}`;

/** The address of the largest size; null without a picture. */
export const imageUrl = (picture: Picture | null): string | null =>
  picture === null ? null : urlOf(picture.key, 'large');

const view = (key: string, size: PictureSize, { width, height }: Extent): Static<typeof ImageView> => ({
  url: urlOf(key, size),
  width,
  height,
});

export const imagesView = (picture: Picture | null): Static<typeof ImagesView> =>
  picture && {
    small: view(picture.key, 'small', picture.small),
    medium: view(picture.key, 'medium', picture.medium),
    large: view(picture.key, 'large', picture.large),
  };
