import { randomBytes, timingSafeEqual } from 'node:crypto';
import { HOTP, Secret, TOTP } from 'otpauth';

/** RFC 6238 with the values that every authenticator app knows. */
const ALGORITHM = 'SHA1';
const DIGITS = 6;
const PERIOD_S = 30;
const SECRET_BYTES = 20;
/** Clocks may differ by one step each way. */
const STEPS_APART_MAX = 1;

const CODE = /^\d{6}$/;

/** A new secret of 160 random bits, in base32. */
export const newSecret = (): string => new Secret({ buffer: new Uint8Array(randomBytes(SECRET_BYTES)).buffer }).base32;

/** The number of the time step of an instant. */
export const stepOf = (now: string): number => Math.floor(Date.parse(now) / 1_000 / PERIOD_S);

export const codeAt = (secret: string, step: number): string =>
  HOTP.generate({ secret: Secret.fromBase32(secret), algorithm: ALGORITHM, digits: DIGITS, counter: step });

/** The address that an authenticator app reads from a QR code. */
export const otpauthUrl = (secret: string, issuer: string, label: string): string =>
  new TOTP({
    ...{ issuer, label, algorithm: ALGORITHM, digits: DIGITS, period: PERIOD_S, secret: Secret.fromBase32(secret) },
  }).toString();

/** A code as typed, perhaps with blanks or hyphens. */
export const asTyped = (code: string): string => code.replaceAll(/[\s-]/g, '').toUpperCase();

/** Whether a typed code has the form of one that an authenticator app shows. */
export const isTimeCode = (code: string): boolean => CODE.test(asTyped(code));

/** The newest step near the instant that this is the code of; undefined when it is the code of none. */
export function stepOfCode(secret: string, code: string, now: string): number | undefined {
  const typed = Buffer.from(asTyped(code));
  const present = stepOf(now);
  for (let step = present + STEPS_APART_MAX; step >= present - STEPS_APART_MAX; step -= 1) {
    const right = Buffer.from(codeAt(secret, step));
    if (right.length === typed.length && timingSafeEqual(right, typed)) return step;
  }
  return undefined;
}
