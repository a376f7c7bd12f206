import { missing, reject } from '../errors.ts';
import type { Command, Decider } from '../engine/decide/decider.ts';
import type { Sealed } from './sealed.ts';
import {
  decideStanding,
  GOOD_STANDING,
  type Standing,
  type StandingCommand,
  type StandingEvent,
  evolveStanding,
} from './userStanding.ts';
import { erase, type ErasedUser, type EraseUser, type UserErased } from './userErasure.ts';
import { withCredentials } from './userLinks.ts';
import {
  asksOfSignIn,
  decideSignIn,
  evolveSignIn,
  isOfSignIn,
  NEW_SIGN_IN,
  type SignIn,
  type SignInCommand,
  type SignInEvent,
} from './userSignIn.ts';

/** From the least to the most: a role includes those before it. */
export const ROLES = ['buyer', 'seller', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** The roles that a user with this role does not have. A change to it takes them away from a user who had one of them. */
export const rolesWithout = (role: Role): readonly Role[] => ROLES.slice(ROLES.indexOf(role) + 1);

// NOTE: these names and shapes are the storage format; version them with care. `Sealed` texts are personal data.
export type UserRegistered = {
  type: 'UserRegistered';
  data: {
    email: Sealed;
    name: Sealed;
    phone: Sealed | null;
    phoneClaim: string | null;
    passwordHash: Sealed;
    role: Role;
  };
};
export type ProfileUpdated = {
  type: 'ProfileUpdated';
  data: { name?: Sealed; phone?: Sealed | null; phoneClaim?: string | null; address?: Sealed | null };
};
/** Ends every session that was started before, except `keptSession`. `at` is for people: what came before is decided by revision. */
export type PasswordChanged = {
  type: 'PasswordChanged';
  data: { passwordHash: Sealed; keptSession: string | null; at: string };
};
/** The same password, hashed at another cost. It ends nothing. */
export type PasswordRehashed = { type: 'PasswordRehashed'; data: { passwordHash: Sealed } };
export type UserRoleChanged = { type: 'UserRoleChanged'; data: { role: Role; storeId: string | null } };
export type RegistrationAbandoned = { type: 'RegistrationAbandoned'; data: object };
/** Fences a change that claimed a value and did not take it up: a change that was begun before this event can no longer do so. */
export type UserClaimAbandoned = { type: 'UserClaimAbandoned'; data: { claim: string } };
export type UserEvent =
  | UserRegistered
  | ProfileUpdated
  | PasswordChanged
  | PasswordRehashed
  | UserRoleChanged
  | StandingEvent
  | RegistrationAbandoned
  | UserClaimAbandoned
  | UserErased
  | SignInEvent;

export type RegisterUser = Command<'RegisterUser', UserRegistered['data']>;
/** `claimEpoch`: that of the user when the command began, before it claimed the phone number. Without it the number stays. */
export type UpdateProfile = Command<'UpdateProfile', ProfileUpdated['data'] & { claimEpoch?: number }>;
export type ChangePassword = Command<'ChangePassword', { passwordHash: Sealed; keptSession: string | null }>;
/** `passwordChanges`: that of the user when the password was verified. A password that was changed since keeps its hash. */
export type RehashPassword = Command<'RehashPassword', { passwordHash: Sealed; passwordChanges: number }>;
/** The user keeps their store: the role of a seller can be given back. */
export type ChangeRole = Command<'ChangeRole', { role: Role }>;
export type GrantSeller = Command<'GrantSeller', { storeId: string }>;
/** Fences a registration that stopped half way: it can no longer be completed. */
export type AbandonRegistration = Command<'AbandonRegistration', object>;
/** Does nothing when the user's claims have changed since `claimEpoch`: the caller has to look again. */
export type AbandonUserClaim = Command<'AbandonUserClaim', { claim: string; claimEpoch: number }>;
export type UserCommand =
  | RegisterUser
  | UpdateProfile
  | ChangePassword
  | RehashPassword
  | GrantSeller
  | ChangeRole
  | StandingCommand
  | AbandonRegistration
  | AbandonUserClaim
  | EraseUser
  | SignInCommand;

export interface ActiveUser extends Standing, SignIn {
  readonly status: 'active';
  readonly role: Role;
  readonly storeId: string | null;
  readonly email: Sealed;
  readonly name: Sealed;
  readonly phone: Sealed | null;
  readonly phoneClaim: string | null;
  /** How often the claims of this user changed or were abandoned; it begins with 1. */
  readonly claimEpoch: number;
  readonly address: Sealed | null;
  readonly passwordHash: Sealed;
  /** How often the password, the e-mail address or the second factor was changed. A session remembers the count that it began with. */
  readonly passwordChanges: number;
  /** Only for sessions from before the counts. */
  readonly passwordChangedAt: string | null;
  /** How often a role was taken away. */
  readonly rolesTaken: number;
  readonly keptSession: string | null;
}
export type UserState = { readonly status: 'none' } | { readonly status: 'abandoned' } | ActiveUser | ErasedUser;

export const userDecider: Decider<UserState, UserCommand, UserEvent> = {
  category: 'user',
  snapshotVersion: 5,
  initial: { status: 'none' },
  evolve(state, event) {
    if (isOfSignIn(event)) return state.status === 'active' ? evolveSignIn(state, event) : state;
    switch (event.type) {
      case 'UserRegistered':
        return {
          ...event.data,
          ...GOOD_STANDING,
          ...NEW_SIGN_IN,
          status: 'active',
          storeId: null,
          claimEpoch: 1,
          address: null,
          passwordChanges: 0,
          passwordChangedAt: null,
          rolesTaken: 0,
          keptSession: null,
        };
      case 'ProfileUpdated':
        return state.status === 'active' ? withProfile(state, event.data) : state;
      case 'UserClaimAbandoned':
        return state.status === 'active' ? { ...state, claimEpoch: state.claimEpoch + 1 } : state;
      case 'PasswordChanged':
        return state.status === 'active' ? withPassword(state, event.data) : state;
      case 'PasswordRehashed':
        return state.status === 'active' ? { ...state, passwordHash: event.data.passwordHash } : state;
      case 'UserRoleChanged':
        return state.status === 'active' ? withRole(state, event.data) : state;
      case 'UserDeactivated':
      case 'UserReactivated':
      case 'OtherSessionsEnded':
        return state.status === 'active' ? evolveStanding(state, event) : state;
      case 'RegistrationAbandoned':
        return { status: 'abandoned' };
      case 'UserErased':
        return { status: 'erased' };
    }
  },
  decide(command, state) {
    if (asksOfSignIn(command)) return decideSignIn(command, active(state));
    switch (command.type) {
      case 'RegisterUser':
        return register(command, state);
      case 'UpdateProfile':
        return updateProfile(command, active(state));
      case 'ChangePassword':
        return changePassword(command, active(state));
      case 'RehashPassword':
        return rehashPassword(command, active(state));
      case 'GrantSeller':
        return grantSeller(command, active(state));
      case 'ChangeRole':
        return changeRole(command, active(state));
      case 'DeactivateUser':
      case 'ReactivateUser':
      case 'EndOtherSessions':
        return decideStanding(command, active(state));
      case 'AbandonRegistration':
        return state.status === 'none' ? [{ type: 'RegistrationAbandoned', data: {} }] : [];
      case 'AbandonUserClaim': {
        const { claim, claimEpoch } = command.data;
        if (state.status !== 'active' || state.claimEpoch !== claimEpoch) return [];
        return [{ type: 'UserClaimAbandoned', data: { claim } }];
      }
      case 'EraseUser':
        return erase(command, state);
    }
  },
};

const withPassword = (state: ActiveUser, { passwordHash, ...change }: PasswordChanged['data']): ActiveUser => ({
  ...withCredentials(state, change, 'password changed'),
  passwordHash,
});

function withRole(state: ActiveUser, { role, storeId }: UserRoleChanged['data']): ActiveUser {
  const taken = rolesWithout(role).includes(state.role) ? 1 : 0;
  return { ...state, role, storeId, rolesTaken: state.rolesTaken + taken };
}

const active = (state: UserState): ActiveUser =>
  state.status === 'active' ? state : missing('UserUnknown', 'There is no such user.');

function register({ data }: RegisterUser, state: UserState): UserEvent[] {
  if (state.status === 'abandoned') reject('RegistrationExpired', 'This registration took too long; please try again.');
  if (state.status !== 'none') reject('UserExists', 'This user is already registered.');
  return [{ type: 'UserRegistered', data }];
}

const claimsAnother = ({ phoneClaim: wanted }: ProfileUpdated['data'], { phoneClaim }: ActiveUser): boolean =>
  wanted !== undefined && wanted !== phoneClaim;

const withProfile = (state: ActiveUser, data: ProfileUpdated['data']): ActiveUser => ({
  ...state,
  ...data,
  claimEpoch: state.claimEpoch + (claimsAnother(data, state) ? 1 : 0),
});

function updateProfile({ data: { claimEpoch, ...data } }: UpdateProfile, state: ActiveUser): UserEvent[] {
  const changed = Object.entries(data).some(([field, value]) => state[field as keyof ActiveUser] !== value);
  if (claimsAnother(data, state) && claimEpoch !== state.claimEpoch) {
    reject('ClaimOutdated', 'Your phone number has changed meanwhile; please try again.');
  }
  return changed ? [{ type: 'ProfileUpdated', data }] : [];
}

/** Sealed hashes never repeat, so an equal hash means that this same command was already handled. */
function changePassword({ data, now }: ChangePassword, state: ActiveUser): UserEvent[] {
  return state.passwordHash === data.passwordHash ? [] : [{ type: 'PasswordChanged', data: { ...data, at: now } }];
}

function rehashPassword({ data: { passwordHash, passwordChanges } }: RehashPassword, state: ActiveUser): UserEvent[] {
  const same = state.passwordChanges === passwordChanges && state.passwordHash !== passwordHash;
  return same ? [{ type: 'PasswordRehashed', data: { passwordHash } }] : [];
}

function grantSeller({ data }: GrantSeller, state: ActiveUser): UserEvent[] {
  if (state.storeId === data.storeId) return [];
  if (state.role !== 'buyer') reject('NotABuyer', 'Only a buyer can become a seller.');
  return [{ type: 'UserRoleChanged', data: { role: 'seller', storeId: data.storeId } }];
}

function changeRole({ data: { role } }: ChangeRole, { role: current, storeId }: ActiveUser): UserEvent[] {
  if (role === current) return [];
  if (role === 'seller' && storeId === null) reject('NoStore', 'A user becomes a seller by opening a store.');
  return [{ type: 'UserRoleChanged', data: { role, storeId } }];
}
