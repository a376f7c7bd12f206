import { PER_PAGE_DEFAULT, paginate } from '../../src/engine/ask/query.ts';
import type { Kept } from './asking.ts';

/** Lists that were one answer in an earlier version, and come in pages today. */
const PAGED = /^\/categories$|^\/orders\/[0-9a-f-]{36}\/payments$/;

interface Answer {
  readonly data: readonly unknown[];
  readonly meta: { readonly pagination?: object };
}

const { compare } = new Intl.Collator('und');
const byName = (one: unknown, other: unknown): number =>
  compare((one as { name: string }).name, (other as { name: string }).name);

/**
 * What the kept answers are today: a list says which page of it this is. No kept list is longer than a page. Names are sorted as people
 * sort them, where an earlier version sorted them as the database's locale did.
 */
export const withPages = (kept: readonly Kept[]): Kept[] =>
  kept.map((was) => {
    if (was.status !== 200 || !PAGED.test(was.ask)) return was;
    const { data: rows, meta } = JSON.parse(was.body) as Answer;
    const data = was.ask === '/categories' ? [...rows].sort(byName) : rows;
    const pagination = meta.pagination ?? paginate(1, PER_PAGE_DEFAULT, data.length);
    return { ...was, body: JSON.stringify({ data, meta: { ...meta, pagination } }) };
  });
