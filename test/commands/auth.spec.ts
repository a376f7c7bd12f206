import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import jwt from 'jsonwebtoken';
import { isRefusal } from '../../src/errors.ts';
import { COMMON_PASSWORDS } from '../../src/http/auth/commonPasswords.ts';
import { comparable } from '../../src/http/auth/weakness.ts';
import { createPasswords, HASHES_WAITING_MAX } from '../../src/http/auth/passwords.ts';
import { createTokens, createVerifier } from '../../src/http/auth/tokens.ts';
import type { Passwords } from '../../src/commands/contract.ts';

const SECRET = 'a secret that is as long as it must be';
const ruleOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (isRefusal(error)) return error.rule;
    throw error;
  }
  return 'none';
};

describe('tokens', () => {
  let nowMs: number;
  const settings = { secret: SECRET, accessTtlMs: 60_000, refreshTtlMs: 600_000 };
  const tokens = createTokens(settings, () => nowMs);
  const claims = { userId: randomUUID(), role: 'seller' as const, sessionId: randomUUID(), revision: 7n };
  beforeEach(() => (nowMs = Date.UTC(2026, 0, 1)));

  it('name their user and their expiry', () => {
    const { token, expiresIn } = tokens.issue(claims);
    const verified = createVerifier({ secret: SECRET, isRevoked: () => false, now: () => nowMs })(token);
    expect(expiresIn).to.equal(60);
    expect(verified).to.deep.equal({
      actor: { id: claims.userId, role: 'seller', sessionId: claims.sessionId },
      sessionId: claims.sessionId,
      revision: 7,
      expiresAtMs: nowMs + 60_000,
    });
  });

  it('end when they say, although they were verified before', () => {
    const verify = createVerifier({ secret: SECRET, isRevoked: () => false, now: () => nowMs });
    const { token } = tokens.issue(claims);
    verify(token);
    nowMs += 64_000;
    expect(ruleOf(() => verify(token))).to.equal('none');
    nowMs += 1_000;
    expect(ruleOf(() => verify(token))).to.equal('TokenInvalid');
  });

  it('end when they are revoked, although they were verified before', () => {
    let revoked = false;
    const verify = createVerifier({ secret: SECRET, isRevoked: () => revoked, now: () => nowMs });
    const { token } = tokens.issue(claims);
    verify(token);
    revoked = true;
    expect(ruleOf(() => verify(token))).to.equal('TokenInvalid');
  });

  it('need a secret that is long enough', () => {
    expect(() => createTokens({ ...settings, secret: 'short' })).to.throw('at least 32 bytes');
  });

  it('for refreshing are opaque, random, and follow from no secret', () => {
    const sessionId = randomUUID();
    const first = tokens.refresh(sessionId);
    expect(first.token).to.match(/^[0-9a-f-]{36}\.[\w-]{43}$/);
    expect(first.hash)
      .to.match(/^[0-9a-f]{64}$/)
      .and.not.include(first.token.slice(37));
    expect(tokens.refresh(sessionId).token).to.not.equal(first.token);
    expect(tokens.parseRefresh(first.token)).to.deep.equal({ sessionId, hash: first.hash });
    for (const bad of ['', first.token.slice(1), `${first.token}x`, sessionId, tokens.issue(claims).token]) {
      expect(tokens.parseRefresh(bad), bad).to.equal(undefined);
    }
    expect(tokens.isDerived(first.token, sessionId, [randomUUID()])).to.equal(false);
  });

  describe('of a list of secrets', () => {
    const SECRET_OF_BEFORE = 'the secret before this one is long enough too';
    const verifierOf = (secret: string) => createVerifier({ secret, isRevoked: () => false, now: () => nowMs });
    const issuedBy = (secret: string): string => createTokens({ ...settings, secret }, () => nowMs).issue(claims).token;

    it('are signed with the first, verified with all, and refused once their secret has left the list', () => {
      const list = `${SECRET}, ${SECRET_OF_BEFORE}`;
      for (const secret of [SECRET, SECRET_OF_BEFORE]) {
        expect(ruleOf(() => verifierOf(list)(issuedBy(secret)))).to.equal('none');
      }
      expect(ruleOf(() => verifierOf(SECRET)(issuedBy(list)))).to.equal('none');
      expect(ruleOf(() => verifierOf(SECRET_OF_BEFORE)(issuedBy(list)))).to.equal('TokenInvalid');
      expect(ruleOf(() => verifierOf(SECRET)(issuedBy(SECRET_OF_BEFORE)))).to.equal('TokenInvalid');
      expect(ruleOf(() => verifierOf(list)(issuedBy('the secret of another shop is as long as these')))).to.equal(
        'TokenInvalid',
      );
    });

    it('name their key by a mark that does not reveal it', () => {
      const { header } = jwt.decode(issuedBy(SECRET), { complete: true })!;
      expect(header.kid).to.match(/^[\w-]{11}$/);
      expect(SECRET).not.to.include(header.kid);
      expect(jwt.decode(issuedBy(SECRET_OF_BEFORE), { complete: true })!.header.kid).not.to.equal(header.kid);
    });

    it('are valid without a mark, as earlier versions made them, and not with the mark of another key', () => {
      const list = `${SECRET},${SECRET_OF_BEFORE}`;
      const payload = { sub: claims.userId, role: 'buyer', sid: claims.sessionId, iat: nowMs / 1_000 };
      const signed = (kid?: string): string =>
        jwt.sign(payload, SECRET_OF_BEFORE, {
          header: { alg: 'HS256', typ: 'at+jwt', ...(kid === undefined ? {} : { kid }) },
          ...{ issuer: 'cartulary', audience: 'cartulary-api', jwtid: 'one', expiresIn: 60 },
        });
      expect(ruleOf(() => verifierOf(list)(signed()))).to.equal('none');
      const { kid } = jwt.decode(issuedBy(SECRET), { complete: true })!.header;
      expect(ruleOf(() => verifierOf(list)(signed(kid)))).to.equal('TokenInvalid');
      expect(ruleOf(() => verifierOf(list)(signed('no-such-key')))).to.equal('TokenInvalid');
    });

    it('are not taken apart at the commas of a single secret', () => {
      const phrase = 'one secret, with commas, and long enough';
      expect(ruleOf(() => verifierOf(phrase)(issuedBy(phrase)))).to.equal('none');
      expect(ruleOf(() => verifierOf(phrase)(issuedBy(`${phrase}!`)))).to.equal('TokenInvalid');
    });
  });
});

describe('passwords', () => {
  let passwords: Passwords;
  before(async () => {
    const shopNames = ['Inkwell <shop@localhost>'];
    passwords = await createPasswords({ passwordMinLength: 8, passwordBlocklist: true, bcryptCost: 4, shopNames });
  });
  const whyNot = (password: string, context?: readonly string[]): string | undefined => {
    try {
      passwords.check(password, 'password', context);
    } catch (error) {
      if (isRefusal(error)) return error.errors[0]?.message;
      throw error;
    }
    return undefined;
  };

  it('are verified as they were chosen, in any form that looks the same', async () => {
    const hash = await passwords.hash('pässwörter sind lang');
    expect(hash).to.match(/^\$2b\$04\$/);
    expect(await passwords.verify('pässwörter sind lang'.normalize('NFD'), hash)).to.equal(true);
    expect(await passwords.verify('passworter sind lang', hash)).to.equal(false);
    expect(await passwords.verify('nobody has this password', undefined)).to.equal(false);
  });

  it('are refused when short, common, too long for bcrypt, or not text', () => {
    expect(whyNot('a fine password')).to.equal(undefined);
    const long = 'a fine password '.repeat(5).slice(0, 72);
    expect(whyNot(long.replace('fine', 'FINE'))).to.equal(undefined);
    expect(whyNot('seven77')).to.include('at least 8 characters');
    expect(whyNot('😀😀😀😀😀😀😀')).to.include('at least 8 characters');
    expect(whyNot('x'.repeat(73))).to.include('at most 72 bytes');
    expect(whyNot('ü'.repeat(37))).to.include('at most 72 bytes');
    expect(whyNot('Password123')).to.include('common');
    expect(whyNot('with\0null inside')).to.include('characters');
    expect(whyNot('lone \ud800 surrogate')).to.include('characters');
  });

  it('are refused when others guess them soon: common, repeated, in sequence, or of spaces', () => {
    for (const common of [
      'Welcome1!',
      'P@ssw0rd',
      'welcome1',
      'Summer2026!',
      'ｐａｓｓｗｏｒｄ１２３',
      'pass word 123',
      'dragon99',
    ]) {
      expect(whyNot(common), common).to.include('common');
    }
    for (const repeated of ['aaaaaaaa', 'abababab', 'aaaaaaab', 'x'.repeat(72), 'catfoxcatfox', 'AaAaAaAa']) {
      expect(whyNot(repeated), repeated).to.match(/repeats|common/);
    }
    for (const sequence of ['bcdefghij', '876543210', 'qwertzuiopa', 'mnbvcxzlkj', 'cdefg4567']) {
      expect(whyNot(sequence), sequence).to.match(/sequence|common/);
    }
    for (const blank of [' '.repeat(8), '\u00a0'.repeat(9), '\u200b'.repeat(8), ' \u3164'.repeat(5)]) {
      expect(whyNot(blank), JSON.stringify(blank)).to.include('seen');
    }
    for (const good of [
      'correct horse battery',
      'staple in the stable',
      'z7!kPq2#vW',
      'Bergamotte am Montag',
      'пароль не скажу',
    ]) {
      expect(whyNot(good), good).to.equal(undefined);
    }
  });

  it('are refused when they are made of what their owner or the shop is known by', () => {
    const context = ['ada.lovelace@analytical.example', 'Ada  Lovelace'];
    const bad = [
      ...['ada.lovelace@analytical.example', 'Ada.Lovelace', 'lovelace1815', 'LOVELACE!', 'analytical1', 'adalovelace'],
      ...['Lovelace Ada', 'inkwell2026', 'inkwell-shop'],
    ];
    for (const password of bad) expect(whyNot(password, context), password).to.include('your name');
    expect(whyNot('lovelace likes engines', context)).to.equal(undefined);
    expect(whyNot('lovelace1815', ['bob@example.com'])).to.equal(undefined);
  });

  it('are looked up among at least 3,000 that fit the least length', () => {
    const fitting = [...COMMON_PASSWORDS].filter((password) => Array.from(password).length >= 8);
    expect(fitting.length).to.be.at.least(3_000);
    expect([...COMMON_PASSWORDS].filter((password) => password !== comparable(password))).to.deep.equal([]);
  });

  it('never match by what bcrypt would cut off or fold together', async () => {
    const hash = await passwords.hash('x'.repeat(72));
    expect(await passwords.verify('x'.repeat(73), hash)).to.equal(false);
    const surrogate = await passwords.hash('password \ufffd!');
    expect(await passwords.verify('password \ud800!', surrogate)).to.equal(false);
  });

  it('may be common when the blocklist is off', async () => {
    const lax = await createPasswords({ passwordMinLength: 8, passwordBlocklist: false, bcryptCost: 4 });
    expect(() => lax.check('password123', 'password')).to.not.throw();
    expect(() => lax.check(' '.repeat(8), 'password')).to.throw();
  });

  it('are hashed a few at a time, and refused when too many wait', async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: HASHES_WAITING_MAX + 20 }, () => passwords.verify('whatever it is', undefined)),
    );
    const rules = outcomes.flatMap(({ status, ...rest }) =>
      status === 'rejected' && 'reason' in rest && isRefusal(rest.reason) ? [rest.reason.rule] : [],
    );
    expect(rules.length).to.be.within(16, 19);
    expect(new Set(rules)).to.deep.equal(new Set(['PasswordsBusy']));
    expect(await passwords.verify('whatever it is', undefined)).to.equal(false);
  });

  it('take as long for someone unknown as for someone known, whatever cost they were hashed at', async () => {
    const slower = await createPasswords({ passwordMinLength: 8, passwordBlocklist: true, bcryptCost: 7 });
    const hash = await slower.hash('a fine password');
    const timed = async (known: string | undefined): Promise<number> => {
      const startedAt = performance.now();
      await slower.verify('another password', known);
      return performance.now() - startedAt;
    };
    const times: Record<'known' | 'old' | 'unknown', number[]> = { known: [], old: [], unknown: [] };
    const old = await passwords.hash('a fine password');
    expect([slower.isOutdated(old), slower.isOutdated(hash)]).to.deep.equal([true, false]);
    expect([await slower.verify('a fine password', old), await slower.verify('another', old)]).to.deep.equal([
      true,
      false,
    ]);
    for (let round = 0; round < 15; round += 1) {
      times.known.push(await timed(hash));
      times.old.push(await timed(old));
      times.unknown.push(await timed(undefined));
    }
    const median = (values: number[]): number => values.sort((a, b) => a - b)[7] ?? 0;
    expect(median(times.unknown) / median(times.known)).to.be.within(0.5, 2);
    expect(median(times.old) / median(times.known)).to.be.within(0.5, 2);
  });
});
