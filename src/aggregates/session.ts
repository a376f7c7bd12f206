import { withItem } from './collections.ts';
import type { Sealed } from './sealed.ts';
import type { ActiveUser } from './user.ts';
import { reject, unauthenticated } from '../errors.ts';
import type { Command, Decider } from '../engine/decide/decider.ts';

// NOTE: these names and shapes are the storage format; version them with care.
export type SessionStarted = {
  type: 'SessionStarted';
  data: {
    userId: string;
    tokenHash: string;
    startedAt: string;
    expiresAt: string;
    /** The user's counts at the sign-in; absent in sessions from before the counts. */
    passwordChanges?: number;
    rolesTaken?: number;
    deactivations?: number;
    /** The caller's network address and software, sealed for the user; absent in sessions of earlier versions. */
    address?: Sealed;
    agent?: Sealed;
    /** The refresh token is random. Absent when it was derived from the signing secret, as it once was. */
    random?: true;
  };
};
export type SessionRefreshed = { type: 'SessionRefreshed'; data: { tokenHash: string; random?: true } };
export type SessionEnded = { type: 'SessionEnded'; data: { userId: string; reason: SessionEnd } };
export type SessionEvent = SessionStarted | SessionRefreshed | SessionEnded;

/** Refreshes of one session, at most. It remembers every token that was spent, and must not grow for ever. */
export const REFRESHES_MAX = 5_000;

export type SessionEnd = 'logout' | 'token reused' | 'role taken away' | 'deactivated' | ActiveUser['endedBy'];

export type StartSession = Command<
  'StartSession',
  {
    userId: string;
    tokenHash: string;
    expiresAt: string;
    passwordChanges: number;
    rolesTaken: number;
    deactivations: number;
    address?: Sealed;
    agent?: Sealed;
    random?: true;
  }
>;
export type RefreshSession = Command<'RefreshSession', { presented: string; tokenHash: string; random?: true }>;
export type EndSession = Command<'EndSession', { presented?: string; reason: SessionEnd }>;
export type SessionCommand = StartSession | RefreshSession | EndSession;

export interface OpenSession {
  readonly status: 'open';
  readonly userId: string;
  readonly startedAt: string;
  readonly expiresAt: string;
  readonly tokenHash: string;
  /** The current refresh token is random. */
  readonly random?: true;
  readonly passwordChanges?: number;
  readonly rolesTaken?: number;
  readonly deactivations?: number;
  readonly spent: readonly string[];
}
export type SessionState =
  { readonly status: 'none' } | { readonly status: 'ended'; readonly userId: string } | OpenSession;

export const sessionDecider: Decider<SessionState, SessionCommand, SessionEvent> = {
  category: 'session',
  snapshotVersion: 1,
  initial: { status: 'none' },
  evolve(state, event, made) {
    switch (event.type) {
      case 'SessionStarted':
        return { status: 'open', ...event.data, spent: [] };
      case 'SessionRefreshed':
        if (state.status !== 'open') return state;
        return { ...state, ...event.data, spent: withItem(state.spent, state.tokenHash, made) };
      case 'SessionEnded':
        return { status: 'ended', userId: event.data.userId };
    }
  },
  decide(command, state) {
    switch (command.type) {
      case 'StartSession':
        return start(command, state);
      case 'RefreshSession':
        return refresh(command, state);
      case 'EndSession':
        return end(command, state);
    }
  },
};

type Counts = Pick<
  ActiveUser,
  'passwordChanges' | 'passwordChangedAt' | 'rolesTaken' | 'deactivations' | 'keptSession' | 'endedBy'
>;

/**
 * Why a user's session no longer goes on; undefined when it does. The counts decide, not clocks: processes whose clocks differ
 * agree. A session from before the counts is judged by its instants, as when it began.
 */
export function whyOutdated(session: OpenSession, sessionId: string, user: Counts): SessionEnd | undefined {
  if ((session.deactivations ?? 0) < user.deactivations) return 'deactivated';
  if ((session.rolesTaken ?? 0) < user.rolesTaken) return 'role taken away';
  const older =
    session.passwordChanges === undefined
      ? user.passwordChangedAt !== null && session.startedAt < user.passwordChangedAt
      : session.passwordChanges < user.passwordChanges;
  return older && user.keptSession !== sessionId ? user.endedBy : undefined;
}

function start({ data, now }: StartSession, state: SessionState): SessionEvent[] {
  if (state.status !== 'none') reject('SessionExists', 'This session was already started.');
  return [{ type: 'SessionStarted', data: { ...data, startedAt: now } }];
}

/** A refresh token that was already spent has been copied, so its reuse ends the whole session, for thief and owner alike. */
function refresh({ data, now }: RefreshSession, state: SessionState): SessionEvent[] {
  if (state.status !== 'open' || now >= state.expiresAt) return notValid();
  if (state.spent.includes(data.presented)) {
    return [{ type: 'SessionEnded', data: { userId: state.userId, reason: 'token reused' } }];
  }
  if (state.tokenHash !== data.presented) return notValid();
  if (state.spent.length >= REFRESHES_MAX) {
    const sentence = `This session has been refreshed ${REFRESHES_MAX} times. Log in again.`;
    unauthenticated('SessionRefreshedTooOften', sentence);
  }
  const random = data.random === undefined ? {} : { random: data.random };
  return [{ type: 'SessionRefreshed', data: { tokenHash: data.tokenHash, ...random } }];
}

function end({ data }: EndSession, state: SessionState): SessionEvent[] {
  if (state.status !== 'open') return [];
  const known =
    data.presented === undefined || data.presented === state.tokenHash || state.spent.includes(data.presented);
  return known ? [{ type: 'SessionEnded', data: { userId: state.userId, reason: data.reason } }] : notValid();
}

const notValid = (): never =>
  unauthenticated('RefreshTokenInvalid', 'This refresh token is invalid, expired or already used.');
