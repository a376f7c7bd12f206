import type { SessionEvent } from '../aggregates/session.ts';
import { type Projection } from '../engine/project/projection.ts';
import { idOf } from '../eventstore/eventStore.ts';

/**
 * The sessions that nobody has ended by themselves. A session may still be over: it expires, and what happens to its user ends it, which
 * the counts of the user tell. `address` and `agent` are sealed.
 */
export interface SessionRow {
  readonly id: string;
  readonly user_id: string;
  readonly address: string | null;
  readonly agent: string | null;
  readonly started_at: string;
  readonly last_used_at: string;
  readonly expires_at: string;
  /** Null in sessions from before the counts. */
  readonly password_changes: number | null;
  readonly roles_taken: number;
  readonly deactivations: number;
}

export const sessions: Projection<SessionRow, SessionEvent> = {
  name: 'sessions',
  table: 'sessions',
  key: 'id',
  of: 'session',
  columns: {
    id: 'uuid',
    user_id: 'uuid',
    address: 'text',
    agent: 'text',
    started_at: 'timestamptz',
    last_used_at: 'timestamptz',
    expires_at: 'timestamptz',
    password_changes: 'int',
    roles_taken: 'int',
    deactivations: 'int',
  },
  on: {
    SessionStarted: {
      key: (event) => idOf(event.stream),
      row: (_row, { data }, id) => ({
        ...{ id, user_id: data.userId, address: data.address ?? null, agent: data.agent ?? null },
        ...{ started_at: data.startedAt, last_used_at: data.startedAt, expires_at: data.expiresAt },
        password_changes: data.passwordChanges ?? null,
        ...{ roles_taken: data.rolesTaken ?? 0, deactivations: data.deactivations ?? 0 },
      }),
    },
    SessionRefreshed: {
      key: (event) => idOf(event.stream),
      row: (row, { metadata }) => row && { ...row, last_used_at: metadata.occurredAt },
    },
    SessionEnded: { key: (event) => idOf(event.stream), row: () => null },
  },
};
