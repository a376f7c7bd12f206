import type { UserEvent } from '../aggregates/user.ts';
import type { SessionEvent } from '../aggregates/session.ts';
import type { Projection } from '../engine/project/projection.ts';

/** Revokes the access tokens issued before `revoked_at`: those of `session-<id>`, or of `user-<id>` except `kept_session`. */
export interface RevocationRow {
  readonly subject: string;
  readonly revoked_at: string;
  readonly kept_session: string | null;
}

export const revocations: Projection<RevocationRow, SessionEvent | UserEvent> = {
  name: 'revocations',
  table: 'revocations',
  key: 'subject',
  of: 'session',
  columns: { subject: 'text', revoked_at: 'timestamptz', kept_session: 'uuid' },
  on: {
    SessionEnded: {
      key: (event) => event.stream,
      row: (_row, { metadata }, subject) => ({ subject, revoked_at: metadata.occurredAt, kept_session: null }),
    },
    PasswordChanged: {
      key: (event) => event.stream,
      row: (_row, { data }, subject) => ({ subject, revoked_at: data.at, kept_session: data.keptSession }),
    },
  },
};
