import { mailboxDecider, type LinkMailAllowed } from '../../src/aggregates/mailbox.ts';
import { userDecider, type UserRegistered } from '../../src/aggregates/user.ts';
import { LINK_TTL_MS, type LinkPurpose, type LinkRequested } from '../../src/aggregates/userLinks.ts';
import { NOW, given } from '../support/given.ts';
import { asSealed } from '../support/personalData.ts';

const after = (ms: number): string => new Date(Date.parse(NOW) + ms).toISOString();
const EXPIRY = after(LINK_TTL_MS);
const registered: UserRegistered = {
  type: 'UserRegistered',
  data: {
    ...{ email: asSealed('a@'), name: asSealed('Ada'), phone: null, phoneClaim: null },
    ...{ passwordHash: asSealed('old'), role: 'buyer' },
  },
};
const link = (purpose: LinkPurpose, tokenHash: string, more: Partial<LinkRequested['data']> = {}): LinkRequested => ({
  type: 'LinkRequested',
  data: { purpose, linkId: `id of ${tokenHash}`, tokenHash, expiresAt: EXPIRY, ...more },
});
const L1 = link('password reset', 'one');
const L2 = link('password reset', 'two');
const toVerify = link('verification', 'verify');
const toMove = link('email change', 'move', { email: asSealed('b@'), emailClaim: 'email-b', sessionId: 'this' });
const reset = (tokenHash: string) =>
  ({ type: 'ResetPassword', data: { tokenHash, passwordHash: asSealed('new') } }) as const;
const verify = (tokenHash: string) => ({ type: 'VerifyEmail', data: { tokenHash } }) as const;
const move = (claimEpoch = 1) =>
  ({
    type: 'ChangeEmail',
    data: { tokenHash: 'move', email: asSealed('b@, kept'), formerEmail: asSealed('a@, kept'), claimEpoch },
  }) as const;
const passwordChanged = (keptSession: string | null = null) =>
  ({ type: 'PasswordChanged', data: { passwordHash: asSealed('new'), keptSession, at: NOW } }) as const;
const moved = {
  type: 'EmailChanged',
  data: { email: asSealed('b@, kept'), formerEmail: asSealed('a@, kept'), keptSession: 'this', at: NOW },
} as const;
const vouched = { type: 'EmailVerified', data: { tokenHash: null } } as const;
const verified = { type: 'EmailVerified', data: { tokenHash: 'verify' } } as const;

describe('mailed links', () => {
  it('live for thirty minutes from when they were asked for', () => {
    const request = { type: 'RequestLink', data: { ...L1.data, epoch: 0 } } as const;
    given(userDecider, registered).when(request).then(L1);
    given(userDecider, registered, L1)
      .when(reset('one'), { now: after(LINK_TTL_MS - 1) })
      .then({ ...passwordChanged(), data: { ...passwordChanged().data, at: after(LINK_TTL_MS - 1) } }, vouched);
    given(userDecider, registered, L1)
      .when(reset('one'), { now: after(LINK_TTL_MS) })
      .thenRefused('LinkInvalid');
  });

  it('are not made for a person who has changed the password since they were allowed to ask', () => {
    const request = { type: 'RequestLink', data: { ...L1.data, epoch: 0 } } as const;
    given(userDecider, registered, passwordChanged()).when(request).thenRefused('CredentialsChanged');
  });

  it('B1 (2): a link that was used ends, and with it all others', () => {
    given(userDecider, registered, L1, L2).when(reset('two')).then(passwordChanged(), vouched);
    given(userDecider, registered, L1, L2).when(reset('one')).then(passwordChanged(), vouched);
    const used = [registered, L1, L2, passwordChanged(), vouched];
    for (const token of ['one', 'two', 'never made']) {
      given(userDecider, ...used)
        .when(reset(token))
        .thenRefused('LinkInvalid', 'LINK_INVALID');
    }
  });

  it('B1 (1, 3, 5, 6): end when the address, the password, the second factor or the standing of the account changes', () => {
    const enabled = [
      { type: 'SecondFactorOffered', data: { secret: asSealed('secret') } },
      { type: 'SecondFactorEnabled', data: { step: 1, recoveryHashes: asSealed('r'), keptSession: 'this', at: NOW } },
    ] as const;
    const away = [
      { type: 'UserDeactivated', data: { reason: null } },
      { type: 'UserReactivated', data: { reason: null } },
    ] as const;
    for (const change of [[passwordChanged('this')], [moved], enabled, away]) {
      given(userDecider, registered, L1, ...change)
        .when(reset('one'))
        .thenRefused('LinkInvalid');
      given(userDecider, registered, toMove, ...change)
        .when(move(2))
        .thenRefused('LinkInvalid');
      given(userDecider, registered, toVerify, ...change)
        .when(verify('verify'))
        .thenRefused('LinkInvalid');
    }
  });

  it('serve only the purpose that they were made for', () => {
    given(userDecider, registered, L1).when(verify('one')).thenRefused('LinkInvalid');
    given(userDecider, registered, toVerify).when(reset('verify')).thenRefused('LinkInvalid');
    given(userDecider, registered, toVerify)
      .when({ ...move(), data: { ...move().data, tokenHash: 'verify' } })
      .thenRefused('LinkInvalid');
  });

  it('verify an address once; the same link says so again until it expires or something changes', () => {
    given(userDecider, registered, toVerify).when(verify('verify')).then(verified);
    given(userDecider, registered, toVerify, verified).when(verify('verify')).thenNothing();
    given(userDecider, registered, toVerify, verified)
      .when(verify('verify'), { now: EXPIRY })
      .thenRefused('LinkInvalid');
    given(userDecider, registered, toVerify, verified, passwordChanged())
      .when(verify('verify'))
      .thenRefused('LinkInvalid');
    const other = link('verification', 'other');
    given(userDecider, registered, other, toVerify, verified).when(verify('other')).thenRefused('LinkInvalid');
  });

  it('a verified address needs no link and no operator to vouch for it', () => {
    const request = {
      type: 'RequestLink',
      data: { purpose: 'verification', linkId: 'l', tokenHash: 'h', expiresAt: EXPIRY, epoch: 0 },
    } as const;
    given(userDecider, registered, verified).when(request).thenNothing();
    given(userDecider, registered).when({ type: 'VouchForEmail', data: {} }).then(vouched);
    given(userDecider, registered, verified).when({ type: 'VouchForEmail', data: {} }).thenNothing();
    given(userDecider, registered, verified, L1).when(reset('one')).then(passwordChanged());
  });

  it('change the address and keep the session that asked; the new address counts as verified', () => {
    given(userDecider, registered, toMove).when(move()).then(moved);
    given(userDecider, registered, moved).when({ type: 'VouchForEmail', data: {} }).thenNothing();
  });

  it('change no address whose claim was taken at older claims', () => {
    const abandoned = { type: 'UserClaimAbandoned', data: { claim: 'email-b' } } as const;
    given(userDecider, registered, toMove, abandoned).when(move()).thenRefused('ClaimOutdated');
  });

  it('lead to one new address only: a newer one replaces the older', () => {
    const another = link('email change', 'another', { email: asSealed('c@'), emailClaim: 'email-c' });
    given(userDecider, registered, toMove, another).when(move()).thenRefused('LinkInvalid');
  });
});

describe('the mails with links to one address', () => {
  const allowed = (countsUntil: string): LinkMailAllowed => ({ type: 'LinkMailAllowed', data: { countsUntil } });
  const ask = { type: 'AllowLinkMail', data: { countsUntil: after(9_000) } } as const;

  it('are three within the window', () => {
    const three = [allowed(after(1_000)), allowed(after(2_000)), allowed(after(3_000))];
    given(mailboxDecider, ...three.slice(1))
      .when(ask)
      .then(allowed(after(9_000)));
    given(mailboxDecider, ...three)
      .when(ask, { now: after(999) })
      .thenRefused('MailsSpent');
    given(mailboxDecider, ...three)
      .when(ask, { now: after(1_000) })
      .then(allowed(after(9_000)));
    given(mailboxDecider, ...three, allowed(after(9_000)))
      .when(ask, { now: after(1_999) })
      .thenRefused('MailsSpent');
  });
});
