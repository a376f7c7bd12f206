import { PER_PAGE_DEFAULT, paginate } from '../../src/engine/ask/query.ts';
import type { Kept } from './asking.ts';

/** Lists that were one answer in an earlier version, and come in pages today. */
const PAGED = /^\/categories$|^\/orders\/[0-9a-f-]{36}\/payments$/;

/** What the kept answers are today: a list says which page of it this is. No kept list is longer than a page. */
export const withPages = (kept: readonly Kept[]): Kept[] =>
  kept.map((was) => {
    if (was.status !== 200 || !PAGED.test(was.ask)) return was;
    const { data, meta } = JSON.parse(was.body) as { data: unknown[]; meta: { pagination?: object } };
    const pagination = meta.pagination ?? paginate(1, PER_PAGE_DEFAULT, data.length);
    return { ...was, body: JSON.stringify({ data, meta: { ...meta, pagination } }) };
  });
