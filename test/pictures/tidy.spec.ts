import { randomUUID } from 'node:crypto';
import { readdirSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { createDiskStorage } from '../../src/pictures/diskStorage.ts';
import { sweep } from '../../src/pictures/tidy.ts';
import { rejection } from '../support/rejection.ts';
import { temporaryFolder } from '../support/process.ts';

const HOUR_MS = 3_600_000;
const files = { small: Buffer.from('s'), medium: Buffer.from('m'), large: Buffer.from('l') };

describe('a sweep of pictures', () => {
  const root = path.join(temporaryFolder('sweep'), 'uploads');
  const storage = createDiskStorage(root);
  const now = (): string => new Date().toISOString();

  async function keep(ageMs: number): Promise<string> {
    const key = randomUUID();
    await storage.put(key, files);
    const at = new Date(Date.now() - ageMs);
    utimesSync(path.join(root, key.slice(0, 2), key), at, at);
    return key;
  }
  const kept = async (): Promise<string[]> => {
    const all: string[] = [];
    for await (const page of storage.list()) all.push(...page.map(({ key }) => key));
    return all.sort();
  };
  const showing = (...keys: string[]) => ({ storage, now, shown: () => Promise.resolve(new Set(keys)) });
  afterEach(async () => {
    for (const key of await kept()) await storage.remove(key);
  });

  it('removes what nothing shows, and leaves what is shown or younger than the age', async () => {
    const [shown, young, old] = [await keep(9 * HOUR_MS), await keep(HOUR_MS / 2), await keep(2 * HOUR_MS)];
    const options = { ...showing(shown), ageMs: HOUR_MS };
    expect(await sweep({ ...options, dryRun: true })).to.equal(1);
    expect(await kept()).to.deep.equal([shown, young, old].sort());
    expect(await sweep(options)).to.equal(1);
    expect(await kept()).to.deep.equal([shown, young].sort());
    expect(await sweep(options)).to.equal(0);
  });

  it('leaves alone what is younger than two days, unless it is told otherwise', async () => {
    const keys = [await keep(47 * HOUR_MS), await keep(49 * HOUR_MS)];
    expect(await sweep(showing())).to.equal(1);
    expect(await kept()).to.deep.equal([keys[0]]);
  });

  it('ends at its limit, and goes on when it is asked again', async () => {
    for (let count = 0; count < 5; count += 1) await keep(3 * HOUR_MS);
    const options = { ...showing(), ageMs: HOUR_MS, limit: 2 };
    expect([await sweep(options), await sweep(options), await sweep(options)]).to.deep.equal([2, 2, 1]);
    expect(await kept()).to.deep.equal([]);
  });

  it('removes nothing while it cannot be known what is shown', async () => {
    const key = await keep(3 * HOUR_MS);
    const shown = () => Promise.reject(new Error('the read models are behind'));
    expect(String(await rejection(sweep({ ...showing(), shown, ageMs: HOUR_MS })))).to.include('behind');
    expect(await kept()).to.deep.equal([key]);
  });

  it('is harmless where nothing was ever uploaded', async () => {
    const nowhere = createDiskStorage(path.join(root, 'nowhere'));
    expect(await sweep({ ...showing(), storage: nowhere })).to.equal(0);
  });

  it('takes with a picture whatever a write that broke off has left in its folder', async () => {
    const key = await keep(3 * HOUR_MS);
    expect(await sweep({ ...showing(), ageMs: HOUR_MS })).to.equal(1);
    expect(readdirSync(path.join(root, key.slice(0, 2)))).to.deep.equal([]);
    expect(await storage.read(key, 'small')).to.equal(undefined);
  });
});
