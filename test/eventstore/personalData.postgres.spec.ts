import { randomBytes, randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { isRefusal } from '../../src/errors.ts';
import { createPersonalData, ERASED, isSealed, type PersonalDataKeys } from '../../src/eventstore/personalData.ts';
import { createPool, type Pool } from '../../src/platform/postgres/pool.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { rejection } from '../support/rejection.ts';

describe('personal data', () => {
  const masterKey = randomBytes(32);
  let database: TestDatabase;
  let pool: Pool;
  let personalData: PersonalDataKeys;
  let subject: string;

  before(async () => {
    database = await freshDatabase();
    pool = createPool({ url: database.url, name: 'test', max: 4, int8: 'bigint' });
  });
  after(async () => {
    await pool.end();
    await database.drop();
  });
  beforeEach(async () => {
    personalData = createPersonalData({ pool, masterKey });
    subject = randomUUID();
    await personalData.createKey(subject);
  });

  it('opens what it sealed, in any process that has the master key', async () => {
    const sealed = await personalData.seal(subject, 'Grüße, 世界');
    expect(sealed).to.match(new RegExp(`^pd1\\.${subject}\\.`));
    expect(isSealed(sealed)).to.equal(true);
    expect(sealed).not.to.include('Gr');
    expect(await createPersonalData({ pool, masterKey }).open(sealed)).to.equal('Grüße, 世界');
  });

  it('seals the same text differently each time', async () => {
    expect(await personalData.seal(subject, 'a')).not.to.equal(await personalData.seal(subject, 'a'));
  });

  it('seals the empty text', async () => {
    const sealed = await personalData.seal(subject, '');
    expect(isSealed(sealed)).to.equal(true);
    expect(await personalData.open(sealed)).to.equal('');
  });

  it('keeps one key however many make it at once', async () => {
    const other = randomUUID();
    const processes = Array.from({ length: 8 }, () => createPersonalData({ pool, masterKey }));
    const sealed = await Promise.all(
      processes.map(async (process, index) => {
        await process.createKey(other);
        return process.seal(other, String(index));
      }),
    );
    expect(await personalData.reveal(sealed)).to.deep.equal(['0', '1', '2', '3', '4', '5', '6', '7']);
  });

  it('reveals every sealed text in a value, with one statement for all keys, and leaves the value as it was', async () => {
    const second = randomUUID();
    await personalData.createKey(second);
    const value = {
      name: await personalData.seal(subject, 'Ada'),
      lines: [{ address: await personalData.seal(second, '1 Street'), count: 2, none: null }],
      text: 'plain',
      at: 5n,
    };
    const before = structuredClone(value);
    let statements = 0;
    const counting = new Proxy(pool, {
      get(target, name) {
        if (name === 'query') statements += 1;
        const member: unknown = Reflect.get(target, name);
        return typeof member === 'function' ? (member.bind(target) as unknown) : member;
      },
    });
    expect(await createPersonalData({ pool: counting, masterKey }).reveal(value)).to.deep.equal({
      name: 'Ada',
      lines: [{ address: '1 Street', count: 2, none: null }],
      text: 'plain',
      at: 5n,
    });
    expect(statements).to.equal(1);
    expect(value).to.deep.equal(before);
  });

  it('shows an erased person as erased: here at once, elsewhere within seconds', async () => {
    const elsewhere = createPersonalData({ pool, masterKey });
    const sealed = await personalData.seal(subject, 'Ada');
    expect(await elsewhere.open(sealed)).to.equal('Ada');
    await personalData.eraseKey(subject);
    expect(await personalData.open(sealed)).to.equal(ERASED);
    expect(await personalData.reveal({ name: sealed })).to.deep.equal({ name: ERASED });
    await eventually('it is erased elsewhere', async () => (await elsewhere.open(sealed)) === ERASED, 5_000);
  });

  it('does not keep a key that was read just before its erasure', async () => {
    const sealed = await personalData.seal(subject, 'Ada');
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const query = async (statement: string | { text: string; values: unknown[] }, values?: unknown[]) => {
      const result = await (typeof statement === 'string' ? pool.query(statement, values) : pool.query(statement));
      if (typeof statement !== 'string') await held;
      return result;
    };
    const slow = createPersonalData({ pool: { query } as unknown as Pool, masterKey });
    const opening = slow.open(sealed);
    await slow.eraseKey(subject);
    release();
    await opening;
    expect(await slow.open(sealed)).to.equal(ERASED);
  });

  it('refuses to seal for somebody who has no key', async () => {
    for (const nobody of [randomUUID(), subject]) {
      await personalData.eraseKey(nobody);
      const error = await rejection(personalData.seal(nobody, 'Ada'));
      expect(isRefusal(error) && [error.kind, error.rule]).to.deep.equal(['rejected', 'PersonErased']);
    }
  });

  it('does not open what was sealed for somebody else, or was tampered with', async () => {
    const other = randomUUID();
    await personalData.createKey(other);
    const sealed = await personalData.seal(subject, 'a secret of some length');
    const flipped = sealed.slice(0, -3) + (sealed.at(-3) === 'A' ? 'B' : 'A') + sealed.slice(-2);
    for (const forged of [sealed.replace(subject, other), flipped]) {
      expect(await rejection(personalData.open(forged))).to.be.instanceOf(Error);
      expect(await personalData.reveal([forged])).to.deep.equal([forged]);
    }
  });

  it('leaves alone what only looks sealed', async () => {
    for (const text of ['pd1.', 'pd1.x.y', `pd1.${subject}`, `pd1.${subject}.$$$`]) {
      expect(await personalData.reveal({ text })).to.deep.equal({ text });
    }
  });

  it('says so when the master key is another one', async () => {
    const sealed = await personalData.seal(subject, 'Ada');
    const error = await rejection(createPersonalData({ pool, masterKey: randomBytes(32) }).open(sealed));
    expect(error.message).to.include('MASTER_KEY');
    expect(() => createPersonalData({ pool, masterKey: randomBytes(16) })).to.throw('MASTER_KEY must be 32 bytes');
  });

  it('makes blind indexes that are equal for equal values of one kind, and tell nothing else', () => {
    const index = personalData.blindIndex('email', 'ada@example.org');
    expect(index).to.match(/^[0-9a-f]{64}$/);
    expect(createPersonalData({ pool, masterKey }).blindIndex('email', 'ada@example.org')).to.equal(index);
    const others = [
      personalData.blindIndex('phone', 'ada@example.org'),
      personalData.blindIndex('email', 'bob@example.org'),
      createPersonalData({ pool, masterKey: randomBytes(32) }).blindIndex('email', 'ada@example.org'),
    ];
    expect(others).not.to.include(index);
  });
});
