import { Type } from 'typebox';
import { PER_PAGE_DEFAULT, PER_PAGE_MAX, paginate, type QueryAnswer, type ReadDb } from './query.ts';

/** Highest page number. `OFFSET` makes Postgres read all rows before the page, and people do not page this far. */
const PAGE_MAX = 10_000;

export const Paging = {
  page: Type.Integer({ minimum: 1, maximum: PAGE_MAX, default: 1 }),
  per_page: Type.Integer({ minimum: 1, maximum: PER_PAGE_MAX, default: PER_PAGE_DEFAULT }),
};

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

/** One page of `SELECT columns FROM from …`, with the count of all matching rows. */
export async function pageOf<R extends object>(
  db: ReadDb,
  sql: { columns: string; from: string; where: Conditions; order: string },
  { page, per_page: perPage }: { page: number; per_page: number },
  view: (row: R) => unknown,
): Promise<QueryAnswer> {
  const { columns, from, where, order } = sql;
  const filter = where.where();
  const limits = `LIMIT ${perPage} OFFSET ${(page - 1) * perPage}`;
  const [rows, counted] = await Promise.all([
    db.rows<R>(`SELECT ${columns} FROM ${from} ${filter} ORDER BY ${order} ${limits}`, where.values),
    db.rows<{ count: number }>(`SELECT count(*) AS count FROM ${from} ${filter}`, where.values),
  ]);
  return { data: rows.map(view), pagination: paginate(page, perPage, counted[0]?.count ?? 0) };
}
