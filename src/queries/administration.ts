import { type Static, Type } from 'typebox';
import { Fields, Id, Instant, Named, Nullable } from '../schema.ts';
import { defineQuery } from './contract.ts';
import { type Order, pageOf } from '../engine/ask/pages.ts';
import { conditions, Paging } from '../engine/ask/paging.ts';
import { type DeadLetter, LETTER_COLUMNS, type LetterRow, toLetter } from '../engine/follow/deadLetters.ts';
import type { ProjectionHealth, RebuildStatus } from './operations.ts';

const Position = Type.String();
const Count = Type.Integer();

const RebuildView = Named('Rebuild', {
  status: Type.Enum(['running', 'done', 'failed', 'interrupted']),
  actor: Type.String(),
  progress: Type.Number({ description: 'The part of the log that is done, from 0 to 1.' }),
  done: Position,
  total: Position,
  events: Count,
  rows: Nullable(Count),
  differences: Nullable(Count),
  parked: Nullable(Count),
  error: Nullable(Type.String()),
  started_at: Instant,
  finished_at: Nullable(Instant),
});

export const ProjectionView = Named('Projection', {
  name: Type.String(),
  status: Type.Enum(['following', 'catching up', 'standby', 'stopped', 'rebuilding']),
  position: Position,
  head: Position,
  lag: Count,
  parked: Count,
  last_error: Nullable(Type.String()),
  rebuild: Nullable(RebuildView),
});

function progressOf({ status, done, total }: RebuildStatus): number {
  if (status === 'done') return 1;
  const of = Number(total);
  return of > 0 ? Math.min(1, Number(done) / of) : 0;
}

const rebuildView = (rebuild: RebuildStatus): Static<typeof RebuildView> => {
  const { status, actor, done, total, events, rows, differences, parked, error, startedAt, finishedAt } = rebuild;
  return {
    ...{ status, actor, progress: progressOf(rebuild), done, total, events, rows, differences, parked, error },
    started_at: startedAt,
    finished_at: finishedAt,
  };
};

export const projectionView = (health: ProjectionHealth): Static<typeof ProjectionView> => ({
  name: health.name,
  status: health.state,
  position: String(health.position),
  head: String(health.head),
  lag: Number(health.lag),
  parked: health.parked,
  last_error: health.lastError ?? null,
  rebuild: health.rebuild === undefined ? null : rebuildView(health.rebuild),
});

const listProjections = defineQuery({
  name: 'ListProjections',
  summary: 'The read models: how far each is, what is wrong with it, and how far its rebuild is',
  tag: 'administration',
  route: 'GET /admin/projections',
  access: ['admin'],
  result: Type.Array(ProjectionView),
  reads: [],
  run: async (_input, { services }) => ({ data: (await services.operations.projections()).map(projectionView) }),
});

const LETTER = {
  id: Id,
  consumer: Type.String({ description: 'A handler, or `projection:` and the name of a read model.' }),
  status: Type.Enum(['dead', 'waiting', 'retry', 'skip', 'resolved', 'skipped']),
  error: Nullable(Type.String({ description: 'Why the event could not be taken.' })),
  attempts: Count,
  event_id: Id,
  type: Type.String(),
  stream: Type.String(),
  revision: Type.String(),
  position: Position,
  created_at: Instant,
  updated_at: Instant,
};
export const DeadLetterView = Named('DeadLetter', LETTER);
type DeadLetterView = Static<typeof DeadLetterView>;

export const deadLetterView = (letter: DeadLetter): DeadLetterView => ({
  id: letter.id,
  consumer: letter.consumer,
  status: letter.status,
  error: letter.reason,
  attempts: letter.attempts,
  event_id: letter.eventId,
  type: letter.type,
  stream: letter.stream,
  revision: String(letter.revision),
  position: String(letter.position),
  created_at: letter.createdAt,
  updated_at: letter.updatedAt,
});

/** Named with its table, because a column of the answer has the same name and is a text. */
const OLDEST_FIRST: Order = {
  keys: [
    { sql: 'dead_letters.position', type: 'bigint' },
    { sql: 'id', type: 'uuid' },
  ],
  descending: false,
};
const OPEN = "status NOT IN ('resolved', 'skipped')";

const listDeadLetters = defineQuery({
  name: 'ListDeadLetters',
  summary: 'Events that a handler or read model could not take, and those that wait behind them, oldest first',
  tag: 'administration',
  route: 'GET /admin/dead-letters',
  access: ['admin'],
  query: Fields({
    consumer: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
    closed: Type.Optional(Type.Boolean({ description: 'Whether to list also those that are resolved or skipped.' })),
    ...Paging,
  }),
  result: Type.Array(DeadLetterView),
  paginated: true,
  reads: [],
  run({ query }, context) {
    const where = query.closed === true ? conditions() : conditions(OPEN);
    if (query.consumer !== undefined) where.add('consumer = ?', query.consumer);
    const sql = { columns: LETTER_COLUMNS, from: 'dead_letters', where, order: OLDEST_FIRST };
    return pageOf<LetterRow>(context, sql, query, (row) => deadLetterView(toLetter(row)));
  },
});

const DeadLetterDetailView = Named('DeadLetterDetail', {
  ...LETTER,
  acts: Type.Array(
    Named('DeadLetterAct', { act: Type.String(), actor: Type.String(), note: Nullable(Type.String()), at: Instant }),
  ),
});

const getDeadLetter = defineQuery({
  name: 'GetDeadLetter',
  summary: 'An event that could not be taken, and everything that was done about it',
  tag: 'administration',
  route: 'GET /admin/dead-letters/:id',
  access: ['admin'],
  params: Fields({ id: Id }),
  result: DeadLetterDetailView,
  reads: [],
  async run({ params }, { services }) {
    const { acts, ...letter } = await services.operations.deadLetter(params.id);
    const shown = acts.map(({ act, actor, note, at }) => ({ act, actor, note, at }));
    return { data: { ...deadLetterView(letter), acts: shown } };
  },
});

export const administrationQueries = [listProjections, listDeadLetters, getDeadLetter];
