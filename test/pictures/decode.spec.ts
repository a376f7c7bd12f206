import { expect } from 'chai';
import sharp, { type Sharp, type SharpOptions } from 'sharp';
import { decode, type Decoded, PIXELS_MAX, Undecodable } from '../../src/pictures/decode.ts';
import { pngHeader } from '../support/pictures.ts';
import { rejection } from '../support/rejection.ts';

type Colour = readonly [red: number, green: number, blue: number];
const RED: Colour = [255, 0, 0];
const BLUE: Colour = [0, 0, 255];

/** 40 × 20 as a viewer shows it: the four corners red, blue, green and white. */
const CORNERS = { topLeft: RED, topRight: BLUE, bottomLeft: [0, 160, 0], bottomRight: [255, 255, 255] } as const;

const [WIDTH, HEIGHT] = [40, 20];
type Place = readonly [x: number, y: number];

/** Which place of the upright picture each place of the stored one shows, for each value of the tag, by the specification of EXIF. */
const STORED: Readonly<Record<number, (x: number, y: number) => Place>> = {
  1: (x, y) => [x, y],
  2: (x, y) => [WIDTH - 1 - x, y],
  3: (x, y) => [WIDTH - 1 - x, HEIGHT - 1 - y],
  4: (x, y) => [x, HEIGHT - 1 - y],
  5: (x, y) => [y, x],
  6: (x, y) => [WIDTH - 1 - y, x],
  7: (x, y) => [WIDTH - 1 - y, HEIGHT - 1 - x],
  8: (x, y) => [y, HEIGHT - 1 - x],
};

const colourAt = ([x, y]: Place): Colour => {
  const half = x < WIDTH / 2 ? (['topLeft', 'bottomLeft'] as const) : (['topRight', 'bottomRight'] as const);
  return CORNERS[y < HEIGHT / 2 ? half[0] : half[1]];
};

/** The picture as a camera stores it that is held as the tag says. */
function storedBy(tag: number): Sharp {
  const [width, height] = tag < 5 ? [WIDTH, HEIGHT] : [HEIGHT, WIDTH];
  const pixels = Array.from({ length: width * height }, (_, at) =>
    colourAt(STORED[tag]!(at % width, Math.floor(at / width))),
  );
  return sharp(Uint8Array.from(pixels.flat()), { raw: { width, height, channels: 3 } }).withMetadata({
    orientation: tag,
  });
}

const solid = ([r, g, b]: Colour, width = 40, height = 20): Sharp =>
  sharp({ create: { width, height, channels: 3, background: { r, g, b } } });

interface Pixel {
  readonly at: readonly number[];
  readonly channels: number;
}
async function pixelOf(file: Buffer, x: number, y: number): Promise<Pixel> {
  const { data, info } = await sharp(file).raw().toBuffer({ resolveWithObject: true });
  const from = (y * info.width + x) * info.channels;
  return { at: [...data.subarray(from, from + info.channels)], channels: info.channels };
}
function mustBeNear({ at }: Pixel, wanted: readonly number[], within: number, what = ''): void {
  const off = wanted.map((value, index) => Math.abs(value - (at[index] ?? 999)));
  expect(Math.max(...off), `${what} ${at.join(', ')} for ${wanted.join(', ')}`).to.be.at.most(within);
}

async function mustBeUpright({ files, extents }: Decoded, what: string): Promise<void> {
  for (const [size, file] of Object.entries(files)) {
    const { width, height, orientation } = await sharp(file).metadata();
    expect([width, height, orientation], `${what}, ${size}`).to.deep.equal([40, 20, undefined]);
    mustBeNear(await pixelOf(file, 5, 3), CORNERS.topLeft, 45, `${what}, ${size}, top left`);
    mustBeNear(await pixelOf(file, 34, 3), CORNERS.topRight, 45, `${what}, ${size}, top right`);
    mustBeNear(await pixelOf(file, 5, 16), CORNERS.bottomLeft, 45, `${what}, ${size}, bottom left`);
    mustBeNear(await pixelOf(file, 34, 16), CORNERS.bottomRight, 45, `${what}, ${size}, bottom right`);
  }
  expect(extents.large).to.deep.equal({ width: 40, height: 20 });
}

const ADOBE_MARKER = Buffer.from([0xff, 0xee, 0x00, 0x0e, ...Buffer.from('Adobe')]);
const ADOBE_MARKER_BYTES = 16;

/** With the marker of Adobe's programs, which says that a file has its inks inverted; that is how libvips writes it. */
const inkOfAdobe = (): Promise<Buffer> => solid(RED).toColourspace('cmyk').jpeg({ quality: 95 }).toBuffer();

/** The same without the marker. Programs invert the inks without saying so too, and a decoder cannot tell: it always takes them as inverted. */
async function inkWithoutMarker(): Promise<Buffer> {
  const file = await inkOfAdobe();
  const at = file.indexOf(ADOBE_MARKER);
  return Buffer.concat([file.subarray(0, at), file.subarray(at + ADOBE_MARKER_BYTES)]);
}

const raw = (pixel: readonly number[], samples: Uint8ArrayConstructor | Uint16ArrayConstructor = Uint8Array): Sharp =>
  sharp(samples.from(Array.from({ length: 40 * 20 }, () => pixel).flat()), {
    raw: { width: 40, height: 20, channels: pixel.length as 2 | 4 },
  });

describe('the decoder of pictures', function () {
  this.timeout(60_000);

  for (const tag of Object.keys(STORED).map(Number)) {
    it(`B19 (1): shows a picture with the orientation ${tag} upright, in every size, without the tag`, async () => {
      const jpeg = await storedBy(tag).jpeg({ quality: 95, chromaSubsampling: '4:4:4' }).toBuffer();
      const webp = await storedBy(tag).webp({ lossless: true }).toBuffer();
      for (const file of [jpeg, webp]) await mustBeUpright(await decode(file), `orientation ${tag}`);
    });
  }

  it('B19 (2): shows the red of a CMYK picture as red, in three channels, with the marker of Adobe or without', async () => {
    for (const [what, file] of Object.entries({ adobe: await inkOfAdobe(), unmarked: await inkWithoutMarker() })) {
      const { space, channels, hasProfile } = await sharp(file).metadata();
      expect([space, channels, hasProfile, file.includes('Adobe')], what).to.deep.equal([
        ...['cmyk', 4, false, what === 'adobe'],
      ]);
      for (const one of Object.values((await decode(file)).files)) {
        const pixel = await pixelOf(one, 20, 10);
        expect(pixel.channels).to.equal(3);
        mustBeNear(pixel, RED, 40, what);
      }
    }
  });

  it('B19 (3): shows colours of Display P3 as they are, without a profile', async () => {
    const file = await solid(RED).withIccProfile('p3').png().toBuffer();
    const stored = await sharp(file, { ignoreIcc: true }).raw().toBuffer();
    mustBeNear({ at: [...stored.subarray(0, 3)], channels: 3 }, [234, 51, 34], 2, 'stored');
    for (const one of Object.values((await decode(file)).files)) {
      mustBeNear(await pixelOf(one, 20, 10), RED, 3);
      expect((await sharp(one).metadata()).icc).to.equal(undefined);
    }
  });

  it('B19 (4): keeps transparency: grey with alpha, a palette, 16 bits', async () => {
    const half = [200, 30, 30, 128];
    const files: readonly (readonly [Buffer, readonly number[]])[] = [
      [await raw([100, 128]).png().toBuffer(), [100, 100, 100, 128]],
      [await raw(half).png({ palette: true }).toBuffer(), half],
      [await raw([65_535, 0, 0, 32_768], Uint16Array).toColourspace('rgb16').png().toBuffer(), [255, 0, 0, 128]],
    ];
    for (const [file, wanted] of files) {
      for (const one of Object.values((await decode(file)).files)) mustBeNear(await pixelOf(one, 20, 10), wanted, 4);
    }
    expect((await sharp(files[1]![0]).metadata()).isPalette).to.equal(true);
    expect((await sharp(files[2]![0]).metadata()).depth).to.equal('ushort');
  });

  /** Larger than a buffer, so that half of it has pixels. */
  const noisy = (): Sharp =>
    sharp({
      create: { width: 400, height: 300, channels: 3, noise: { type: 'gaussian', mean: 120, sigma: 40 } },
    } as unknown as SharpOptions);

  it('B19 (5): refuses a JPEG, PNG or WebP that is cut off anywhere, and a JPEG without its last two bytes', async () => {
    const whole = [
      await noisy().jpeg().toBuffer(),
      await noisy().jpeg({ progressive: true }).toBuffer(),
      await noisy().png().toBuffer(),
      await noisy().webp().toBuffer(),
      await noisy().webp({ lossless: true }).toBuffer(),
    ];
    for (const file of whole) {
      await decode(file);
      for (const part of [0.02, 0.25, 0.5, 0.9]) {
        const cut = file.subarray(0, Math.floor(file.length * part));
        expect(await rejection(decode(cut)), `${part} of ${file.length}`).to.be.instanceOf(Undecodable);
      }
    }
    for (const file of whole.slice(0, 2)) {
      expect(await rejection(decode(file.subarray(0, -2)))).to.be.instanceOf(Undecodable);
    }
  });

  it('B19 (6): takes a JPEG with bytes after its end, as telephones write them', async () => {
    const file = Buffer.concat([await solid(RED).jpeg().toBuffer(), Buffer.alloc(5_000, 'x')]);
    expect((await decode(file)).extents.large).to.deep.equal({ width: 40, height: 20 });
  });

  it('B19 (7): keeps neither place nor camera nor the small picture of the metadata', async () => {
    const canary = 'CANARY-4e1f';
    const described = await solid(RED)
      .withExif({
        IFD0: { Make: canary, Model: canary, Artist: canary },
        IFD2: { BodySerialNumber: canary, LensModel: canary },
        IFD3: { GPSLatitude: '51/1 30/1 3230/100', GPSLatitudeRef: 'N', GPSAreaInformation: canary },
      })
      .jpeg()
      .toBuffer();
    // A small picture that is part of the metadata; some programs put a whole file there.
    const thumbnail = Buffer.concat([
      Buffer.from('Exif\0\0MM\0*'),
      await solid(BLUE).jpeg().toBuffer(),
      Buffer.from(canary),
    ]);
    const segment = Buffer.alloc(4);
    segment.writeUInt16BE(0xffe1, 0);
    segment.writeUInt16BE(thumbnail.length + 2, 2);
    const file = Buffer.concat([described.subarray(0, 2), segment, thumbnail, described.subarray(2)]);
    expect(file.includes(canary)).to.equal(true);
    for (const [what, one] of Object.entries({ described, file })) {
      for (const made of Object.values((await decode(one)).files)) {
        expect(made.includes(canary), what).to.equal(false);
        expect(made.includes('Exif'), what).to.equal(false);
        expect(Object.keys(await sharp(made).metadata())).to.not.include.members(['exif']);
        mustBeNear(await pixelOf(made, 20, 10), RED, 10, what);
      }
    }
  });

  it('B19 (8): takes one pixel, and a line of pixels', async () => {
    const sides = async (width: number, height: number) => {
      const { extents, files } = await decode(await solid(RED, width, height).png().toBuffer());
      for (const [size, file] of Object.entries(files)) {
        const made = await sharp(file).metadata();
        expect([made.width, made.height], size).to.deep.equal(Object.values(extents[size as keyof typeof extents]));
      }
      return [extents.small, extents.medium, extents.large].map(({ width: w, height: h }) => [w, h]);
    };
    expect(await sides(1, 1)).to.deep.equal(Array(3).fill([1, 1]));
    expect(await sides(5_000, 1)).to.deep.equal([320, 800, 1_600].map((width) => [width, 1]));
    expect((await sides(1, 5_000)).map(([width]) => width)).to.deep.equal([1, 1, 1]);
  });

  it('B8: refuses a header that promises more pixels than are decoded, without decoding', async () => {
    for (const [width, height] of [
      [50_000, 50_000],
      [PIXELS_MAX + 1, 1],
      [65_535, 65_535],
    ] as const) {
      const error = await rejection(decode(pngHeader(width, height)));
      expect(error).to.be.instanceOf(Undecodable);
    }
    expect((await rejection(decode(pngHeader(50_000, 50_000)))).message).to.include('50000 × 50000 pixels');
  });

  it('B8: shows the first frame alone of a WebP that moves, and refuses a GIF of any kind', async () => {
    const frames = await Promise.all(([RED, BLUE] as const).map((colour) => solid(colour).png().toBuffer()));
    const moving = sharp(frames, { join: { animated: true } });
    const { files, extents } = await decode(await moving.webp({ lossless: true }).toBuffer());
    expect(extents.large).to.deep.equal({ width: 40, height: 20 });
    expect((await sharp(files.large).metadata()).pages).to.equal(undefined);
    mustBeNear(await pixelOf(files.large, 20, 10), RED, 10);
    expect(await rejection(decode(await moving.gif().toBuffer()))).to.be.instanceOf(Undecodable);
  });
});
