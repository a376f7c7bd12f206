import { randomBytes, randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { indexKeyOf } from '../../src/compose/masterKeys.ts';
import { ConfigError } from '../../src/config/config.ts';
import { masterKeysOf, unwrap, wrap } from '../../src/eventstore/masterKeys.ts';
import { createPersonalData } from '../../src/eventstore/personalData.ts';
import { keyStatus, rotateKeys } from '../../src/eventstore/rotateKeys.ts';
import { createPool, type Pool } from '../../src/platform/postgres/pool.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { manyKeys } from '../support/manyKeys.ts';
import { rejection } from '../support/rejection.ts';

const PERSONS = 1_100;
const ignore = (): void => undefined;

describe('master keys', () => {
  const [old, next, other] = [randomBytes(32), randomBytes(32), randomBytes(32)];
  const markOf = (key: Buffer): string => masterKeysOf(key)[0].mark;
  let database: TestDatabase;
  let pool: Pool;

  beforeEach(async () => {
    database = await freshDatabase();
    pool = createPool({ url: database.url, name: 'test', max: 4, int8: 'bigint' });
  });
  afterEach(async () => {
    await pool.end();
    await database.drop();
  });

  const secrets = (masterKey: Buffer, ...formerMasterKeys: Buffer[]) => ({ masterKey, formerMasterKeys });
  const refusal = async (masterKey: Buffer, ...former: Buffer[]): Promise<string> => {
    const error = await rejection(indexKeyOf(pool, secrets(masterKey, ...former)));
    expect(error).to.be.instanceOf(ConfigError);
    return error.message;
  };
  const persons = (count: number): Promise<string[]> => manyKeys(pool, old, count);
  const place = (subject: string) => ({ subject, stream: `user-${subject}`, field: 'UserRegistered.name' });
  const opening = (subject: string) => ({
    ...{ subject, stream: `user-${subject}` },
    properties: { name: [{ name: 'UserRegistered.name', pd1: true }] },
  });

  it('wrap with the first, unwrap with all, and name themselves by a mark that is not the key', () => {
    const both = masterKeysOf(next, [old, next]);
    expect(both).to.have.length(2);
    expect(both[0].mark).to.match(/^[0-9a-f]{16}$/);
    expect(next.toString('hex')).not.to.include(both[0].mark);
    const [byNext, byOld] = [wrap(both, 'ann', other), wrap(masterKeysOf(old), 'ann', other)];
    for (const wrapped of [byNext, byOld, { ...byOld, mark: null }]) {
      expect(unwrap(both, wrapped)?.key).to.deep.equal(other);
    }
    expect(unwrap(masterKeysOf(next), byOld)).to.equal(undefined);
    expect(unwrap(both, { ...byOld, name: 'ben' })).to.equal(undefined);
    expect(unwrap(both, { ...byOld, mark: both[0].mark })).to.equal(undefined);
  });

  it('begin with one index key, which does not change with them', async () => {
    expect(await indexKeyOf(pool, secrets(old))).to.deep.equal(old);
    expect(await indexKeyOf(pool, secrets(next, old))).to.deep.equal(old);
    await rotateKeys(pool, masterKeysOf(next, [old]), ignore);
    const indexKey = await indexKeyOf(pool, secrets(next));
    expect(indexKey).to.deep.equal(old);
    const today = createPersonalData({ pool, masterKey: next, indexKey }).blindIndex('email', 'ada@example.org');
    expect(today).to.equal(createPersonalData({ pool, masterKey: old }).blindIndex('email', 'ada@example.org'));
  });

  it('of processes that start together on an empty database are one: the others are refused by name', async () => {
    const keys = Array.from({ length: 8 }, () => randomBytes(32));
    const started = await Promise.allSettled(keys.map((key) => indexKeyOf(pool, secrets(key))));
    expect(started.filter(({ status }) => status === 'fulfilled')).to.have.length(1);
    for (const outcome of started) {
      if (outcome.status === 'rejected') expect(String(outcome.reason)).to.include('MASTER_KEY is not the key');
    }
  });

  it('are found in a shop of an earlier version, which has no marks', async () => {
    const [ann] = await persons(3);
    await pool.query('UPDATE subject_keys SET master_key = NULL');
    expect(await refusal(next)).to.include('MASTER_KEY is not the key');
    expect((await keyStatus(pool)).indexKey).to.equal(null);
    expect(await indexKeyOf(pool, secrets(next, old))).to.deep.equal(old);
    const personalData = createPersonalData({ pool, masterKey: next, former: [old] });
    const sealed = await personalData.seal(place(ann!), 'Ann');
    expect((await personalData.reveal({ name: sealed }, opening(ann!))).name).to.equal('Ann');
    const { rewrapped } = await rotateKeys(pool, masterKeysOf(next, [old]), ignore);
    expect(rewrapped).to.equal(3);
  });

  it('are rotated in batches, beside people who register, are read and are erased', async () => {
    const known = await persons(PERSONS);
    await indexKeyOf(pool, secrets(old));
    const both = createPersonalData({ pool, masterKey: next, former: [old] });
    const sealed = await both.seal(place(known[0]!), 'Ada');
    const told: number[] = [];
    const rotation = rotateKeys(pool, masterKeysOf(next, [old]), (rewrapped) => told.push(rewrapped));
    const registered = randomUUID();
    await Promise.all([both.createKey(registered), both.eraseKey(known[1]!)]);
    const { rewrapped } = await rotation;
    expect(rewrapped).to.be.within(PERSONS - 1, PERSONS);
    expect(told.length).to.be.greaterThan(2);
    expect(await keyStatus(pool)).to.deep.equal({
      persons: [{ mark: markOf(next), keys: PERSONS }],
      indexKey: markOf(next),
    });
    const alone = createPersonalData({ pool, masterKey: next });
    expect((await alone.reveal({ name: sealed }, opening(known[0]!))).name).to.equal('Ada');
    expect((await rotateKeys(pool, masterKeysOf(next, [old]), ignore)).rewrapped).to.equal(0);
  });

  it('are refused by name while one that is still needed is not listed', async () => {
    await persons(2);
    await indexKeyOf(pool, secrets(old));
    await createPersonalData({ pool, masterKey: next, former: [old] }).createKey(randomUUID());
    const told = await refusal(next);
    expect(told).to.include('MASTER_KEY lacks the key').and.include(markOf(old)).and.include('cartulary keys rotate');
    expect(await refusal(other)).to.include('MASTER_KEY is not the key');
    const error = await rejection(rotateKeys(pool, masterKeysOf(other), ignore));
    expect(error.message).to.include(markOf(old));
    await rotateKeys(pool, masterKeysOf(next, [old]), ignore);
    expect(await indexKeyOf(pool, secrets(next))).to.deep.equal(old);
    expect(await refusal(old)).to.include('MASTER_KEY is not the key');
  });
});
