import { reject, unauthenticated } from '../errors.ts';
import type { Command } from '../engine/decide/decider.ts';
import type { Sealed } from './sealed.ts';
import { type LinkOwner, signInEpoch, withCredentials } from './userLinks.ts';

/** Wrong codes in a row; from then on every code of the account is refused for a while, also a right one. */
export const WRONG_CODES_MAX = 5;
export const CODES_BLOCKED_MS = 15 * 60_000;
export const RECOVERY_CODES = 10;

/** How a user has shown the second factor: by the code of a time step, or by one code of a set of recovery codes. */
export type Proof = { readonly step: number } | { readonly recoverySet: number; readonly recoveryIndex: number };

// NOTE: these names and shapes are the storage format; version them with care.
export type SecondFactorOffered = { type: 'SecondFactorOffered'; data: { secret: Sealed } };
/** `step`: of the code that confirmed it, which is spent. `recoveryHashes`: a JSON list. Ends other sessions, as the next two. */
export type SecondFactorEnabled = {
  type: 'SecondFactorEnabled';
  data: { step: number; recoveryHashes: Sealed; keptSession: string | null; at: string };
};
/** `reason`: of somebody else who turned it off. */
export type SecondFactorDisabled = {
  type: 'SecondFactorDisabled';
  data: { proof: Proof | null; keptSession: string | null; at: string; reason?: Sealed };
};
export type RecoveryCodesRenewed = {
  type: 'RecoveryCodesRenewed';
  data: { proof: Proof; recoveryHashes: Sealed; keptSession: string | null; at: string };
};
export type SecondFactorPassed = { type: 'SecondFactorPassed'; data: { proof: Proof } };
/** `countsUntil`: from then on the account begins anew. */
export type SecondFactorFailed = { type: 'SecondFactorFailed'; data: { at: string; countsUntil: string } };
export type SecondFactorEvent =
  | SecondFactorOffered
  | SecondFactorEnabled
  | SecondFactorDisabled
  | RecoveryCodesRenewed
  | SecondFactorPassed
  | SecondFactorFailed;

export type OfferSecondFactor = Command<'OfferSecondFactor', { secret: Sealed }>;
/** `secret`: the offered one that the code was compared with. */
export type EnableSecondFactor = Command<
  'EnableSecondFactor',
  { secret: Sealed; step: number; recoveryHashes: Sealed; keptSession: string | null }
>;
/** `secret`: the one that the code was compared with. Without a proof, the operator of the shop or an administrator disables it. */
export type DisableSecondFactor = Command<
  'DisableSecondFactor',
  { secret: Sealed; proof: Proof; keptSession: string | null } | { keptSession: null; reason?: Sealed }
>;
export type RenewRecoveryCodes = Command<
  'RenewRecoveryCodes',
  { secret: Sealed; proof: Proof; recoveryHashes: Sealed; keptSession: string | null }
>;
/** `epoch`: the `signInEpoch` of the user when the password was verified. */
export type PassSecondFactor = Command<'PassSecondFactor', { secret: Sealed; proof: Proof; epoch: number }>;
export type FailSecondFactor = Command<'FailSecondFactor', { countsUntil: string }>;
export type SecondFactorCommand =
  | OfferSecondFactor
  | EnableSecondFactor
  | DisableSecondFactor
  | RenewRecoveryCodes
  | PassSecondFactor
  | FailSecondFactor;

export interface EnabledFactor {
  readonly secret: Sealed;
  /** The last time step whose code was accepted: it is spent, and all before it. */
  readonly lastStep: number;
  readonly recoveryHashes: Sealed;
  /** Which set of recovery codes of this user it is. */
  readonly recoverySet: number;
  /** The places of the codes that were used. */
  readonly recoverySpent: readonly number[];
}

export interface SecondFactor {
  readonly offered: Sealed | null;
  readonly enabled: EnabledFactor | null;
  readonly recoverySets: number;
  readonly wrongCodes: number;
  readonly wrongUntil: string | null;
}

/** The part of a user that the second factor reads and changes. */
export interface FactorOwner extends LinkOwner {
  readonly secondFactor: SecondFactor;
}

export const NO_FACTOR: SecondFactor = {
  ...{ offered: null, enabled: null, recoverySets: 0, wrongCodes: 0, wrongUntil: null },
};

/** Whether any code is refused, because the account has had too many wrong ones. */
const isBlocked = ({ wrongCodes, wrongUntil }: SecondFactor, now: string): boolean =>
  wrongCodes >= WRONG_CODES_MAX && wrongUntil !== null && now < wrongUntil;

export function mustNotBeBlocked(factor: SecondFactor, now: string): void {
  if (!isBlocked(factor, now)) return;
  reject('CodesBlocked', 'Too many wrong codes for this account; try again later.', {
    code: 'RATE_LIMITED',
    ...(factor.wrongUntil === null ? {} : { retryAt: factor.wrongUntil }),
  });
}

export const codeWrong = (): never => unauthenticated('CodeWrong', 'This code is wrong, or was used before.');

function isSpent(factor: EnabledFactor, proof: Proof): boolean {
  if ('step' in proof) return proof.step <= factor.lastStep;
  return proof.recoverySet !== factor.recoverySet || factor.recoverySpent.includes(proof.recoveryIndex);
}

function withProof(factor: EnabledFactor, proof: Proof): EnabledFactor {
  if ('step' in proof) return { ...factor, lastStep: proof.step };
  return { ...factor, recoverySpent: [...factor.recoverySpent, proof.recoveryIndex] };
}

const RIGHT = { wrongCodes: 0, wrongUntil: null } as const;

export function evolveSecondFactor<S extends FactorOwner>(state: S, event: SecondFactorEvent): S {
  const { secondFactor: factor } = state;
  const changed = (data: { keptSession: string | null; at: string }, secondFactor: SecondFactor): S => ({
    ...withCredentials(state, data, 'second factor changed'),
    secondFactor,
  });
  switch (event.type) {
    case 'SecondFactorOffered':
      return { ...state, secondFactor: { ...factor, offered: event.data.secret } };
    case 'SecondFactorEnabled': {
      const { step: lastStep, recoveryHashes } = event.data;
      const recoverySets = factor.recoverySets + 1;
      const codes = { recoveryHashes, recoverySet: recoverySets, recoverySpent: [] };
      const enabled = factor.offered === null ? null : { secret: factor.offered, lastStep, ...codes };
      return changed(event.data, { ...RIGHT, recoverySets, offered: null, enabled });
    }
    case 'SecondFactorDisabled':
      return changed(event.data, { ...factor, ...RIGHT, offered: null, enabled: null });
    case 'RecoveryCodesRenewed': {
      const { proof, recoveryHashes } = event.data;
      const recoverySets = factor.recoverySets + 1;
      const codes = { recoveryHashes, recoverySet: recoverySets, recoverySpent: [] };
      const enabled = factor.enabled && { ...withProof(factor.enabled, proof), ...codes };
      return changed(event.data, { ...factor, ...RIGHT, recoverySets, enabled });
    }
    case 'SecondFactorPassed': {
      const enabled = factor.enabled && withProof(factor.enabled, event.data.proof);
      return { ...state, secondFactor: { ...factor, ...RIGHT, enabled } };
    }
    case 'SecondFactorFailed': {
      const { at, countsUntil: wrongUntil } = event.data;
      const goesOn = factor.wrongUntil !== null && at < factor.wrongUntil;
      return { ...state, secondFactor: { ...factor, wrongCodes: goesOn ? factor.wrongCodes + 1 : 1, wrongUntil } };
    }
  }
}

/** The enabled factor, if the code of this proof may still be used. */
function proved(
  { secondFactor: factor }: FactorOwner,
  { secret, proof }: { secret: Sealed; proof: Proof },
  now: string,
): EnabledFactor {
  const { enabled } = factor;
  if (enabled?.secret !== secret) return codeWrong();
  mustNotBeBlocked(factor, now);
  return isSpent(enabled, proof) ? codeWrong() : enabled;
}

export function decideSecondFactor({ type, data, now }: SecondFactorCommand, state: FactorOwner): SecondFactorEvent[] {
  const { offered, enabled } = state.secondFactor;
  switch (type) {
    case 'OfferSecondFactor':
      if (enabled !== null) reject('SecondFactorOn', 'The second factor is on already. Turn it off first.');
      return [{ type: 'SecondFactorOffered', data }];
    case 'EnableSecondFactor': {
      const { secret, ...rest } = data;
      if (enabled !== null) reject('SecondFactorOn', 'The second factor is on already. Turn it off first.');
      if (offered !== secret) reject('SecondFactorNotOffered', 'Ask for a secret first, and confirm with its code.');
      return [{ type: 'SecondFactorEnabled', data: { ...rest, at: now } }];
    }
    case 'DisableSecondFactor': {
      if (!('secret' in data)) {
        if (enabled === null) return [];
        return [{ type: 'SecondFactorDisabled', data: { proof: null, at: now, ...data } }];
      }
      const { secret, proof, keptSession } = data;
      proved(state, { secret, proof }, now);
      return [{ type: 'SecondFactorDisabled', data: { proof, keptSession, at: now } }];
    }
    case 'RenewRecoveryCodes': {
      const { secret, ...rest } = data;
      proved(state, { secret, proof: rest.proof }, now);
      return [{ type: 'RecoveryCodesRenewed', data: { ...rest, at: now } }];
    }
    case 'PassSecondFactor':
      if (data.epoch !== signInEpoch(state)) return codeWrong();
      proved(state, data, now);
      return [{ type: 'SecondFactorPassed', data: { proof: data.proof } }];
    case 'FailSecondFactor':
      mustNotBeBlocked(state.secondFactor, now);
      return [{ type: 'SecondFactorFailed', data: { at: now, countsUntil: data.countsUntil } }];
  }
}
