import { CODES_BLOCKED_MS, WRONG_CODES_MAX, type SecondFactorEvent } from '../../src/aggregates/secondFactor.ts';
import { userDecider, type UserRegistered } from '../../src/aggregates/user.ts';
import { NOW, given } from '../support/given.ts';
import { asSealed } from '../support/personalData.ts';

const after = (ms: number): string => new Date(Date.parse(NOW) + ms).toISOString();
const registered: UserRegistered = {
  type: 'UserRegistered',
  data: {
    ...{ email: asSealed('a@'), name: asSealed('Ada'), phone: null, phoneClaim: null },
    ...{ passwordHash: asSealed('old'), role: 'buyer' },
  },
};
const secret = asSealed('secret');
const codes = asSealed('hashes');
const offered = { type: 'SecondFactorOffered', data: { secret } } as const;
const enabled = {
  type: 'SecondFactorEnabled',
  data: { step: 10, recoveryHashes: codes, keptSession: 'this', at: NOW },
} as const;
const on = [registered, offered, enabled] as const;
const passed = (step: number) => ({ type: 'SecondFactorPassed', data: { proof: { step } } }) as const;
const failed = (at = NOW): SecondFactorEvent => ({
  type: 'SecondFactorFailed',
  data: { at, countsUntil: after(CODES_BLOCKED_MS) },
});
const wrong = Array.from({ length: WRONG_CODES_MAX }, () => failed());
const byStep = (step: number) => ({ type: 'PassSecondFactor', data: { secret, proof: { step }, epoch: 1 } }) as const;
const byCode = (recoverySet: number, recoveryIndex: number) =>
  ({ type: 'PassSecondFactor', data: { secret, proof: { recoverySet, recoveryIndex }, epoch: 1 } }) as const;
const enable = {
  type: 'EnableSecondFactor',
  data: { secret, step: 10, recoveryHashes: codes, keptSession: 'this' },
} as const;
const fail = { type: 'FailSecondFactor', data: { countsUntil: after(CODES_BLOCKED_MS) } } as const;

describe('the second factor', () => {
  it('is offered, and on once its code was shown', () => {
    given(userDecider, registered).when({ type: 'OfferSecondFactor', data: { secret } }).then(offered);
    given(userDecider, registered, offered).when(enable).then(enabled);
    given(userDecider, registered).when(enable).thenRefused('SecondFactorNotOffered');
    given(userDecider, registered, offered, { ...offered, data: { secret: asSealed('a newer one') } })
      .when(enable)
      .thenRefused('SecondFactorNotOffered');
    given(userDecider, ...on)
      .when({ type: 'OfferSecondFactor', data: { secret } })
      .thenRefused('SecondFactorOn');
    given(userDecider, ...on)
      .when(enable)
      .thenRefused('SecondFactorOn');
  });

  it('B4 (1, 2): a time step once accepted is spent, and all before it, that of the enrolment too', () => {
    for (const step of [9, 10])
      given(userDecider, ...on)
        .when(byStep(step))
        .thenRefused('CodeWrong');
    given(userDecider, ...on)
      .when(byStep(11))
      .then(passed(11));
    for (const step of [10, 11])
      given(userDecider, ...on, passed(11))
        .when(byStep(step))
        .thenRefused('CodeWrong');
    given(userDecider, ...on, passed(11))
      .when(byStep(12))
      .then(passed(12));
  });

  it('B4 (3): a recovery code serves once', () => {
    const used = { type: 'SecondFactorPassed', data: { proof: { recoverySet: 1, recoveryIndex: 4 } } } as const;
    given(userDecider, ...on)
      .when(byCode(1, 4))
      .then(used);
    given(userDecider, ...on, used)
      .when(byCode(1, 4))
      .thenRefused('CodeWrong');
  });

  it('B4 (4): codes of an older set serve no more, also after it was off and on again', () => {
    const renewed = {
      type: 'RecoveryCodesRenewed',
      data: { proof: { step: 11 }, recoveryHashes: codes, keptSession: null, at: NOW },
    } as const;
    const data = { secret, proof: { step: 11 }, recoveryHashes: codes, keptSession: null };
    given(userDecider, ...on)
      .when({ type: 'RenewRecoveryCodes', data })
      .then(renewed);
    const twice = { ...byCode(1, 4), data: { ...byCode(1, 4).data, epoch: 2 } } as const;
    given(userDecider, ...on, renewed)
      .when(twice)
      .thenRefused('CodeWrong');
    const off = { type: 'SecondFactorDisabled', data: { proof: null, keptSession: null, at: NOW } } as const;
    const again = { ...byCode(2, 4), data: { ...byCode(2, 4).data, epoch: 4 } } as const;
    given(userDecider, ...on, renewed, off, offered, enabled)
      .when(again)
      .thenRefused('CodeWrong');
  });

  it('B4 (6): too many wrong codes block every code of the account for a while, also a right one', () => {
    given(userDecider, ...on, ...wrong.slice(1))
      .when(fail)
      .then(failed());
    given(userDecider, ...on, ...wrong)
      .when(fail)
      .thenRefused('CodesBlocked', 'RATE_LIMITED');
    given(userDecider, ...on, ...wrong)
      .when(byStep(11))
      .thenRefused('CodesBlocked', 'RATE_LIMITED');
    given(userDecider, ...on, ...wrong)
      .when(byCode(1, 4))
      .thenRefused('CodesBlocked');
    given(userDecider, ...on, ...wrong)
      .when(byStep(11), { now: after(CODES_BLOCKED_MS) })
      .then(passed(11));
    given(userDecider, ...on, ...wrong.slice(1), passed(11), failed())
      .when(byStep(12))
      .then(passed(12));
  });

  it('ends a login that began before a credential changed', () => {
    const password = {
      type: 'PasswordChanged',
      data: { passwordHash: asSealed('n'), keptSession: null, at: NOW },
    } as const;
    given(userDecider, ...on, password)
      .when(byStep(11))
      .thenRefused('CodeWrong');
  });

  it('goes off by a code, or by the operator of the shop', () => {
    const off = { type: 'DisableSecondFactor', data: { secret, proof: { step: 11 }, keptSession: 'this' } } as const;
    given(userDecider, ...on)
      .when(off)
      .then({ type: 'SecondFactorDisabled', data: { proof: { step: 11 }, keptSession: 'this', at: NOW } });
    given(userDecider, ...on, passed(11))
      .when(off)
      .thenRefused('CodeWrong');
    given(userDecider, registered).when(off).thenRefused('CodeWrong');
    const byOperator = { type: 'DisableSecondFactor', data: { keptSession: null } } as const;
    given(userDecider, ...on)
      .when(byOperator)
      .then({ type: 'SecondFactorDisabled', data: { proof: null, keptSession: null, at: NOW } });
    given(userDecider, registered).when(byOperator).thenNothing();
  });
});
