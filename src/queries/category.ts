import { type Static, Type } from 'typebox';
import type { CategoryRow } from '../projections/categories.ts';
import { AS_PEOPLE_SORT, conditions, pageOf, Paging } from '../engine/ask/paging.ts';
import { defineQuery } from './contract.ts';
import { Fields, Id, Instant, Named } from '../schema.ts';

export const CategoryView = Named('Category', {
  id: Id,
  name: Type.String(),
  created_at: Instant,
  updated_at: Instant,
});
export type CategoryView = Static<typeof CategoryView>;

const listCategories = defineQuery({
  name: 'ListCategories',
  summary: 'The categories, by name',
  tag: 'categories',
  route: 'GET /categories',
  access: 'anyone',
  query: Fields(Paging),
  result: Type.Array(CategoryView),
  paginated: true,
  reads: ['categories'],
  cache: {
    ttlMs: 600_000,
    key: ({ query }) => `categories:${query.page}:${query.per_page}`,
    tags: () => ['categories'],
  },
  run({ query }, { db }) {
    const columns = 'id, name, created_at, updated_at';
    const sql = { columns, from: 'categories', where: conditions(), order: `name ${AS_PEOPLE_SORT}, id` };
    return pageOf<CategoryRow>(db, sql, query, (row) => row);
  },
});

export const categoryQueries = [listCategories];
