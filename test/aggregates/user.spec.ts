import {
  userDecider,
  type ProfileUpdated,
  type UserEvent,
  type UserRegistered,
  type UserRoleChanged,
} from '../../src/aggregates/user.ts';
import { NOW, given } from '../support/given.ts';
import { asSealed } from '../support/personalData.ts';

const registered: UserRegistered = {
  type: 'UserRegistered',
  data: {
    email: asSealed('sealed e-mail'),
    name: asSealed('sealed name'),
    phone: asSealed('sealed phone'),
    phoneClaim: 'phone-1',
    passwordHash: asSealed('sealed hash'),
    role: 'buyer',
  },
};
const moved: ProfileUpdated = { type: 'ProfileUpdated', data: { address: asSealed('sealed address') } };
const madeSeller: UserRoleChanged = { type: 'UserRoleChanged', data: { role: 'seller', storeId: 'store' } };
const abandoned = { type: 'RegistrationAbandoned', data: {} } as const;
const passwordChanged = {
  type: 'PasswordChanged',
  data: { passwordHash: asSealed('another hash'), keptSession: 'this', at: NOW },
} as const;

const register = { type: 'RegisterUser', data: registered.data } as const;
const changePassword = {
  type: 'ChangePassword',
  data: { passwordHash: asSealed('another hash'), keptSession: 'this' },
} as const;

describe('user', () => {
  it('registers once', () => {
    given(userDecider).when(register).then(registered);
    given(userDecider, registered).when(register).thenRefused('UserExists');
  });

  it('cannot complete a registration that was given up', () => {
    given(userDecider, abandoned).when(register).thenRefused('RegistrationExpired');
  });

  it('can be given up only before it is registered', () => {
    const abandon = { type: 'AbandonRegistration', data: {} } as const;
    given(userDecider).when(abandon).then(abandoned);
    given(userDecider, abandoned).when(abandon).thenNothing();
    given(userDecider, registered).when(abandon).thenNothing();
  });

  it('is erased once, and is nobody to every other command from then on', () => {
    const erased: UserEvent = { type: 'UserErased', data: { reason: asSealed('a reason') } };
    const erase = { type: 'EraseUser', data: { reason: asSealed('a reason') } } as const;
    given(userDecider).when(erase).thenRefused('UserUnknown');
    given(userDecider, abandoned).when(erase).thenRefused('UserUnknown');
    given(userDecider, registered).when(erase).then(erased);
    given(userDecider, registered, erased).when(erase).thenNothing();
    given(userDecider, registered, erased).when(register).thenRefused('UserExists');
    given(userDecider, registered, erased).when(changePassword).thenRefused('UserUnknown');
    given(userDecider, registered, erased)
      .when({ type: 'ChangeRole', data: { role: 'admin' } })
      .thenRefused('UserUnknown');
  });

  it('changes what they wish to change of their profile', () => {
    given(userDecider, registered).when({ type: 'UpdateProfile', data: moved.data }).then(moved);
  });

  it('can have phone and address taken away', () => {
    const data = { phone: null, phoneClaim: null, address: null };
    given(userDecider, registered, moved)
      .when({ type: 'UpdateProfile', data: { ...data, claimEpoch: 1 } })
      .then({ type: 'ProfileUpdated', data });
  });

  it('changes the phone number only by a command that has seen its last change and the last fence', () => {
    const data = { phone: asSealed('q'), phoneClaim: 'phone-2' };
    const change = (claimEpoch?: number) =>
      ({ type: 'UpdateProfile', data: { ...data, ...(claimEpoch === undefined ? {} : { claimEpoch }) } }) as const;
    const fence = { type: 'AbandonUserClaim', data: { claim: 'phone-2', claimEpoch: 1 } } as const;
    const fenced: UserEvent = { type: 'UserClaimAbandoned', data: { claim: 'phone-2' } };
    const changed: UserEvent = { type: 'ProfileUpdated', data };
    given(userDecider, registered).when(change()).thenRefused('ClaimOutdated');
    given(userDecider, registered).when(change(1)).then(changed);
    given(userDecider, registered).when(fence).then(fenced);
    given(userDecider, registered, fenced).when(change(1)).thenRefused('ClaimOutdated');
    given(userDecider, registered, fenced).when(change(2)).then(changed);
    given(userDecider, registered, changed).when(change()).thenNothing();
    for (const past of [[], [abandoned], [fenced], [registered, changed], [registered, fenced]]) {
      given(userDecider, ...past)
        .when(fence)
        .thenNothing();
    }
  });

  it('whose profile is as wished already changes nothing', () => {
    given(userDecider, registered, moved).when({ type: 'UpdateProfile', data: moved.data }).thenNothing();
    given(userDecider, registered).when({ type: 'UpdateProfile', data: {} }).thenNothing();
  });

  it('changes the password, as of now, and keeps one session', () => {
    given(userDecider, registered).when(changePassword).then(passwordChanged);
  });

  it('whose password is that very one already changes nothing', () => {
    given(userDecider, registered, passwordChanged).when(changePassword).thenNothing();
  });

  it('keeps the password that was changed while the one before was hashed again', () => {
    const data = { passwordHash: asSealed('hashed again'), passwordChanges: 0 };
    const rehash = { type: 'RehashPassword', data } as const;
    const rehashed = { type: 'PasswordRehashed', data: { passwordHash: data.passwordHash } } as const;
    given(userDecider, registered).when(rehash).then(rehashed);
    given(userDecider, registered, rehashed).when(rehash).thenNothing();
    given(userDecider, registered, passwordChanged).when(rehash).thenNothing();
  });

  it('becomes a seller with their store, once', () => {
    const grant = { type: 'GrantSeller', data: { storeId: 'store' } } as const;
    given(userDecider, registered).when(grant).then(madeSeller);
    given(userDecider, registered, madeSeller).when(grant).thenNothing();
  });

  it('cannot become a seller with another store when already a seller or an admin', () => {
    const grant = { type: 'GrantSeller', data: { storeId: 'another' } } as const;
    given(userDecider, registered, madeSeller).when(grant).thenRefused('NotABuyer');
    const admin: UserRegistered = { ...registered, data: { ...registered.data, role: 'admin' } };
    given(userDecider, admin).when(grant).thenRefused('NotABuyer');
  });

  it('gets another role, and keeps the store', () => {
    const become = (role: UserRegistered['data']['role']) => ({ type: 'ChangeRole', data: { role } }) as const;
    const now = (role: UserRegistered['data']['role'], storeId: string | null): UserRoleChanged => ({
      type: 'UserRoleChanged',
      data: { role, storeId },
    });
    given(userDecider, registered).when(become('admin')).then(now('admin', null));
    given(userDecider, registered).when(become('buyer')).thenNothing();
    given(userDecider, registered).when(become('seller')).thenRefused('NoStore');
    given(userDecider, registered, madeSeller).when(become('buyer')).then(now('buyer', 'store'));
    given(userDecider, registered, madeSeller, now('buyer', 'store'))
      .when(become('seller'))
      .then(now('seller', 'store'));
  });

  it('whose role of a seller was taken away does not get it back by the store that was opened long ago', () => {
    const grant = { type: 'GrantSeller', data: { storeId: 'store' } } as const;
    const taken: UserRoleChanged = { type: 'UserRoleChanged', data: { role: 'buyer', storeId: 'store' } };
    given(userDecider, registered, madeSeller, taken).when(grant).thenNothing();
  });

  it('is deactivated and reactivated, each once, and keeps everything', () => {
    const [why, because] = [asSealed('why'), asSealed('because')];
    const off = (reason = why) => ({ type: 'DeactivateUser', data: { reason } }) as const;
    const on = { type: 'ReactivateUser', data: { reason: null } } as const;
    const deactivated: UserEvent = { type: 'UserDeactivated', data: { reason: why } };
    const reactivated: UserEvent = { type: 'UserReactivated', data: { reason: null } };
    given(userDecider, registered).when(off()).then(deactivated);
    given(userDecider, registered, deactivated).when(off(because)).thenNothing();
    given(userDecider, registered, deactivated).when(on).then(reactivated);
    given(userDecider, registered).when(on).thenNothing();
    given(userDecider, registered, deactivated, reactivated).when(on).thenNothing();
    given(userDecider, registered, deactivated, reactivated).when(off()).then(deactivated);
    given(userDecider, registered, deactivated)
      .when({ type: 'ChangeRole', data: { role: 'admin' } })
      .then({ type: 'UserRoleChanged', data: { role: 'admin', storeId: null } });
    for (const past of [[], [abandoned]]) {
      for (const command of [off(), on]) {
        given(userDecider, ...past)
          .when(command)
          .thenRefused('UserUnknown');
      }
    }
  });

  it('is unknown before registering and after giving up', () => {
    for (const past of [[], [abandoned]]) {
      given(userDecider, ...past)
        .when({ type: 'UpdateProfile', data: moved.data })
        .thenRefused('UserUnknown');
      given(userDecider, ...past)
        .when(changePassword)
        .thenRefused('UserUnknown');
      given(userDecider, ...past)
        .when({ type: 'GrantSeller', data: { storeId: 'store' } })
        .thenRefused('UserUnknown');
      given(userDecider, ...past)
        .when({ type: 'ChangeRole', data: { role: 'admin' } })
        .thenRefused('UserUnknown');
    }
  });
});
