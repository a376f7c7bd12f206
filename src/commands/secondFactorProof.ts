import { createHash, randomBytes } from 'node:crypto';
import { placeOfUser, type Sealed, sealedInFactor } from '../aggregates/sealed.ts';
import {
  CODES_BLOCKED_MS,
  codeWrong,
  mustNotBeBlocked,
  type Proof,
  RECOVERY_CODES,
} from '../aggregates/secondFactor.ts';
import { type ActiveUser, userDecider } from '../aggregates/user.ts';
import { signInEpoch } from '../aggregates/userLinks.ts';
import { Refusal } from '../errors.ts';
import { asTyped, isTimeCode, stepOfCode } from '../platform/oneTimeCodes.ts';
import type { CommandContext } from './contract.ts';

const RECOVERY_BYTES = 10;
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

const RECOVERY_CODE = /^[A-Z2-7]{16}$/;

const hashOf = (code: string): string => createHash('sha256').update(asTyped(code)).digest('hex');

/** 80 random bits, in four groups of letters and digits. */
function recoveryCode(): string {
  let bits = BigInt(`0x${randomBytes(RECOVERY_BYTES).toString('hex')}`);
  let text = '';
  for (let at = 0; at < (RECOVERY_BYTES * 8) / 5; at += 1) {
    text += BASE32[Number(bits & 31n)]!;
    bits >>= 5n;
  }
  return text.replaceAll(/(.{4})(?=.)/g, '$1-');
}

/** New recovery codes, and their sealed hashes. */
export async function recoveryCodes(
  { services: { personalData } }: CommandContext,
  userId: string,
  event: 'SecondFactorEnabled' | 'RecoveryCodesRenewed',
): Promise<{ codes: readonly string[]; recoveryHashes: Sealed }> {
  const codes = Array.from({ length: RECOVERY_CODES }, recoveryCode);
  const place = placeOfUser(userId, `${event}.recoveryHashes`);
  return { codes, recoveryHashes: await personalData.seal(place, JSON.stringify(codes.map(hashOf))) };
}

/** A right code of a user whose second factor is on, and the sealed secret that it was compared with. */
export interface Proved {
  readonly secret: Sealed;
  readonly proof: Proof;
}

/** Counts a wrong code and refuses it. The count is in the user's stream, so it holds over all processes. */
async function countWrong(context: CommandContext, userId: string): Promise<never> {
  const countsUntil = new Date(Date.parse(context.now) + CODES_BLOCKED_MS).toISOString();
  const intent = { type: 'FailSecondFactor', data: { countsUntil } } as const;
  await context.handle(userDecider, userId, intent, { step: 'count a wrong code', provisional: true });
  return codeWrong();
}

/** Compares a code with the second factor of a user, which is on. A wrong one is counted. Whether it was spent is decided later. */
export async function prove(context: CommandContext, userId: string, { user, code }: WithCode): Promise<Proved> {
  const { enabled } = user.secondFactor;
  if (enabled === null) return codeWrong();
  mustNotBeBlocked(user.secondFactor, context.now);
  const { secret, recoveryHashes } = await context.services.personalData.reveal(enabled, sealedInFactor(userId));
  if (isTimeCode(code)) {
    const step = stepOfCode(secret, code, context.now);
    return step === undefined ? countWrong(context, userId) : { secret: enabled.secret, proof: { step } };
  }
  const recoveryIndex = (JSON.parse(recoveryHashes) as string[]).indexOf(hashOf(code));
  // 80 random bits cannot be guessed, so an old recovery code does not count against its owner.
  if (recoveryIndex < 0) return RECOVERY_CODE.test(asTyped(code)) ? codeWrong() : countWrong(context, userId);
  return { secret: enabled.secret, proof: { recoverySet: enabled.recoverySet, recoveryIndex } };
}

interface WithCode {
  readonly user: ActiveUser;
  readonly code: string;
}

const needed = (what: string): never => {
  throw new Refusal('forbidden', 'ProofNeeded', `This needs ${what}, beside the access token.`);
};

/** Refuses a caller who shows neither password nor code: an access token alone may be stolen. */
export const mustShow = (shown: string | undefined, what: string): string => shown ?? needed(what);

/** Demands a code of a user whose second factor is on, and spends it. */
export async function passIfOn(
  context: CommandContext,
  userId: string,
  { user, code }: { readonly user: ActiveUser; readonly code: string | undefined },
): Promise<void> {
  if (user.secondFactor.enabled === null) return;
  const proved = await prove(context, userId, { user, code: mustShow(code, 'a code of the second factor') });
  const intent = { type: 'PassSecondFactor', data: { ...proved, epoch: signInEpoch(user) } } as const;
  await context.handle(userDecider, userId, intent, { step: 'pass', provisional: true });
}
