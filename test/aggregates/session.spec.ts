import { expect } from 'chai';
import {
  type OpenSession,
  REFRESHES_MAX,
  sessionDecider,
  type SessionEnd,
  type SessionEvent,
  whyOutdated,
} from '../../src/aggregates/session.ts';
import { NOW, given } from '../support/given.ts';

const EXPIRY = '2026-03-31T12:00:00.000Z';

const started: SessionEvent = {
  type: 'SessionStarted',
  data: {
    ...{ userId: 'ann', tokenHash: 'first', startedAt: NOW, expiresAt: EXPIRY },
    ...{ passwordChanges: 1, rolesTaken: 0, deactivations: 0 },
  },
};
const refreshed: SessionEvent = { type: 'SessionRefreshed', data: { tokenHash: 'second' } };
const ended = (reason: SessionEnd): SessionEvent => ({ type: 'SessionEnded', data: { userId: 'ann', reason } });

const refresh = (presented: string, tokenHash: string) =>
  ({ type: 'RefreshSession', data: { presented, tokenHash } }) as const;
const logOut = (presented?: string) =>
  ({ type: 'EndSession', data: { reason: 'logout', ...(presented === undefined ? {} : { presented }) } }) as const;

describe('session', () => {
  const start = {
    type: 'StartSession',
    data: {
      ...{ userId: 'ann', tokenHash: 'first', expiresAt: EXPIRY },
      ...{ passwordChanges: 1, rolesTaken: 0, deactivations: 0 },
    },
  } as const;

  it('starts once', () => {
    given(sessionDecider).when(start).then(started);
    given(sessionDecider, started).when(start).thenRefused('SessionExists');
    given(sessionDecider, started, ended('logout')).when(start).thenRefused('SessionExists');
  });

  it('exchanges its token for the next one', () => {
    given(sessionDecider, started).when(refresh('first', 'second')).then(refreshed);
    given(sessionDecider, started, refreshed)
      .when(refresh('second', 'third'))
      .then({ type: 'SessionRefreshed', data: { tokenHash: 'third' } });
  });

  it('ends for everyone when a spent token comes again', () => {
    given(sessionDecider, started, refreshed).when(refresh('first', 'thief')).then(ended('token reused'));
  });

  it('remembers every token it has spent', () => {
    const third: SessionEvent = { type: 'SessionRefreshed', data: { tokenHash: 'third' } };
    given(sessionDecider, started, refreshed, third).when(refresh('first', 'thief')).then(ended('token reused'));
    given(sessionDecider, started, refreshed, third).when(refresh('second', 'thief')).then(ended('token reused'));
  });

  it('is refreshed a bounded number of times, because it remembers every token', () => {
    const past = Array.from({ length: REFRESHES_MAX }, (_, index): SessionEvent => ({
      type: 'SessionRefreshed',
      data: { tokenHash: `token ${index}` },
    }));
    const last = `token ${REFRESHES_MAX - 2}`;
    given(sessionDecider, started, ...past.slice(0, -1))
      .when(refresh(last, 'next'))
      .then({ type: 'SessionRefreshed', data: { tokenHash: 'next' } });
    given(sessionDecider, started, ...past)
      .when(refresh(`token ${REFRESHES_MAX - 1}`, 'next'))
      .thenRefused('SessionRefreshedTooOften');
    given(sessionDecider, started, ...past)
      .when(refresh('first', 'thief'))
      .then(ended('token reused'));
  });

  it('takes no token it never gave, and goes on', () => {
    given(sessionDecider, started).when(refresh('made up', 'second')).thenRefused('RefreshTokenInvalid');
  });

  it('takes no token from the moment it expires', () => {
    given(sessionDecider, started)
      .when(refresh('first', 'second'), { now: '2026-03-31T11:59:59.999Z' })
      .then(refreshed);
    given(sessionDecider, started).when(refresh('first', 'second'), { now: EXPIRY }).thenRefused('RefreshTokenInvalid');
  });

  it('takes no token before it started or after it ended', () => {
    given(sessionDecider).when(refresh('first', 'second')).thenRefused('RefreshTokenInvalid');
    given(sessionDecider, started, ended('logout')).when(refresh('first', 'second')).thenRefused('RefreshTokenInvalid');
  });

  it('is ended with its token, also with one spent since', () => {
    given(sessionDecider, started).when(logOut('first')).then(ended('logout'));
    given(sessionDecider, started, refreshed).when(logOut('second')).then(ended('logout'));
    given(sessionDecider, started, refreshed).when(logOut('first')).then(ended('logout'));
  });

  it('is not ended with a token it never gave', () => {
    given(sessionDecider, started).when(logOut('made up')).thenRefused('RefreshTokenInvalid');
  });

  it('is ended without a token when the password was changed', () => {
    given(sessionDecider, started)
      .when({ type: 'EndSession', data: { reason: 'password changed' } })
      .then(ended('password changed'));
  });

  it('ends once', () => {
    given(sessionDecider, started, ended('logout')).when(logOut('first')).thenNothing();
    given(sessionDecider).when(logOut()).thenNothing();
  });
});

describe('whether a session is outdated', () => {
  const LATER = '2026-12-01T00:00:00.000Z';
  const session = (counts: Partial<OpenSession>): OpenSession => ({
    ...{ status: 'open', userId: 'ann', startedAt: NOW, expiresAt: EXPIRY, tokenHash: 'first', spent: [] },
    ...counts,
  });
  const user = {
    ...{ passwordChanges: 1, passwordChangedAt: NOW, rolesTaken: 0, deactivations: 0, keptSession: null },
    endedBy: 'password changed',
  } as const;

  it('is decided by how often the password was changed, whatever the clocks said', () => {
    const after = session({ passwordChanges: 1, rolesTaken: 0 });
    expect(whyOutdated(after, 'new', { ...user, passwordChangedAt: LATER })).to.equal(undefined);
    const before = session({ passwordChanges: 0, rolesTaken: 0, startedAt: LATER });
    expect(whyOutdated(before, 'old', user)).to.equal('password changed');
    expect(whyOutdated(before, 'kept', { ...user, keptSession: 'kept' })).to.equal(undefined);
  });

  it('is decided by the roles that were taken away, also for the session that a change of password kept', () => {
    const before = session({ passwordChanges: 1, rolesTaken: 0 });
    expect(whyOutdated(before, 'kept', { ...user, rolesTaken: 1, keptSession: 'kept' })).to.equal('role taken away');
    expect(whyOutdated(session({ passwordChanges: 1, rolesTaken: 1 }), 'new', { ...user, rolesTaken: 1 })).to.equal(
      undefined,
    );
  });

  it('is decided by the deactivations of the account, whether or not it was reactivated', () => {
    const before = session({ passwordChanges: 1, rolesTaken: 0, deactivations: 0 });
    const outdated = { ...user, deactivations: 1, keptSession: 'kept' };
    expect(whyOutdated(before, 'kept', outdated)).to.equal('deactivated');
    expect(whyOutdated(session({ passwordChanges: 1 }), 'from before the count', outdated)).to.equal('deactivated');
    expect(whyOutdated({ ...before, deactivations: 1 }, 'new', outdated)).to.equal(undefined);
  });

  it('is decided by instants for a session from before the counts', () => {
    expect(whyOutdated(session({}), 'old', { ...user, passwordChangedAt: LATER })).to.equal('password changed');
    expect(whyOutdated(session({ startedAt: LATER }), 'old', user)).to.equal(undefined);
    expect(whyOutdated(session({ startedAt: LATER }), 'old', { ...user, rolesTaken: 1 })).to.equal('role taken away');
  });
});
