import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import sharp from 'sharp';
import { programOn } from '../cli/world.ts';
import { type Bucket, openBucket } from '../support/bucket.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { upload } from '../support/pictures.ts';
import { temporaryFolder } from '../support/process.ts';
import { must, PASSWORD, serveShop, type Caller, type Served } from '../support/shop.ts';

const GONE_WITHIN_MS = 30_000;

describe('a shop that keeps its pictures in a bucket', function () {
  this.timeout(120_000);
  let bucket: Bucket;
  let database: TestDatabase;
  let shop: Served;
  let folder: string;
  let seller: Caller & { storeId: string };
  let product: string;
  let png: Buffer;

  const send = (at = `/products/${product}/image`, field = 'image') =>
    upload({ url: shop.url, path: at, headers: seller.headers }, { bytes: png, field });
  const shown = async () => must(await seller.call('GET', `/products/${product}`), 200).data;
  const statusOf = async (url: string): Promise<number> => (await fetch(shop.url + url)).status;
  const keysKept = (): Set<string> => new Set([...bucket.objects.keys()].map((name) => name.split('/')[1]!));
  const keyOf = (url: string): string => /\/images\/([0-9a-f-]{36})-/.exec(url)![1]!;

  const untilKept = (count: number) =>
    eventually(`${count} pictures`, () => Promise.resolve(keysKept().size === count || undefined), GONE_WITHIN_MS);

  before(async () => {
    bucket = await openBucket();
    database = await freshDatabase();
    folder = path.join(temporaryFolder('pictures'), 'uploads');
    shop = await serveShop(database.url, { ...bucket.settings, UPLOAD_DIR: folder });
    seller = await shop.people.seller();
    product = await shop.people.product(seller, await shop.people.category());
    png = await sharp({ create: { width: 40, height: 20, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
  });
  after(async () => {
    await shop.stop();
    await database.drop();
    await bucket.close();
  });

  it('keeps, serves, replaces and removes them there, and nothing in a folder', async () => {
    const { image_url: first } = must(await send(), 200).data;
    expect(bucket.objects.size).to.equal(3);
    const answer = await fetch(shop.url + first);
    expect([answer.status, answer.headers.get('content-type')]).to.deep.equal([200, 'image/webp']);
    const { width, height } = await sharp(Buffer.from(await answer.arrayBuffer())).metadata();
    expect([width, height]).to.deep.equal([40, 20]);
    const { image_url: second } = must(await send(), 200).data;
    const { logo_url: logo } = must(await send(`/stores/${seller.storeId}/logo`, 'logo'), 200).data;
    await untilKept(2);
    expect(keysKept()).to.deep.equal(new Set([keyOf(second), keyOf(logo)]));
    expect([await statusOf(first), await statusOf(second), await statusOf(logo)]).to.deep.equal([404, 200, 200]);
    must(await seller.call('DELETE', `/stores/${seller.storeId}/logo`), 200);
    await untilKept(1);
    expect(existsSync(folder)).to.equal(false);
    expect(bucket.forged).to.deep.equal([]);
  });

  it('records no picture that the bucket has not kept, and takes no picture for missing while the bucket is away', async () => {
    const before = await shown();
    for (const fault of [500, 403, 'cut'] as const) {
      bucket.always(fault);
      const refused = await send();
      expect(refused.status, `${fault}: ${refused.text}`).to.equal(503);
      expect(refused.text).not.to.include(bucket.access.secretAccessKey);
      expect(await statusOf(before.image_url), String(fault)).to.equal(503);
      bucket.always(undefined);
      expect(await shown()).to.deep.equal(before);
      expect(await statusOf(before.image_url)).to.equal(200);
    }
    bucket.fail(500);
    expect(must(await send(), 200).data.image_url).not.to.equal(before.image_url);
    await untilKept(1);
  });

  it('sweeps what nothing shows from there, by the command line', async () => {
    const stray = randomUUID();
    for (const name of ['small', 'large']) {
      const writtenAt = Date.now() - 3 * 3_600_000;
      bucket.objects.set(`pictures/${stray}/${name}.webp`, { bytes: png, type: 'image/webp', writtenAt });
    }
    const before = keysKept();
    const program = programOn(database.url);
    const run = async (...args: string[]) => {
      const { code, answer, output } = await program(['pictures', 'sweep', ...args], { env: bucket.settings });
      expect(code, output).to.equal(0);
      return answer.trim();
    };
    expect(await run('--hours', '2', '--dry-run')).to.equal('Would remove 1 picture that nothing shows.');
    expect(keysKept()).to.deep.equal(before);
    expect(JSON.parse(await run('--hours', '2', '--json'))).to.deep.equal({ found: 1, removed: 1, more: false });
    before.delete(stray);
    expect(keysKept()).to.deep.equal(before);
  });

  it('keeps no picture of a product that is deleted, and no logo of a seller who is erased', async () => {
    must(await send(), 200);
    must(await send(`/stores/${seller.storeId}/logo`, 'logo'), 200);
    must(await seller.call('DELETE', `/products/${product}`), 200);
    must(await seller.call('DELETE', '/users/me', { password: PASSWORD }), 200);
    await untilKept(0);
    const { data } = must(
      await shop.people.buyer().then((buyer) => buyer.call('GET', `/stores/${seller.storeId}`)),
      200,
    );
    expect([data.logo_url, data.logos]).to.deep.equal([null, null]);
  });
});
