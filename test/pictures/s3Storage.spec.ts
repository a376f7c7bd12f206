import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { createS3Storage } from '../../src/pictures/s3Storage.ts';
import type { Kept } from '../../src/pictures/storage.ts';
import { type Bucket, openBucket } from '../support/bucket.ts';
import { rejection } from '../support/rejection.ts';

const TIMEOUT_MS = 1_000;
const files = { small: Buffer.from('small'), medium: Buffer.from('medium'), large: Buffer.from('large') };

describe('pictures in a bucket', function () {
  this.timeout(30_000);
  let bucket: Bucket;
  const storage = (more: Partial<Bucket['access']> = {}) =>
    createS3Storage({ ...bucket.access, ...more }, { requestTimeoutMs: TIMEOUT_MS });
  const listed = async (): Promise<Kept[]> => {
    const all: Kept[] = [];
    for await (const page of storage().list()) all.push(...page);
    return all;
  };

  beforeEach(async () => {
    bucket = await openBucket();
  });
  afterEach(async () => {
    expect(bucket.forged).to.deep.equal([]);
    await bucket.close();
  });

  it('are kept, read and removed by signed requests', async () => {
    const key = randomUUID();
    await storage().put(key, files);
    expect([...bucket.objects.keys()]).to.have.members(
      ['small', 'medium', 'large'].map((size) => `pictures/${key}/${size}.webp`),
    );
    expect([...bucket.objects.values()].map(({ type }) => type)).to.deep.equal(Array(3).fill('image/webp'));
    expect(await storage().read(key, 'medium')).to.deep.equal(files.medium);
    await storage().remove(key);
    await storage().remove(key);
    expect(bucket.objects.size).to.equal(0);
    expect(await storage().read(key, 'medium')).to.equal(undefined);
  });

  it('are listed to the last one, each with the time of its last file, beside what is no picture', async () => {
    const keys = Array.from({ length: 5 }, () => randomUUID());
    for (const key of keys) await storage().put(key, files);
    for (const name of ['pictures/notes.txt', 'pictures/&<x>/large.webp', 'other/a.webp']) {
      bucket.objects.set(name, { bytes: Buffer.from(''), type: 'text/plain', writtenAt: 0 });
    }
    const [first = ''] = keys;
    for (const size of ['small', 'medium', 'large'])
      bucket.objects.get(`pictures/${first}/${size}.webp`)!.writtenAt = size === 'medium' ? 5_000 : 1_000;
    const all = await listed();
    expect(new Set(all.map(({ key }) => key))).to.deep.equal(new Set(keys));
    expect(Math.max(...all.filter(({ key }) => key === first).map(({ writtenAt }) => writtenAt))).to.equal(5_000);
    expect(bucket.asked.filter((one) => one.includes('continuation-token')).length).to.be.greaterThan(2);
  });

  it('are asked for again after a failure that passes: an answer of 500 or 429, a cut connection, silence', async () => {
    const key = randomUUID();
    bucket.fail(500, 'cut');
    await storage().put(key, files);
    expect(bucket.objects.size).to.equal(3);
    for (const fault of [503, 429, 'cut', 'cut in the body', 'silent'] as const) {
      bucket.fail(fault);
      expect(await storage().read(key, 'large'), String(fault)).to.deep.equal(files.large);
    }
    bucket.fail('cut');
    await storage().remove(key);
    expect(bucket.objects.size).to.equal(0);
  });

  it('are asked for three times at most, and within the time of three requests', async () => {
    for (const fault of [500, 'cut', 'silent'] as const) {
      bucket.always(fault);
      bucket.asked.length = 0;
      await rejection(storage().read(randomUUID(), 'small'));
      expect(bucket.asked, String(fault)).to.have.length(3);
    }
  });

  it('are asked for once when the bucket refuses: its answer would be the same', async () => {
    for (const status of [403, 400, 301, 411]) {
      bucket.always(status);
      bucket.asked.length = 0;
      const error = await rejection(storage().put(randomUUID(), files));
      expect(bucket.asked).to.have.length(1);
      expect(String(error)).to.include(String(status)).and.not.include(bucket.access.secretAccessKey);
    }
  });

  it('are not taken for missing when the bucket is', async () => {
    const lost = storage({ bucket: 'another' });
    expect(String(await rejection(lost.read(randomUUID(), 'small')))).to.include('does not exist');
    expect(String(await rejection(lost.put(randomUUID(), files)))).to.include('does not exist');
    const all = lost.list()[Symbol.asyncIterator]();
    expect(String(await rejection(all.next() as Promise<unknown>))).to.include('does not exist');
  });

  it('are refused with another secret, key or region', async () => {
    for (const more of [{ secretAccessKey: 'another' }, { accessKeyId: 'another' }, { region: 'another' }]) {
      expect(String(await rejection(storage(more).put(randomUUID(), files)))).to.include('403');
    }
    expect(bucket.forged.splice(0)).to.have.length(3);
    expect(bucket.objects.size).to.equal(0);
  });

  it('have no other names than keys', async () => {
    for (const key of ['', '..', '../x', `${randomUUID()}/..`, randomUUID().toUpperCase()]) {
      expect(await rejection(Promise.resolve().then(() => storage().read(key, 'small')))).to.be.instanceOf(TypeError);
    }
    expect(bucket.asked).to.deep.equal([]);
  });
});
