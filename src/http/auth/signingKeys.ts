import { createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';

const SECRET_BYTES_MIN = 32;
/** The most secrets of a list. Each token without a mark is tried with all of them. */
const SECRETS_MAX = 8;
const MARK_CHARACTERS = 11;
const DERIVED_KEY_BYTES = 32;

/** A secret that signs access tokens. */
export interface SigningKey {
  readonly key: KeyObject;
  /** The `kid` of its tokens: it tells the key from others, and nothing about it. */
  readonly mark: string;
}

/**
 * The secrets of a comma-separated list: the first signs, all verify. A text whose parts are all too short for a list is one secret
 * that holds commas.
 */
export function signingKeysOf(secrets: string | Buffer): readonly [SigningKey, ...SigningKey[]] {
  const parts = Buffer.isBuffer(secrets) ? [secrets] : listed(secrets).map((secret) => Buffer.from(secret, 'utf8'));
  if (parts.some(({ length }) => length < SECRET_BYTES_MIN)) {
    throw new Error(`Each token secret must have at least ${SECRET_BYTES_MIN} bytes.`);
  }
  if (parts.length > SECRETS_MAX) throw new Error(`There may be at most ${SECRETS_MAX} token secrets.`);
  return parts.map((bytes) => ({ key: createSecretKey(bytes), mark: markOf(bytes) })) as [SigningKey, ...SigningKey[]];
}

function listed(secrets: string): string[] {
  const parts = secrets.split(',').map((part) => part.trim());
  return parts.some((part) => Buffer.byteLength(part) >= SECRET_BYTES_MIN) ? parts : [secrets];
}

const markOf = (secret: Buffer): string =>
  createHmac('sha256', secret).update('cartulary mark of a signing key').digest('base64url').slice(0, MARK_CHARACTERS);

/** A refresh token's secret as earlier versions made it, from the signing secret and the id of the command. */
export function derivedRefreshSecret({ key }: SigningKey, sessionId: string, commandId: string): string {
  const refreshKey = Buffer.from(hkdfSync('sha256', key, '', 'cartulary refresh tokens', DERIVED_KEY_BYTES));
  return createHmac('sha256', refreshKey).update(`${sessionId}\n${commandId}`).digest('base64url');
}
