import { userDecider } from '../../src/aggregates/user.ts';
import type { LinkPurpose } from '../../src/aggregates/userLinks.ts';
import { NOW } from '../support/given.ts';
import { asSealed } from '../support/personalData.ts';
import { type Sample, sample } from './sample.ts';

const EXPIRY = '2026-03-31T12:00:00.000Z';
const registered = {
  ...{ email: asSealed('e'), name: asSealed('n'), phone: asSealed('p'), phoneClaim: 'phone-1' },
  ...{ passwordHash: asSealed('h'), role: 'buyer' as const },
};
const link = { purpose: 'verification', linkId: 'l', tokenHash: 't', expiresAt: EXPIRY } as const;
const linkTo = (purpose: LinkPurpose) => ({ type: 'LinkRequested', data: { ...link, purpose } }) as const;
const verifiable = ['UserRegistered', 'LinkRequested'] as const;
const factorOn = ['UserRegistered', 'SecondFactorOffered', 'SecondFactorEnabled'] as const;

export const userSample: Sample = sample(
  userDecider,
  {
    UserRegistered: registered,
    ProfileUpdated: { name: asSealed('another'), phone: null, phoneClaim: null, address: asSealed('a') },
    PasswordRehashed: { passwordHash: asSealed('j') },
    PasswordChanged: { passwordHash: asSealed('i'), keptSession: null, at: NOW },
    UserRoleChanged: { role: 'seller', storeId: 's' },
    UserDeactivated: { reason: asSealed('r') },
    UserReactivated: { reason: null },
    OtherSessionsEnded: { keptSession: 'this', at: NOW },
    UserClaimAbandoned: { claim: 'phone-1' },
    LinkRequested: link,
    EmailVerified: { tokenHash: 't' },
    EmailChanged: { email: asSealed('n'), formerEmail: asSealed('e'), keptSession: null, at: NOW },
    SecondFactorOffered: { secret: asSealed('s') },
    SecondFactorEnabled: { step: 7, recoveryHashes: asSealed('c'), keptSession: null, at: NOW },
    SecondFactorPassed: { proof: { step: 8 } },
    SecondFactorFailed: { at: NOW, countsUntil: EXPIRY },
    RecoveryCodesRenewed: { proof: { step: 9 }, recoveryHashes: asSealed('d'), keptSession: null, at: NOW },
    SecondFactorDisabled: {
      ...{ proof: { recoverySet: 2, recoveryIndex: 0 }, keptSession: null, at: NOW, reason: asSealed('r') },
    },
    RegistrationAbandoned: {},
    UserErased: { reason: asSealed('r') },
  },
  {
    RegisterUser: { data: registered },
    UpdateProfile: { after: ['UserRegistered'], data: { name: asSealed('another'), address: asSealed('a') } },
    RehashPassword: { after: ['UserRegistered'], data: { passwordHash: asSealed('j'), passwordChanges: 0 } },
    ChangePassword: { after: ['UserRegistered'], data: { passwordHash: asSealed('i'), keptSession: 'this' } },
    GrantSeller: { after: ['UserRegistered'], data: { storeId: 's' } },
    ChangeRole: { after: ['UserRegistered'], data: { role: 'admin' } },
    DeactivateUser: { after: ['UserRegistered'], data: { reason: asSealed('r') } },
    ReactivateUser: { after: ['UserRegistered', 'UserDeactivated'], data: { reason: null } },
    EndOtherSessions: {
      after: ['UserRegistered'],
      data: { keptSession: 'this' },
      again: 'sessions that were started since are ended as well',
    },
    AbandonRegistration: { data: {} },
    AbandonUserClaim: { after: ['UserRegistered'], data: { claim: 'phone-1', claimEpoch: 1 } },
    EraseUser: { after: ['UserRegistered'], data: { reason: null } },
    RequestLink: {
      after: ['UserRegistered'],
      data: { purpose: 'password reset', linkId: 'l', tokenHash: 't', expiresAt: EXPIRY, epoch: 0 },
      again: 'each request makes a link of its own',
    },
    VerifyEmail: { after: verifiable, data: { tokenHash: 't' } },
    VouchForEmail: { after: ['UserRegistered'], data: {} },
    ResetPassword: {
      ...{ after: ['UserRegistered'], and: [linkTo('password reset')] },
      data: { tokenHash: 't', passwordHash: asSealed('i') },
    },
    ChangeEmail: {
      ...{ after: ['UserRegistered'], and: [linkTo('email change')] },
      data: { tokenHash: 't', email: asSealed('n'), formerEmail: asSealed('e'), claimEpoch: 1 },
    },
    OfferSecondFactor: {
      after: ['UserRegistered'],
      data: { secret: asSealed('s') },
      again: 'an offered secret replaces one that was not confirmed',
    },
    EnableSecondFactor: {
      after: ['UserRegistered', 'SecondFactorOffered'],
      data: { secret: asSealed('s'), step: 7, recoveryHashes: asSealed('c'), keptSession: 'this' },
    },
    PassSecondFactor: {
      after: factorOn,
      data: { secret: asSealed('s'), proof: { step: 8 }, epoch: 1 },
    },
    FailSecondFactor: { after: factorOn, data: { countsUntil: EXPIRY }, again: 'each wrong code counts' },
    RenewRecoveryCodes: {
      after: factorOn,
      data: { secret: asSealed('s'), proof: { step: 8 }, recoveryHashes: asSealed('d'), keptSession: 'this' },
    },
    DisableSecondFactor: {
      after: factorOn,
      data: { secret: asSealed('s'), proof: { step: 8 }, keptSession: 'this' },
    },
  },
);
