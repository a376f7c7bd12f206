import { hash } from 'node:crypto';
import { type TSchema, Type } from 'typebox';
import { CURSOR_CHARS_MAX } from './cursor.ts';
import { PER_PAGE_DEFAULT, PER_PAGE_MAX, type QueryContract } from './query.ts';

/** How many rows deep `page` reaches. `OFFSET` makes Postgres read all rows before the page; a cursor does not. */
export const PAGED_ROWS_MAX = 10_000;

/** Highest page number that is understood, to say that it is too deep. */
const PAGE_MAX = 1_000_000_000_000;

/** The arguments of a list that comes in pages: any page near the beginning, or what follows the row that a cursor names. */
export const Paging = {
  page: Type.Integer({
    ...{ minimum: 1, maximum: PAGE_MAX, default: 1 },
    description: `The number of the page; it may begin at most ${PAGED_ROWS_MAX.toLocaleString('en')} rows deep. A cursor reaches any depth.`,
  }),
  per_page: Type.Integer({ minimum: 1, maximum: PER_PAGE_MAX, default: PER_PAGE_DEFAULT }),
  cursor: Type.Optional(
    Type.String({
      ...{ minLength: 1, maxLength: CURSOR_CHARS_MAX },
      description:
        'The `meta.pagination.next` of the page before. All other arguments stay as they were, but for `per_page`.',
    }),
  ),
};

/** The filters of a list by time, `instant` being the schema of a moment. */
export const Times = <I extends TSchema>(instant: I) => ({
  from: Type.Optional(instant),
  to: Type.Optional(instant),
});

/** Adds the condition that a time is not before `from` and before `to`. */
export function addTimes(
  where: Conditions,
  column: string,
  { from, to }: { readonly from?: unknown; readonly to?: unknown },
): void {
  if (from !== undefined) where.add(`${column} >= ?::timestamptz`, from);
  if (to !== undefined) where.add(`${column} < ?::timestamptz`, to);
}

/** Other names that clients of other shops use for these arguments. */
const PAGING_ALIASES: Readonly<Record<string, string>> = { page_size: 'per_page', limit: 'per_page' };

/** Every other name of an argument of a query, each with the name in its schema. */
export const aliasesOf = ({
  paginated,
  queryAliases,
}: Pick<QueryContract, 'paginated' | 'queryAliases'>): Readonly<Record<string, string>> => ({
  ...(paginated === true ? PAGING_ALIASES : {}),
  ...queryAliases,
});

/** Longer keys of cached lists are replaced by their digest. */
const LIST_KEY_CHARS_MAX = 200;

/** The key of a cached page of a list: each page has one of its own, and none is long. */
export function listKey(name: string, query: object): string {
  const asked = JSON.stringify(Object.entries(query).sort());
  return `${name}:${asked.length <= LIST_KEY_CHARS_MAX ? asked : hash('sha256', asked, 'base64url')}`;
}

const EVENTS_DEFAULT = 100;
const EVENTS_MAX = 500;

/** A page of a list of events: those of one stream that follow a revision. */
export const EventPaging = {
  after: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  limit: Type.Integer({ minimum: 1, maximum: EVENTS_MAX, default: EVENTS_DEFAULT }),
};

export const eventPageOf = ({ after, limit }: { after?: number; limit: number }): { after?: bigint; limit: number } =>
  after === undefined ? { limit } : { after: BigInt(after), limit };

/** SQL after a name to sort by: the order in which people look for it, whatever the database's own collation is. */
export const AS_PEOPLE_SORT = 'COLLATE "und-x-icu"';

/** SQL conditions and their values. `add('price >= ?', 5)` replaces `?` by the next parameter number. */
export interface Conditions {
  readonly values: unknown[];
  add(condition: string, value: unknown): void;
  where(): string;
}

export function conditions(...always: string[]): Conditions {
  const parts = [...always];
  const values: unknown[] = [];
  return {
    values,
    add(condition, value) {
      values.push(value);
      parts.push(condition.replaceAll('?', `$${values.length}`));
    },
    where: () => (parts.length === 0 ? '' : `WHERE ${parts.join(' AND ')}`),
  };
}
