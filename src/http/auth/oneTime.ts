import { createHash, createHmac, hkdfSync } from 'node:crypto';
import jwt from 'jsonwebtoken';
import type { OneTimeTokens } from '../../commands/contract.ts';
import type { SigningKey } from './signingKeys.ts';

const ISSUER = 'cartulary';
const AUDIENCE = 'cartulary-login';
const LOGIN = 'login+jwt';
const EXPORT = 'export+jwt';
const ALGORITHM = 'HS256';
const KEY_BYTES = 32;
/** How long a login waits for the code of the second factor, and how long a pass to an export is good, s. */
const GOOD_FOR_S = 300;
const TOKEN_LENGTH_MAX = 2_048;

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const LINK_TOKEN = new RegExp(`^(${UUID})\\.[A-Za-z0-9_-]{43}$`);

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

/**
 * The token of a mailed link: 256 bits that follow from a signing secret and the link's id. So the token is in the mail only, and the
 * mail can be written again after a crash. The knower of a signing secret can sign in as anyone anyway; a link ends after half an hour.
 */
function linkToken({ key }: SigningKey, userId: string, linkId: string): string {
  const linkKey = Buffer.from(hkdfSync('sha256', key, '', 'cartulary mailed links', KEY_BYTES));
  return `${userId}.${createHmac('sha256', linkKey).update(`${userId}\n${linkId}`).digest('base64url')}`;
}

interface Signed {
  readonly userId: string;
  readonly epoch: number;
}

/** Signed tokens of one type, which name a user and the epoch of their sign-in. */
function signedTokens(type: string, keys: readonly [SigningKey, ...SigningKey[]], now: () => number) {
  const [{ key, mark }] = keys;
  return {
    make: ({ userId, epoch }: Signed) => {
      const token = jwt.sign({ sub: userId, epoch, iat: Math.floor(now() / 1_000) }, key, {
        ...{ algorithm: ALGORITHM, header: { alg: ALGORITHM, typ: type, kid: mark } },
        ...{ issuer: ISSUER, audience: AUDIENCE, expiresIn: GOOD_FOR_S },
      });
      return { token, expiresIn: GOOD_FOR_S };
    },
    parse: (token: string): Signed | undefined => {
      if (token.length > TOKEN_LENGTH_MAX) return undefined;
      for (const one of keys) {
        try {
          const { header, payload } = jwt.verify(token, one.key, {
            ...{ algorithms: [ALGORITHM], issuer: ISSUER, audience: AUDIENCE, complete: true },
            clockTimestamp: now() / 1_000,
          });
          const { sub, epoch } = payload as jwt.JwtPayload & { epoch?: unknown };
          if (header.typ !== type || sub === undefined || !Number.isSafeInteger(epoch)) return undefined;
          return { userId: sub, epoch: epoch as number };
        } catch {
          // Another key may have signed it.
        }
      }
      return undefined;
    },
  };
}

/** The tokens of mailed links, of logins that wait for the code of the second factor, and of exports. */
export function createOneTime(keys: readonly [SigningKey, ...SigningKey[]], now: () => number): OneTimeTokens {
  const logins = signedTokens(LOGIN, keys, now);
  const passes = signedTokens(EXPORT, keys, now);
  return {
    linkHash: (userId, linkId) => hashOf(linkToken(keys[0], userId, linkId)),
    linkToken: (userId, linkId, hash) =>
      keys.map((one) => linkToken(one, userId, linkId)).find((token) => hashOf(token) === hash),
    parseLink(token) {
      const userId = LINK_TOKEN.exec(token)?.[1];
      return userId === undefined ? undefined : { userId, hash: hashOf(token) };
    },
    challenge: logins.make,
    parseChallenge: logins.parse,
    pass: passes.make,
    parsePass: passes.parse,
  };
}
