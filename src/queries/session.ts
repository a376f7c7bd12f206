import { Type } from 'typebox';
import { sealedInSession } from '../aggregates/sealed.ts';
import { userDecider } from '../aggregates/user.ts';
import { type Order, pageOf } from '../engine/ask/pages.ts';
import { conditions, type Conditions, Paging } from '../engine/ask/paging.ts';
import { missing } from '../errors.ts';
import type { SessionRow } from '../projections/sessions.ts';
import { Fields, Id, Instant, Named, Nullable } from '../schema.ts';
import { defineQuery, type QueryContext } from './contract.ts';

const SessionView = Named('Session', {
  id: Id,
  created_at: Instant,
  /** Its last refresh, or its beginning. */
  last_used_at: Instant,
  expires_at: Instant,
  address: Nullable(Type.String()),
  user_agent: Nullable(Type.String()),
  current: Type.Boolean(),
});

const LATEST_FIRST: Order = {
  keys: [
    { sql: 'started_at', type: 'timestamptz' },
    { sql: 'id', type: 'uuid' },
  ],
  descending: true,
};

/** The sessions of the caller that go on, by the same rule as `whyOutdated`. */
async function ongoing({ actor, now, services }: QueryContext): Promise<Conditions> {
  const { state } = await services.aggregates.load(userDecider, actor.id);
  if (state.status !== 'active') return missing('UserUnknown', 'There is no such user.');
  const where = conditions();
  where.add('user_id = ?', actor.id);
  where.add('expires_at > ?', now);
  where.add('deactivations >= ?', state.deactivations);
  where.add('roles_taken >= ?', state.rolesTaken);
  const { keptSession, passwordChanges, passwordChangedAt } = state;
  const at = [keptSession, passwordChanges, passwordChangedAt].map((value) => `$${where.values.push(value)}`);
  where.add(
    `(id = ${at[0]}::uuid OR password_changes >= ${at[1]}::int
      OR (password_changes IS NULL AND (${at[2]}::timestamptz IS NULL OR started_at >= ${at[2]}::timestamptz)) OR ?::boolean)`,
    false,
  );
  return where;
}

const listSessions = defineQuery({
  name: 'ListSessions',
  summary: 'My sessions, newest first',
  tag: 'users',
  route: 'GET /users/me/sessions',
  access: 'user',
  query: Fields(Paging),
  result: Type.Array(SessionView),
  paginated: true,
  codes: ['NOT_FOUND'],
  reads: ['sessions'],
  async run({ query }, context) {
    const sql = { columns: '*', from: 'sessions', where: await ongoing(context), order: LATEST_FIRST };
    const listed = await pageOf<SessionRow>(context, sql, query, (row) => row);
    const rows = await context.services.personalData.revealAll(listed.data as SessionRow[], sealedInSession);
    const data = rows.map((row) => ({
      ...{ id: row.id, created_at: row.started_at, last_used_at: row.last_used_at, expires_at: row.expires_at },
      ...{ address: row.address, user_agent: row.agent, current: row.id === context.actor.sessionId },
    }));
    return { ...listed, data };
  },
});

export const sessionQueries = [listSessions];
