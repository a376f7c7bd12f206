import { Type } from 'typebox';
import { queriesOf } from '../../src/engine/ask/query.ts';
import { commandsOf, type Domain } from '../../src/engine/decide/command.ts';
import type { Command, Decider } from '../../src/engine/decide/decider.ts';
import type { Projection } from '../../src/engine/project/projection.ts';
import { command, type Reaction } from '../../src/engine/react/reaction.ts';
import { reject } from '../../src/errors.ts';
import { idOf } from '../../src/eventstore/eventStore.ts';

/*
 * A lending library: members borrow and return copies of books. It runs on the engine of the shop and shares nothing else with it.
 * docs/tutorial/your-first-aggregate.md is built from the parts of this file.
 */

// #region events
type CopyAdded = { type: 'CopyAdded'; data: { title: string } };
type CopyBorrowed = { type: 'CopyBorrowed'; data: { memberId: string; dueAt: string } };
type CopyReturned = { type: 'CopyReturned'; data: { memberId: string; late: boolean } };
export type CopyEvent = CopyAdded | CopyBorrowed | CopyReturned;

type AddCopy = Command<'AddCopy', { title: string }>;
type BorrowCopy = Command<'BorrowCopy', { memberId: string; dueAt: string }>;
type ReturnCopy = Command<'ReturnCopy', { memberId: string }>;
export type CopyCommand = AddCopy | BorrowCopy | ReturnCopy;
// #endregion

// #region decider
/** One copy has one reader at a time. */
export type CopyState =
  | { readonly status: 'none' | 'available' }
  | { readonly status: 'lent'; readonly memberId: string; readonly dueAt: string };

export const copyDecider: Decider<CopyState, CopyCommand, CopyEvent> = {
  category: 'copy',
  snapshotVersion: 1,
  initial: { status: 'none' },
  evolve(_state, event) {
    switch (event.type) {
      case 'CopyAdded':
      case 'CopyReturned':
        return { status: 'available' };
      case 'CopyBorrowed':
        return { status: 'lent', ...event.data };
    }
  },
  decide(command, state) {
    switch (command.type) {
      case 'AddCopy':
        return state.status === 'none' ? [{ type: 'CopyAdded', data: command.data }] : [];
      case 'BorrowCopy':
        return borrow(command, state);
      case 'ReturnCopy':
        return giveBack(command, state);
    }
  },
};

function borrow({ data }: BorrowCopy, state: CopyState): CopyEvent[] {
  if (state.status === 'none') reject('CopyUnknown', 'There is no such copy.');
  if (state.status === 'lent' && state.memberId !== data.memberId) reject('CopyLent', 'Another member has this copy.');
  return state.status === 'lent' ? [] : [{ type: 'CopyBorrowed', data }];
}

function giveBack({ data: { memberId }, now }: ReturnCopy, state: CopyState): CopyEvent[] {
  if (state.status !== 'lent') return [];
  if (state.memberId !== memberId) reject('CopyLent', 'Another member has this copy.');
  return [{ type: 'CopyReturned', data: { memberId, late: now > state.dueAt } }];
}
// #endregion

// #region reaction
type LateReturnNoted = { type: 'LateReturnNoted'; data: { copyId: string } };
type NoteLateReturn = Command<'NoteLateReturn', { copyId: string }>;

export const memberDecider: Decider<{ late: number }, NoteLateReturn, LateReturnNoted> = {
  category: 'member',
  snapshotVersion: 1,
  initial: { late: 0 },
  evolve: ({ late }) => ({ late: late + 1 }),
  decide: ({ data }) => [{ type: 'LateReturnNoted', data }],
};

/** A late return is noted with the member: one command on another stream, once for each event. */
export const lateReturns: Reaction<CopyState, CopyCommand, CopyEvent> = {
  name: 'late-returns',
  of: copyDecider,
  on: {
    CopyReturned: ({ stream, data: { memberId, late } }) =>
      late ? [command(memberDecider, memberId, { type: 'NoteLateReturn', data: { copyId: idOf(stream) } })] : [],
  },
};
// #endregion

// #region projection
export interface CopyRow {
  readonly id: string;
  readonly title: string;
  readonly borrower: string | null;
  readonly due_at: string | null;
  readonly times_lent: number;
}

const key = ({ stream }: { stream: string }): string => idOf(stream);

export const copies: Projection<CopyRow, CopyEvent> = {
  name: 'copies',
  table: 'copies',
  key: 'id',
  of: 'copy',
  columns: { id: 'uuid', title: 'text', borrower: 'uuid', due_at: 'timestamptz', times_lent: 'int' },
  on: {
    CopyAdded: {
      key,
      row: (_row, { data: { title } }, id) => ({ id, title, borrower: null, due_at: null, times_lent: 0 }),
    },
    CopyBorrowed: {
      key,
      row: (row, { data: { memberId, dueAt } }) =>
        row && { ...row, borrower: memberId, due_at: dueAt, times_lent: row.times_lent + 1 },
    },
    CopyReturned: { key, row: (row) => row && { ...row, borrower: null, due_at: null } },
  },
};

export const COPIES = `CREATE TABLE copies (
  id uuid PRIMARY KEY, title text NOT NULL, borrower uuid, due_at timestamptz, times_lent int NOT NULL,
  revision bigint NOT NULL, position bigint NOT NULL
);
CREATE INDEX copies_due ON copies (due_at);`;
// #endregion

// #region contracts
interface Library extends Domain {
  readonly role: 'librarian' | 'member';
}

const LOAN_DAYS = 14;
const DAY_MS = 86_400_000;
const Id = Type.String({ format: 'uuid' });
const Copy = { params: Type.Object({ id: Id }), result: Type.Object({ id: Id }), tag: 'copies' };
const defineCommand = commandsOf<Library>();

export const addCopy = defineCommand({
  ...{ name: 'AddCopy', summary: 'Add a copy of a book', route: 'PUT /copies/:id', access: ['librarian'], ...Copy },
  body: Type.Object({ title: Type.String() }),
  async run({ params: { id }, body }, context) {
    const { revision } = await context.handle(copyDecider, id, { type: 'AddCopy', data: body });
    return { data: { id }, revision };
  },
});

export const borrowCopy = defineCommand({
  ...{ name: 'BorrowCopy', summary: 'Borrow a copy', route: 'POST /copies/:id/loan', access: ['member'], ...Copy },
  async run({ params: { id } }, context) {
    const dueAt = new Date(Date.parse(context.now) + LOAN_DAYS * DAY_MS).toISOString();
    const data = { memberId: context.actor.id, dueAt };
    const { revision } = await context.handle(copyDecider, id, { type: 'BorrowCopy', data });
    return { data: { id }, revision };
  },
});

export const returnCopy = defineCommand({
  ...{ name: 'ReturnCopy', summary: 'Return a copy', route: 'DELETE /copies/:id/loan', access: ['member'], ...Copy },
  async run({ params: { id } }, context) {
    const { revision } = await context.handle(copyDecider, id, {
      type: 'ReturnCopy',
      data: { memberId: context.actor.id },
    });
    return { data: { id }, revision };
  },
});

export const listOverdue = queriesOf<Library>()({
  ...{ name: 'ListOverdue', summary: 'Copies that are overdue', tag: 'copies', route: 'GET /copies/overdue' },
  access: ['librarian'],
  result: Type.Array(Type.Object({ id: Id, title: Type.String(), borrower: Id, due_at: Type.String() })),
  reads: ['copies'],
  async run(_input, { db, now }) {
    const sql = 'SELECT id, title, borrower, due_at FROM copies WHERE due_at < $1 ORDER BY due_at, id';
    return { data: await db.rows(sql, [now]) };
  },
});
// #endregion
