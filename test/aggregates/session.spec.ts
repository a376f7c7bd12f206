import { sessionDecider, type SessionEnd, type SessionEvent } from '../../src/aggregates/session.ts';
import { NOW, given } from '../support/given.ts';

const EXPIRY = '2026-03-31T12:00:00.000Z';

const started: SessionEvent = {
  type: 'SessionStarted',
  data: { userId: 'ann', tokenHash: 'first', startedAt: NOW, expiresAt: EXPIRY },
};
const refreshed: SessionEvent = { type: 'SessionRefreshed', data: { tokenHash: 'second' } };
const ended = (reason: SessionEnd): SessionEvent => ({ type: 'SessionEnded', data: { userId: 'ann', reason } });

const refresh = (presented: string, tokenHash: string) =>
  ({ type: 'RefreshSession', data: { presented, tokenHash } }) as const;
const logOut = (presented?: string) =>
  ({ type: 'EndSession', data: { reason: 'logout', ...(presented === undefined ? {} : { presented }) } }) as const;

describe('session', () => {
  const start = { type: 'StartSession', data: { userId: 'ann', tokenHash: 'first', expiresAt: EXPIRY } } as const;

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
