import { expect } from 'chai';
import sharp from 'sharp';
import { loadConfig } from '../../src/config/config.ts';
import { upload } from '../support/pictures.ts';
import { must } from '../support/shop.ts';
import { onMission, type Mission, type Offer } from './mission.ts';

const BYTES_MAX = 5_242_880;

describe('the mission: uploads', () => {
  let mission: Mission;
  let offer: Offer;
  let png: Buffer;
  onMission((shared) => (mission = shared));
  before(async () => {
    offer = await mission.offer();
    png = await sharp({ create: { width: 40, height: 20, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
  });
  const send = (path: string, bytes: Buffer, field: string) =>
    upload({ url: mission.url, path, headers: offer.seller.headers }, { bytes, field });
  const served = async (url: string): Promise<number[]> => {
    const answer = await fetch(mission.url + url);
    const { width, height } = await sharp(Buffer.from(await answer.arrayBuffer())).metadata();
    return [answer.status, width, height];
  };

  it('CAT-11, EP-31: gives a product a picture, and serves it', async () => {
    must(await send(`/products/${offer.productId}/image`, png, 'image'), 200, 201);
    const { data } = must(await mission.ask('GET', `/products/${offer.productId}`), 200);
    expect(await served(data.image_url)).to.deep.equal([200, 40, 20]);
  });

  it('CAT-13, EP-21: gives a store a logo, and serves it', async () => {
    must(await send(`/stores/${offer.seller.storeId}/logo`, png, 'logo'), 200, 201);
    const { data } = must(await mission.ask('GET', `/stores/${offer.seller.storeId}`), 200);
    expect(await served(data.logo_url)).to.deep.equal([200, 40, 20]);
  });

  it('SEC-04, ENV-15: refuses more than UPLOAD_MAX_SIZE bytes', async () => {
    const { maxBytes, dir } = loadConfig({ UPLOAD_MAX_SIZE: '2048', UPLOAD_DIR: '/srv/pictures' }).uploads;
    expect([maxBytes, dir]).to.deep.equal([2_048, '/srv/pictures']);
    expect(loadConfig({}).uploads.maxBytes).to.equal(BYTES_MAX);
    const answer = await send(`/products/${offer.productId}/image`, Buffer.alloc(BYTES_MAX + 1), 'image');
    expect(answer.status).to.equal(413);
  });
});
