import type { Command } from '../engine/decide/decider.ts';
import type { Sealed } from './sealed.ts';
import { endingLinks, type LinkOwner, withCredentials } from './userLinks.ts';

// NOTE: these names and shapes are the storage format; version them with care.
/** Ends every session of the user. Nobody can sign in to the account until it is reactivated. */
export type UserDeactivated = { type: 'UserDeactivated'; data: { reason: Sealed | null } };
export type UserReactivated = { type: 'UserReactivated'; data: { reason: Sealed | null } };
/** The user ends every session that was started before, except `keptSession`. */
export type OtherSessionsEnded = { type: 'OtherSessionsEnded'; data: { keptSession: string | null; at: string } };
export type StandingEvent = UserDeactivated | UserReactivated | OtherSessionsEnded;

export type DeactivateUser = Command<'DeactivateUser', { reason: Sealed | null }>;
export type ReactivateUser = Command<'ReactivateUser', { reason: Sealed | null }>;
export type EndOtherSessions = Command<'EndOtherSessions', { keptSession: string | null }>;
export type StandingCommand = DeactivateUser | ReactivateUser | EndOtherSessions;

export interface Standing {
  readonly deactivated: boolean;
  /** How often the account was deactivated. A session remembers the count that it began with. */
  readonly deactivations: number;
}

export const GOOD_STANDING: Standing = { deactivated: false, deactivations: 0 };

export function evolveStanding<S extends Standing & LinkOwner>(state: S, event: StandingEvent): S {
  switch (event.type) {
    case 'UserDeactivated':
      return endingLinks({ ...state, deactivated: true, deactivations: state.deactivations + 1 });
    case 'UserReactivated':
      return endingLinks({ ...state, deactivated: false });
    case 'OtherSessionsEnded':
      return withCredentials(state, event.data, 'ended by its user');
  }
}

export function decideStanding(command: StandingCommand, { deactivated }: Standing): StandingEvent[] {
  switch (command.type) {
    case 'DeactivateUser':
      return deactivated ? [] : [{ type: 'UserDeactivated', data: command.data }];
    case 'ReactivateUser':
      return deactivated ? [{ type: 'UserReactivated', data: command.data }] : [];
    case 'EndOtherSessions':
      return [{ type: 'OtherSessionsEnded', data: { ...command.data, at: command.now } }];
  }
}
