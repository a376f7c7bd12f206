import { createCipheriv, hkdfSync, randomBytes, randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { isRefusal } from '../../src/errors.ts';
import { createPersonalData, type PersonalDataKeys } from '../../src/eventstore/personalData.ts';
import { ERASED, type Opening, type Place } from '../../src/eventstore/sealing.ts';
import { createPool, type Pool } from '../../src/platform/postgres/pool.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { memoryPersonalData } from '../support/personalData.ts';
import { rejection } from '../support/rejection.ts';

const STREAM = 'user-one';
const NAME = [{ name: 'UserRegistered.name', pd1: true }];
const REASON = [{ name: 'OrderCancelled.reason', pd1: false }];

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

  const placeOf = (person: string, over: Partial<Place> = {}): Place => ({
    ...{ subject: person, stream: STREAM, field: 'UserRegistered.name' },
    ...over,
  });
  const openingOf = (person: string, over: Partial<Opening> = {}): Opening => ({
    ...{ subject: person, stream: STREAM, properties: { name: NAME } },
    ...over,
  });
  /** Seals and opens the field `name` of one person. */
  const seal = (text: string, person = subject) => personalData.seal(placeOf(person), text);
  const open = async (name: string, opening = openingOf(subject), by = personalData) =>
    (await by.reveal({ name }, opening)).name;

  it('opens what it sealed, in any process that has the master key', async () => {
    const sealed = await seal('Grüße, 世界');
    expect(sealed).to.match(new RegExp(`^pd2\\.${subject}\\.UserRegistered\\.name\\.`));
    expect(sealed).not.to.include('Gr');
    expect(await open(sealed, openingOf(subject), createPersonalData({ pool, masterKey }))).to.equal('Grüße, 世界');
  });

  it('seals the same text differently each time', async () => {
    expect(await seal('a')).not.to.equal(await seal('a'));
  });

  it('seals the empty text', async () => {
    const sealed = await seal('');
    expect(sealed).to.match(/^pd2\./);
    expect(await open(sealed)).to.equal('');
  });

  it('keeps one key however many make it at once', async () => {
    const other = randomUUID();
    const processes = Array.from({ length: 8 }, () => createPersonalData({ pool, masterKey }));
    const sealed = await Promise.all(
      processes.map(async (process, index) => {
        await process.createKey(other);
        return { name: await process.seal(placeOf(other), String(index)) };
      }),
    );
    const revealed = await personalData.revealAll(sealed, () => openingOf(other));
    expect(revealed.map(({ name }) => name)).to.deep.equal(['0', '1', '2', '3', '4', '5', '6', '7']);
  });

  it('reveals the declared properties of many objects with one statement for all keys, and leaves the objects as they were', async () => {
    const second = randomUUID();
    await personalData.createKey(second);
    const values = [
      { of: subject, name: await seal('Ada'), text: 'plain', at: 5n, none: null },
      { of: second, name: await seal('Ben', second), text: 'plain', at: 6n, none: null },
    ];
    const before = structuredClone(values);
    let statements = 0;
    const counting = new Proxy(pool, {
      get(target, name) {
        if (name === 'query') statements += 1;
        const member: unknown = Reflect.get(target, name);
        return typeof member === 'function' ? (member.bind(target) as unknown) : member;
      },
    });
    const elsewhere = createPersonalData({ pool: counting, masterKey });
    expect(await elsewhere.revealAll(values, ({ of }) => openingOf(of))).to.deep.equal([
      { ...values[0], name: 'Ada' },
      { ...values[1], name: 'Ben' },
    ]);
    expect(statements).to.equal(1);
    expect(values).to.deep.equal(before);
  });

  it('shows an erased person as erased: here at once, elsewhere within seconds', async () => {
    const elsewhere = createPersonalData({ pool, masterKey });
    const sealed = await seal('Ada');
    expect(await open(sealed, openingOf(subject), elsewhere)).to.equal('Ada');
    await personalData.eraseKey(subject);
    expect(await open(sealed)).to.equal(ERASED);
    await eventually(
      'it is erased elsewhere',
      async () => (await open(sealed, openingOf(subject), elsewhere)) === ERASED,
      5_000,
    );
  });

  it('never makes a key again for an erased person, and knows since when they are', async () => {
    expect(await personalData.erasedFor(subject)).to.equal(undefined);
    await personalData.eraseKey(subject);
    await Promise.all([personalData, createPersonalData({ pool, masterKey })].map((one) => one.createKey(subject)));
    expect(await rejection(seal('back'))).to.include({ rule: 'PersonErased' });
    const { rows } = await pool.query('SELECT 1 FROM subject_keys WHERE subject = $1', [subject]);
    expect(rows).to.deep.equal([]);
    expect(await personalData.erasedFor(subject)).to.be.within(0, 60_000);
    await personalData.eraseKey(subject);
  });

  it('does not keep a key that was read just before its erasure', async () => {
    const sealed = await seal('Ada');
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const query = async (statement: string | { text: string; values: unknown[] }, values?: unknown[]) => {
      const result = await (typeof statement === 'string' ? pool.query(statement, values) : pool.query(statement));
      if (typeof statement !== 'string') await held;
      return result;
    };
    const slow = createPersonalData({ pool: { query } as unknown as Pool, masterKey });
    const opening = open(sealed, openingOf(subject), slow);
    await slow.eraseKey(subject);
    release();
    await opening;
    expect(await open(sealed, openingOf(subject), slow)).to.equal(ERASED);
  });

  it('refuses to seal for somebody who has no key', async () => {
    for (const nobody of [randomUUID(), subject]) {
      await personalData.eraseKey(nobody);
      const error = await rejection(seal('Ada', nobody));
      expect(isRefusal(error) && [error.kind, error.rule]).to.deep.equal(['rejected', 'PersonErased']);
    }
  });

  it('says so when the master key is another one', async () => {
    const sealed = await seal('Ada');
    const another = createPersonalData({ pool, masterKey: randomBytes(32) });
    const error = await rejection(open(sealed, openingOf(subject), another));
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

  describe('that was copied to another place', () => {
    it('does not open for another person, in another stream, under another event or field, or in an undeclared property', async () => {
      const other = randomUUID();
      await personalData.createKey(other);
      const sealed = await seal('a secret of some length');
      const flipped = sealed.slice(0, -3) + (sealed.at(-3) === 'A' ? 'B' : 'A') + sealed.slice(-2);
      const both = { properties: { name: [...NAME, { name: 'UserRegistered.email', pd1: true }] } };
      const cases: [text: string, opening: Opening][] = [
        [sealed, openingOf(other)],
        [sealed.replace(subject, other), openingOf(other)],
        [sealed, openingOf(subject, { stream: 'user-two' })],
        [sealed, openingOf(subject, { properties: { name: REASON } })],
        [sealed.replace('.name.', '.email.'), openingOf(subject, both)],
        [sealed, openingOf(subject, { properties: { email: NAME } })],
        [flipped, openingOf(subject)],
      ];
      for (const [text, opening] of cases) {
        expect(await open(text, opening), JSON.stringify(opening)).to.equal(text);
      }
      expect(await open(sealed)).to.equal('a secret of some length');
    });

    it('is text when somebody types it: it is sealed as text, and opens as that text', async () => {
      const stolen = await seal('a secret');
      for (const typed of [stolen, `pd1.${subject}.${'A'.repeat(60)}`, 'pd2.', `pd2.${subject}.$$$`]) {
        expect(await open(await seal(typed)), typed).to.equal(typed);
        expect(await open(typed, openingOf(subject, { properties: { name: REASON } })), typed).to.equal(typed);
      }
    });
  });

  describe('in the format pd1', () => {
    /** As earlier versions sealed it. */
    async function sealedAsPd1(text: string): Promise<string> {
      const key = randomBytes(32);
      const wrap = hkdfSync('sha256', masterKey, '', 'cartulary wrap', 32);
      const encrypted = (by: Buffer, plain: Buffer): Buffer => {
        const nonce = randomBytes(12);
        const cipher = createCipheriv('aes-256-gcm', by, nonce).setAAD(Buffer.from(subject));
        return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
      };
      const wrapped = encrypted(Buffer.from(wrap), key);
      await pool.query('UPDATE subject_keys SET wrapped_key = $2 WHERE subject = $1', [subject, wrapped]);
      return `pd1.${subject}.${encrypted(key, Buffer.from(text)).toString('base64url')}`;
    }

    it('opens in the fields that events held sealed then, for their own person, and nowhere else', async () => {
      const sealed = await sealedAsPd1('Ada');
      const other = randomUUID();
      await personalData.createKey(other);
      expect(await open(sealed)).to.equal('Ada');
      expect(await open(sealed, openingOf(subject, { properties: { name: REASON } }))).to.equal(sealed);
      expect(await open(sealed, openingOf(other))).to.equal(sealed);
      expect(await open(sealed.replace(subject, other), openingOf(other))).to.equal(sealed.replace(subject, other));
    });

    it('does not pass as pd2', async () => {
      const sealed = await sealedAsPd1('Ada');
      const disguised = sealed.replace(`pd1.${subject}.`, `pd2.${subject}.UserRegistered.name.`);
      expect(await open(disguised)).to.equal(disguised);
    });
  });

  it('has a double in tests that behaves alike', async () => {
    const double = memoryPersonalData();
    const sealed = await double.seal(placeOf(subject), 'Ada');
    expect((await double.reveal({ name: sealed }, openingOf(subject))).name).to.equal('Ada');
    double.forget(subject);
    expect((await double.reveal({ name: sealed }, openingOf(subject))).name).to.equal(ERASED);
  });
});
