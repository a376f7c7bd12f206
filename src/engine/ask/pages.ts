import { fieldError, invalid, Refusal } from '../../errors.ts';
import type { Place } from './cursor.ts';
import { type Conditions, PAGED_ROWS_MAX } from './paging.ts';
import { paginate, type Pagination, type QueryAnswer, type QueryContext } from './query.ts';

/** Rows that are counted, at most: to count more would cost more than the page. */
const COUNTED_ROWS_MAX = 10_000;

/** One of the values that a list is sorted by. */
export interface SortKey {
  readonly sql: string;
  /** Its type in Postgres. */
  readonly type: 'uuid' | 'text' | 'timestamptz' | 'bigint' | 'int' | 'real' | 'double precision' | 'numeric';
  /** Only of the first key: rows without a value come last, in both directions. */
  readonly nullable?: boolean;
}

/**
 * The order of a list. All keys go in one direction, and the last one is unique, so that the order is total and an index of these
 * keys serves both directions.
 */
export interface Order {
  readonly keys: readonly [SortKey, ...SortKey[]];
  readonly descending: boolean;
}

/** The commonest order; `table` is the alias of the table with a dot, such as `p.`. */
export const newestFirst = (table = '', id = 'id'): Order => ({
  keys: [
    { sql: `${table}created_at`, type: 'timestamptz' },
    { sql: table + id, type: 'uuid' },
  ],
  descending: true,
});

/** A list is all rows of `SELECT columns FROM from where`, in that order. */
export interface ListSql {
  readonly columns: string;
  readonly from: string;
  readonly where: Conditions;
  readonly order: Order;
  /** Where to count the rows, if that is cheaper than `from` and comes to the same. */
  readonly countFrom?: string;
}

export interface PageArguments {
  readonly page: number;
  readonly per_page: number;
  readonly cursor?: string | undefined;
}

type Context = Pick<QueryContext, 'db' | 'cursors'>;

/** Where a page begins. */
interface Start {
  readonly before: number;
  /** The place that a cursor names. */
  readonly after?: Place;
}

function startOf({ cursors }: Context, order: string, { page, per_page: perPage, cursor }: PageArguments): Start {
  if (cursor !== undefined) {
    if (page !== 1) return invalid('page', 'must not be given together with a cursor');
    const after = cursors.open(order, cursor);
    return { before: after.before, after };
  }
  const before = (page - 1) * perPage;
  if (before < PAGED_ROWS_MAX) return { before };
  const rows = PAGED_ROWS_MAX.toLocaleString('en');
  const reason = `must begin within the first ${rows} rows; to go further, follow meta.pagination.next of a page by the parameter cursor`;
  const error = fieldError('page', reason, 'PAGE_TOO_DEEP');
  throw new Refusal('invalid', 'PageTooDeep', error.message, { code: 'PAGE_TOO_DEEP', errors: [error] });
}

/** A range of the list: its rows with a first key, or those without. */
interface Range {
  readonly condition?: string;
  /** The keys that vary within the range. */
  readonly keys: readonly SortKey[];
}

function rangesOf({ keys: [first, ...others] }: Order): Range[] {
  if (first.nullable !== true) return [{ keys: [first, ...others] }];
  return [
    { condition: `${first.sql} IS NOT NULL`, keys: [first, ...others] },
    { condition: `${first.sql} IS NULL`, keys: others },
  ];
}

/** A value as text that is exact and means the same in every session. */
const asText = ({ sql, type }: SortKey): string =>
  type === 'timestamptz' ? `to_char(${sql} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')` : `(${sql})::text`;

const joined = (where: Conditions, more: readonly string[]): string => {
  const always = where.where();
  if (more.length === 0) return always;
  return `${always === '' ? 'WHERE' : `${always} AND`} ${more.join(' AND ')}`;
};

interface Cut {
  readonly after?: readonly (string | null)[] | undefined;
  readonly offset: number;
  readonly limit: number;
}

/** One column more than the list has: the sort keys of the row. */
export interface Keyed {
  readonly sort_keys: readonly (string | null)[];
}

type ReadRange = <R extends object>(range: Range, cut: Cut) => Promise<(R & Keyed)[]>;

/** Reads rows of a range of the list. The row comparison makes an index begin at the row that follows, whatever comes before. */
const reader =
  ({ db }: Pick<Context, 'db'>, { columns, from, where, order }: ListSql): ReadRange =>
  (range, { after, offset, limit }) => {
    const direction = order.descending ? 'DESC' : 'ASC';
    const values = [...where.values];
    const conditions = range.condition === undefined ? [] : [range.condition];
    if (after !== undefined) {
      const places = after.map((value, at) => `$${values.push(value)}::${range.keys[at]!.type}`);
      const keys = range.keys.map(({ sql }) => sql);
      conditions.push(`(${keys.join(', ')}) ${order.descending ? '<' : '>'} (${places.join(', ')})`);
    }
    const sorting = order.keys.map(({ sql }) => `${sql} ${direction}`);
    return db.rows(
      `SELECT ${columns}, ARRAY[${order.keys.map(asText).join(', ')}] AS sort_keys FROM ${from}
       ${joined(where, conditions)} ORDER BY ${sorting.join(', ')} LIMIT ${limit} OFFSET ${offset}`,
      values,
    );
  };

async function count({ db }: Pick<Context, 'db'>, sql: ListSql, condition: string[], max: number): Promise<number> {
  const rows = `SELECT FROM ${sql.countFrom ?? sql.from} ${joined(sql.where, condition)} LIMIT ${max}`;
  const [counted] = await db.rows<{ count: number }>(`SELECT count(*) AS count FROM (${rows}) AS counted`, [
    ...sql.where.values,
  ]);
  return counted?.count ?? 0;
}

/** The rows from the start of a page on. */
async function rowsFrom<R extends object>(
  context: Context,
  sql: ListSql,
  start: Start,
  wanted: number,
): Promise<(R & Keyed)[]> {
  const read = reader(context, sql);
  const [first, rest] = rangesOf(sql.order) as [Range, Range?];
  const after = start.after?.keys;
  const isInRest = rest !== undefined && after?.[0] === null;
  const offset = after === undefined ? start.before : 0;
  if (isInRest) return read<R>(rest, { after: after.slice(1), offset, limit: wanted });
  const rows = await read<R>(first, { after, offset, limit: wanted });
  if (rest === undefined || rows.length === wanted) return rows;
  const passed = offset === 0 || rows.length > 0 ? offset : await count(context, sql, [first.condition ?? ''], offset);
  return [...rows, ...(await read<R>(rest, { offset: offset - passed, limit: wanted - rows.length }))];
}

interface Listed {
  /** The rows of the list, as far as they were counted. */
  readonly counted: number;
  /** The rows up to the end of the page. */
  readonly upTo: number;
  readonly isLast: boolean;
}

/** A list that is longer than what is counted is known to have what was shown of it, and at its end to have no more. */
function totalOf({ counted, upTo, isLast }: Listed): Pick<Pagination, 'total_items' | 'total_is_minimum'> {
  if (counted <= COUNTED_ROWS_MAX) return { total_items: counted };
  if (isLast) return { total_items: upTo };
  return { total_items: Math.max(COUNTED_ROWS_MAX, upTo + 1), total_is_minimum: true };
}

/** A page of rows of a list, and where it stands in it. */
export interface Read<R extends object> {
  readonly rows: R[];
  readonly pagination: Pagination;
}

/** What is to be found of a list: up to `limit` rows from a start on, and how many rows it has, if they are not more than `countMax`. */
export interface Sought {
  readonly start: Start;
  readonly limit: number;
  readonly countMax: number;
}

/** Finds rows of a list; the sort keys of each are its place, and no two rows have the same. */
export type Finder<R extends object> = (
  sought: Sought,
) => Promise<{ readonly rows: (R & Keyed)[]; readonly counted: number }>;

/** The rows of one page of a list that `find` finds. `order` describes its sort keys. */
export async function pageFrom<R extends object>(
  context: Context,
  order: string,
  page: PageArguments,
  find: Finder<R>,
): Promise<Read<R>> {
  const perPage = page.per_page;
  const start = startOf(context, order, page);
  const countMax = COUNTED_ROWS_MAX + 1;
  const { rows, counted } = await find({ start, limit: perPage + 1, countMax });
  const shown = rows.slice(0, perPage);
  const isLast = rows.length === shown.length;
  const upTo = start.before + shown.length;
  const { total_items, ...minimum } = totalOf({ counted, upTo, isLast });
  const last = shown.at(-1)?.sort_keys;
  const place = { keys: last ?? [], before: upTo, uncounted: counted === countMax };
  const next = isLast || last === undefined ? {} : { next: context.cursors.seal(order, place) };
  const current = Math.floor(start.before / perPage) + 1;
  return {
    rows: shown.map(({ sort_keys: _keys, ...row }) => row as unknown as R),
    pagination: { ...paginate(current, perPage, total_items), ...minimum, ...next },
  };
}

/**
 * The rows of one page, and where it stands in its list. A page costs the same at any depth that a cursor reaches, and rows with
 * equal keys are neither left out nor repeated, whatever is added, changed or removed meanwhile.
 */
export const readPage = <R extends object>(context: Context, sql: ListSql, page: PageArguments): Promise<Read<R>> =>
  pageFrom<R>(context, JSON.stringify(sql.order), page, async ({ start, limit, countMax }) => {
    const [rows, counted] = await Promise.all([
      rowsFrom<R>(context, sql, start, limit),
      start.after?.uncounted === true ? countMax : count(context, sql, [], countMax),
    ]);
    return { rows, counted };
  });

export type PagedAnswer = QueryAnswer & { readonly pagination: Pagination };

/** One page of a list as an answer. */
export async function pageOf<R extends object>(
  context: Context,
  sql: ListSql,
  page: PageArguments,
  view: (row: R) => unknown,
): Promise<PagedAnswer> {
  const { rows, pagination } = await readPage<R>(context, sql, page);
  return { data: rows.map(view), pagination };
}
