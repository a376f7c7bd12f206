import { rolesWithout, type UserEvent } from '../aggregates/user.ts';
import type { SessionEvent } from '../aggregates/session.ts';
import type { RecordedEvent } from '../eventstore/eventStore.ts';
import { EVERY_CATEGORY, type Projection } from '../engine/project/projection.ts';

/**
 * Revokes access tokens: those of `session-<id>`; those of `user-<id>` from before the row's revision, except `kept_session`; those
 * of `user-<id>/<role>` with this role, from before the row's revision. `revoked_at` only tells when the row may be forgotten.
 */
export interface RevocationRow {
  readonly subject: string;
  readonly revoked_at: string;
  readonly kept_session: string | null;
}

/** The subject of the revocation of one role of a user. */
export const roleOfUser = (stream: string, role: string): string => `${stream}/${role}`;

/** Ends every token of the event's stream. */
const endsAll = {
  key: (event: RecordedEvent): string => event.stream,
  row: (_row: RevocationRow | undefined, { metadata }: RecordedEvent, subject: string): RevocationRow => ({
    ...{ subject, revoked_at: metadata.occurredAt, kept_session: null },
  }),
};

/** Ends what was signed in before, except one session. */
const credentialsChanged = {
  key: (event: RecordedEvent): string => event.stream,
  row: (
    _row: unknown,
    { data }: { readonly data: { readonly at: string; readonly keptSession: string | null } },
    subject: string,
  ): RevocationRow => ({ subject, revoked_at: data.at, kept_session: data.keptSession }),
};

export const revocations: Projection<RevocationRow, SessionEvent | UserEvent> = {
  name: 'revocations',
  table: 'revocations',
  key: 'subject',
  of: EVERY_CATEGORY,
  columns: { subject: 'text', revoked_at: 'timestamptz', kept_session: 'uuid' },
  on: {
    SessionEnded: endsAll,
    PasswordChanged: credentialsChanged,
    OtherSessionsEnded: credentialsChanged,
    EmailChanged: credentialsChanged,
    SecondFactorEnabled: credentialsChanged,
    SecondFactorDisabled: credentialsChanged,
    RecoveryCodesRenewed: credentialsChanged,
    UserDeactivated: endsAll,
    UserErased: endsAll,
    UserRoleChanged: {
      key: ({ stream, data }) => rolesWithout(data.role).map((role) => roleOfUser(stream, role)),
      row: (_row, { metadata }, subject) => ({ subject, revoked_at: metadata.occurredAt, kept_session: null }),
    },
  },
};
