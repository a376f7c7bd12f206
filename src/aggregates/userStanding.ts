import type { Command } from '../engine/decide/decider.ts';
import type { Sealed } from './sealed.ts';

// NOTE: these names and shapes are the storage format; version them with care.
/** Ends every session of the user. Nobody can sign in to the account until it is reactivated. */
export type UserDeactivated = { type: 'UserDeactivated'; data: { reason: Sealed | null } };
export type UserReactivated = { type: 'UserReactivated'; data: { reason: Sealed | null } };
export type StandingEvent = UserDeactivated | UserReactivated;

export type DeactivateUser = Command<'DeactivateUser', { reason: Sealed | null }>;
export type ReactivateUser = Command<'ReactivateUser', { reason: Sealed | null }>;
export type StandingCommand = DeactivateUser | ReactivateUser;

export interface Standing {
  readonly deactivated: boolean;
  /** How often the account was deactivated. A session remembers the count that it began with. */
  readonly deactivations: number;
}

export const GOOD_STANDING: Standing = { deactivated: false, deactivations: 0 };

export const withStanding = <S extends Standing>(state: S, { type }: StandingEvent): S =>
  type === 'UserDeactivated'
    ? { ...state, deactivated: true, deactivations: state.deactivations + 1 }
    : { ...state, deactivated: false };

export function decideStanding({ type, data: { reason } }: StandingCommand, state: Standing): StandingEvent[] {
  if (type === 'DeactivateUser') return state.deactivated ? [] : [{ type: 'UserDeactivated', data: { reason } }];
  return state.deactivated ? [{ type: 'UserReactivated', data: { reason } }] : [];
}
