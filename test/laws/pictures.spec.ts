import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import sharp from 'sharp';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { pngHeader, pngWith, type SentFile, upload } from '../support/pictures.ts';
import { temporaryFolder } from '../support/process.ts';
import { must, serveShop, type Answer, type Caller, type Served } from '../support/shop.ts';

const CANARY = 'CANARY-7b1e';
const UPLOAD_MAX = 5_242_880;
const MISSING = '/images/00000000-0000-4000-8000-000000000000-large.webp';

const plain = (width = 40, height = 20) =>
  sharp({ create: { width, height, channels: 3, background: { r: 200, g: 30, b: 30 } } });

describe('pictures of products and stores', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  let shop: Served;
  let folder: string;
  let seller: Caller & { storeId: string };
  let product: string;
  let jpeg: Buffer;
  let png: Buffer;

  const filesKept = (): string[] =>
    existsSync(folder)
      ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => /\.(webp|partial)/.test(file))
      : [];
  const send = (files: SentFile[], headers: Record<string, string> = {}, id = product): Promise<Answer> =>
    upload({ url: shop.url, path: `/products/${id}/image`, headers: { ...seller.headers, ...headers } }, ...files);
  const sendOne = (bytes: Uint8Array, more: Partial<SentFile> = {}): Promise<Answer> => send([{ bytes, ...more }]);
  const shown = async (id = product) => must(await seller.call('GET', `/products/${id}`), 200).data;
  const served = async (url: string) => {
    const answer = await fetch(shop.url + url);
    return { status: answer.status, headers: answer.headers, bytes: Buffer.from(await answer.arrayBuffer()) };
  };
  const gone = (url: string) =>
    eventually(`${url} is gone`, async () => (await served(url)).status === 404 || undefined, 30_000);
  const newProduct = async (): Promise<string> => shop.people.product(seller, (await shown()).category_id as string);

  before(async () => {
    database = await freshDatabase();
    folder = path.join(temporaryFolder('pictures'), 'uploads');
    shop = await serveShop(database.url, { UPLOAD_DIR: folder });
    seller = await shop.people.seller();
    product = await shop.people.product(seller, await shop.people.category());
    jpeg = await plain().jpeg().toBuffer();
    png = await plain().png().toBuffer();
  });
  after(async () => {
    await shop.stop();
    await database.drop();
  });

  it('B8: refuses whatever is no JPEG, PNG or WebP by its content, and keeps nothing of it', async () => {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg"><script>${CANARY}</script></svg>`;
    const ftyp = Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from('ftypheic'), Buffer.alloc(64)]);
    const odd: Record<string, [Uint8Array, Partial<SentFile>?]> = {
      svg: [Buffer.from(svg), { name: 'a.png', type: 'image/png' }],
      'svg with a BOM': [Buffer.from(`\ufeff${svg}`)],
      'svg after a long comment': [Buffer.from(`<!--${'x'.repeat(8_192)}-->${svg}`)],
      svgz: [gzipSync(svg), { name: 'a.svgz', type: 'image/svg+xml' }],
      html: [Buffer.from(`<html><script>${CANARY}</script></html>`), { name: 'a.jpg', type: 'image/jpeg' }],
      'gif with a script': [Buffer.from(`GIF89a/*<script>${CANARY}</script>*/`), { type: 'image/gif' }],
      gif: [await plain().gif().toBuffer(), { type: 'image/png' }],
      tiff: [await plain().tiff().toBuffer()],
      pdf: [Buffer.from('%PDF-1.7\n%\u00e2\u00e3\n1 0 obj\n<<>>\nendobj\n')],
      heic: [ftyp],
      ico: [Buffer.from([0, 0, 1, 0, 1, 0, 16, 16, 0, 0])],
      empty: [Buffer.alloc(0)],
      'one byte': [Buffer.from([0xff])],
      'the beginning of a JPEG': [Buffer.from([0xff, 0xd8, 0xff])],
      'the header of a bomb': [pngHeader(50_000, 50_000)],
      'a bomb of many frames': [await gifBomb()],
      'a JPEG without its second half': [jpeg.subarray(0, jpeg.length >> 1)],
    };
    const before = await shown();
    for (const [name, [bytes, more]] of Object.entries(odd)) {
      const answer = await sendOne(bytes, more);
      expect([400, 415], `${name}: ${answer.text}`).to.include(answer.status);
      expect(answer.body.errors[0].field, name).to.equal('image');
    }
    expect(filesKept()).to.deep.equal([]);
    expect(await shown()).to.deep.equal(before);
  });

  const gifBomb = async (): Promise<Buffer> => {
    const frame = plain(600, 600).png().toBuffer();
    return sharp(await Promise.all(Array.from({ length: 20 }, () => frame)), { join: { animated: true } })
      .gif()
      .toBuffer();
  };

  it('B8: refuses a file sent twice, two files, another field, and a field that is no file', async () => {
    const one = { bytes: jpeg };
    for (const files of [[one, one], [one, { bytes: png, field: 'other' }], [{ bytes: png, field: 'picture' }], []]) {
      const answer = await send(files);
      expect(answer.status, answer.text).to.equal(400);
    }
    const text = new FormData();
    text.append('image', 'not a file');
    const address = `${shop.url}/api/v1/products/${product}/image`;
    const asText = await fetch(address, { method: 'POST', body: text, headers: seller.headers });
    expect(asText.status).to.equal(400);
    const asJson = await fetch(address, {
      ...{ method: 'POST', body: '{}', headers: { ...seller.headers, 'content-type': 'application/json' } },
    });
    expect(asJson.status).to.equal(415);
    for (const type of ['multipart/form-data', 'multipart/form-data; boundary=x']) {
      const broken = await fetch(address, {
        ...{ method: 'POST', body: '--x\r\nnothing', headers: { ...seller.headers, 'content-type': type } },
      });
      expect(broken.status, type).to.equal(400);
    }
    expect(filesKept()).to.deep.equal([]);
  });

  it('refuses more than UPLOAD_MAX_SIZE at once, by the length that is announced or sent', async () => {
    const large = await sendOne(Buffer.concat([jpeg, Buffer.alloc(UPLOAD_MAX + 1 - jpeg.length)]));
    expect([large.status, large.body.errors[0].field]).to.deep.equal([413, 'image']);
    expect((await sendOne(Buffer.alloc(UPLOAD_MAX + 100_000))).status).to.equal(413);
    expect(filesKept()).to.deep.equal([]);
    const whole = await sendOne(Buffer.concat([jpeg, Buffer.alloc(UPLOAD_MAX - jpeg.length)]));
    expect(whole.status, whole.text).to.equal(200);
  });

  it('B8: decides whose product it is before it reads the file', async () => {
    const other = await shop.people.seller();
    const theirs = await upload(
      { url: shop.url, path: `/products/${product}/image`, headers: other.headers },
      { bytes: Buffer.from('no picture') },
    );
    expect(theirs.status).to.equal(404);
    expect((await send([{ bytes: jpeg }], {}, randomUUID())).status).to.equal(404);
    const nobody = await upload({ url: shop.url, path: `/products/${product}/image` }, { bytes: jpeg });
    expect(nobody.status).to.equal(401);
  });

  it('B8: makes pictures anew, so that nothing else of the file is served', async () => {
    const script = Buffer.from(`<script>${CANARY}</script>`.repeat(200));
    const polyglot = Buffer.concat([jpeg, script, Buffer.from('PK\x03\x04'), script]);
    const described = await plain()
      .withExif({ IFD0: { ImageDescription: CANARY, Model: CANARY }, IFD3: { GPSLatitude: '51/1 30/1 0/1' } })
      .withXmp(`<x:xmpmeta xmlns:x="adobe:ns:meta/"><canary>${CANARY}</canary></x:xmpmeta>`)
      .png()
      .toBuffer();
    const chatty = pngWith(described, {
      tEXt: Buffer.from(`Comment\0${CANARY}`),
      iTXt: Buffer.from(`Comment\0\0\0\0\0${CANARY}`),
    });
    expect(chatty.includes(CANARY)).to.equal(true);
    for (const bytes of [polyglot, chatty]) {
      const { images } = must(await sendOne(bytes, { name: `../../${CANARY}.png` }), 200).data;
      for (const { url } of Object.values<{ url: string }>(images)) {
        expect(url).to.match(/^\/images\/[0-9a-f-]{36}-(small|medium|large)\.webp$/);
        const { status, headers, bytes: file } = await served(url);
        expect([status, headers.get('content-type')]).to.deep.equal([200, 'image/webp']);
        expect(file.includes(CANARY)).to.equal(false);
        const { format, exif, xmp, icc } = await sharp(file).metadata();
        expect({ format, exif, xmp, icc }).to.deep.equal({
          ...{ format: 'webp', exif: undefined, xmp: undefined, icc: undefined },
        });
      }
    }
  });

  it('B19: shows the picture upright, and says its width and height', async () => {
    const turned = await plain(40, 20).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const answer = must(await sendOne(turned), 200).data;
    expect(answer.images.large).to.include({ width: 20, height: 40, url: answer.image_url });
    const { width, height, orientation } = await sharp((await served(answer.image_url)).bytes).metadata();
    expect([width, height, orientation]).to.deep.equal([20, 40, undefined]);
    expect((await shown()).images).to.deep.equal(answer.images);
  });

  it('serves files that never change to any page, without script, and nothing under another name', async () => {
    const { image_url: url } = await shown();
    const { headers } = await served(url);
    expect(headers.get('cache-control')).to.equal('public, max-age=31536000, immutable');
    expect(headers.get('x-content-type-options')).to.equal('nosniff');
    expect(headers.get('content-security-policy')).to.include("default-src 'none'");
    expect(headers.get('cross-origin-resource-policy')).to.equal('cross-origin');
    const head = await fetch(shop.url + url, { method: 'HEAD' });
    expect([head.status, Number(head.headers.get('content-length')) > 0]).to.deep.equal([200, true]);
    expect((await fetch(shop.url + url, { method: 'POST' })).status).to.equal(405);
    const names = ['/images/', '/images/a.webp', MISSING, '/images/..%2f..%2fsecrets.json', `${url}%00`, `${url}/x`];
    for (const name of names) expect((await served(name)).status, name).to.equal(404);
  });

  it('takes the same upload again under its key, whatever the boundary, and no other one', async () => {
    const id = await newProduct();
    const key = { 'idempotency-key': randomUUID() };
    const first = must(await send([{ bytes: png }], key, id), 200);
    const again = must(await send([{ bytes: png, name: 'other.png' }], key, id), 200);
    expect(again.data).to.deep.equal(first.data);
    expect(again.headers.get('idempotency-replayed')).to.equal('true');
    expect((await send([{ bytes: jpeg }], key, id)).status).to.equal(422);
  });

  it('keeps nothing of a picture for a product that has changed since', async () => {
    const before = filesKept();
    expect((await send([{ bytes: png }], { 'if-match': '"0.stale"' })).status).to.be.oneOf([400, 412]);
    expect((await send([{ bytes: png }], { 'if-match': '"0"' })).status).to.equal(412);
    expect(filesKept()).to.deep.equal(before);
  });

  it('removes the files of the picture before, once the new one is shown, and of one that is taken away', async () => {
    const id = await newProduct();
    const first = must(await send([{ bytes: png }], {}, id), 200).data.image_url;
    const second = must(await send([{ bytes: jpeg }], {}, id), 200).data.image_url;
    expect(first).not.to.equal(second);
    await gone(first);
    expect((await served(second)).status).to.equal(200);
    const bare = must(await seller.call('DELETE', `/products/${id}/image`), 200).data;
    expect([bare.image_url, bare.images]).to.deep.equal([null, null]);
    await gone(second);
    must(await seller.call('DELETE', `/products/${id}/image`), 200);
  });

  it('shows the picture in the cart, until the product is delisted: then its files go', async () => {
    const id = await newProduct();
    const { image_url: url } = must(await send([{ bytes: png }], {}, id), 200).data;
    const buyer = await shop.people.buyer();
    const added = must(await buyer.call('POST', '/cart/items', { product_id: id, quantity: 1 }), 200).data;
    expect(added.items[0].image_url).to.equal(url);
    must(await seller.call('DELETE', `/products/${id}`), 200);
    const cart = must(await buyer.call('GET', '/cart'), 200).data;
    expect(cart.items[0]).to.include({ image_url: null, available: false });
    await gone(url);
  });

  it('gives a store a logo, and takes it away', async () => {
    const at = `/stores/${seller.storeId}/logo`;
    const to = { url: shop.url, path: at, headers: seller.headers };
    const { logo_url: url, logos } = must(await upload(to, { bytes: png, field: 'logo' }), 200).data;
    expect(logos.large).to.deep.equal({ url, width: 40, height: 20 });
    expect((await upload(to, { bytes: png })).status).to.equal(400);
    expect(must(await seller.call('GET', `/stores/${seller.storeId}`), 200).data.logo_url).to.equal(url);
    expect((await served(url)).bytes.subarray(0, 4).toString()).to.equal('RIFF');
    expect(must(await seller.call('DELETE', at), 200).data.logo_url).to.equal(null);
  });
});
