import { createHash, randomBytes, timingSafeEqual, randomUUID } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { LRUCache } from 'lru-cache';
import type { Actor } from '../../engine/decide/context.ts';
import type { AccessClaims, Tokens } from '../../commands/contract.ts';
import { Refusal } from '../../errors.ts';
import { createOneTime } from './oneTime.ts';
import { derivedRefreshSecret, type SigningKey, signingKeysOf } from './signingKeys.ts';

const ISSUER = 'cartulary';
const AUDIENCE = 'cartulary-api';
const TOKEN_TYPE = 'at+jwt';
const ALGORITHM = 'HS256';
const CLOCK_TOLERANCE_S = 5;
const REFRESH_SECRET_BYTES = 32;
const TOKEN_LENGTH_MAX = 4_096;
/** The most verified tokens that are remembered, so that each is verified only once. */
const VERIFIED_MAX = 20_000;

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const UUID_ONLY = new RegExp(`^${UUID}$`);
const REFRESH_TOKEN = new RegExp(`^(${UUID})\\.[A-Za-z0-9_-]{43}$`);
const ROLES: readonly unknown[] = ['buyer', 'seller', 'admin'];

export interface TokenSettings {
  /** At least 32 bytes, or a list of such secrets, separated by commas. The first one signs. */
  readonly secret: string | Buffer;
  readonly accessTtlMs: number;
  readonly refreshTtlMs: number;
}

export interface VerifiedToken {
  readonly actor: Actor;
  readonly sessionId: string;
  /** Of the user's stream when the token was issued; `NO_REVISION` in tokens from before revisions. */
  readonly revision: number;
  readonly expiresAtMs: number;
  /** The mark of the key, when that is not the one that signs now. */
  readonly olderKey?: string;
}

/** Below every event: any revocation of the user that is still remembered ends such a token; its refresh token goes on. */
export const NO_REVISION = -1;

/** Whether an event that revokes the token's session, user or role stands above the token's revision. */
export type IsRevoked = (token: VerifiedToken) => boolean;
export type Verifier = (token: string) => VerifiedToken;

const sameText = (one: string, other: string): boolean =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

/**
 * Issues access tokens (signed, short-lived) and refresh tokens. A refresh token is 256 random bits, so that it follows from no
 * secret. The log keeps only its hash.
 */
export function createTokens(settings: TokenSettings, now: () => number = Date.now): Tokens {
  const keys = signingKeysOf(settings.secret);
  const [{ key, mark }] = keys;
  const expiresIn = Math.floor(settings.accessTtlMs / 1_000);
  return {
    ...createOneTime(keys, now),
    sessionTtlMs: settings.refreshTtlMs,
    issue({ userId, role, sessionId, revision }: AccessClaims) {
      const payload = { sub: userId, role, sid: sessionId, rev: Number(revision), iat: now() / 1_000 };
      const token = jwt.sign(payload, key, {
        algorithm: ALGORITHM,
        header: { alg: ALGORITHM, typ: TOKEN_TYPE, kid: mark },
        issuer: ISSUER,
        audience: AUDIENCE,
        jwtid: randomUUID(),
        expiresIn,
      });
      return { token, expiresIn };
    },
    refresh(sessionId) {
      const token = `${sessionId}.${randomBytes(REFRESH_SECRET_BYTES).toString('base64url')}`;
      return { token, hash: hashOf(token) };
    },
    parseRefresh(token) {
      const sessionId = REFRESH_TOKEN.exec(token)?.[1];
      return sessionId === undefined ? undefined : { sessionId, hash: hashOf(token) };
    },
    isDerived: (token, sessionId, commandIds) =>
      keys.some((one) =>
        commandIds.some((id) => sameText(token, `${sessionId}.${derivedRefreshSecret(one, sessionId, id)}`)),
      ),
  };
}

/** The same error for every fault of a token, so that a forger learns nothing. */
const notValid = (cause?: unknown): Refusal =>
  new Refusal('unauthenticated', 'TokenInvalid', 'This access token is invalid, expired or revoked.', { cause });

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isId = (value: unknown): value is string => typeof value === 'string' && UUID_ONLY.test(value);

function verifiedOf({ header, payload }: jwt.Jwt): VerifiedToken | undefined {
  if (header.typ !== TOKEN_TYPE || typeof payload === 'string') return undefined;
  const { sub, role, sid, rev, jti, iat, exp } = payload as jwt.JwtPayload & Record<'role' | 'sid' | 'rev', unknown>;
  if (!isId(sub) || !isId(sid) || !isText(jti) || !ROLES.includes(role)) return undefined;
  if (iat === undefined || exp === undefined) return undefined;
  if (rev !== undefined && !Number.isSafeInteger(rev)) return undefined;
  return {
    actor: { id: sub, role: role as AccessClaims['role'], sessionId: sid },
    sessionId: sid,
    revision: (rev as number | undefined) ?? NO_REVISION,
    expiresAtMs: exp * 1_000,
  };
}

export interface VerifierOptions {
  readonly secret: string | Buffer;
  readonly isRevoked: IsRevoked;
  readonly now?: () => number;
}

/** The keys that may have signed a token: the one with its mark, or all for a token from before the marks. */
function candidates(token: string, keys: readonly SigningKey[]): readonly SigningKey[] {
  const header = jwt.decode(token, { complete: true })?.header;
  if (header === undefined) return [];
  return header.kid === undefined ? keys : keys.filter(({ mark }) => mark === header.kid);
}

function verifyBy(keys: readonly SigningKey[], token: string, nowMs: number): { jwt: jwt.Jwt; mark: string } {
  let fault: unknown;
  for (const { key, mark } of keys) {
    try {
      const verified = jwt.verify(token, key, {
        algorithms: [ALGORITHM],
        issuer: ISSUER,
        audience: AUDIENCE,
        clockTolerance: CLOCK_TOLERANCE_S,
        clockTimestamp: nowMs / 1_000,
        complete: true,
      });
      return { jwt: verified, mark };
    } catch (error) {
      fault = error;
    }
  }
  throw notValid(fault);
}

/**
 * Verifies each token once and remembers it, up to `VERIFIED_MAX`; expiry and revocation are checked every time. A token must
 * have a listed secret's signature, the one algorithm, our issuer and audience, the type of an access token, and every claim.
 */
export function createVerifier({ secret, isRevoked, now = Date.now }: VerifierOptions): Verifier {
  const keys = signingKeysOf(secret);
  const verified = new LRUCache<string, VerifiedToken>({ max: VERIFIED_MAX });

  const verify = (token: string): VerifiedToken => {
    if (token.length > TOKEN_LENGTH_MAX) throw notValid();
    const { jwt: signed, mark } = verifyBy(candidates(token, keys), token, now());
    const claims = verifiedOf(signed);
    if (claims === undefined) throw notValid();
    const found = mark === keys[0].mark ? claims : { ...claims, olderKey: mark };
    verified.set(token, found);
    return found;
  };

  return (token) => {
    const found = verified.get(token) ?? verify(token);
    if (found.expiresAtMs + CLOCK_TOLERANCE_S * 1_000 <= now()) {
      verified.delete(token);
      throw notValid();
    }
    if (isRevoked(found)) throw notValid();
    return found;
  };
}
