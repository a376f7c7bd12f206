import { type Static, Type } from 'typebox';
import type { CategoryRow } from '../projections/categories.ts';
import { type Order, pageOf } from '../engine/ask/pages.ts';
import { AS_PEOPLE_SORT, conditions, listKey, Paging } from '../engine/ask/paging.ts';
import { defineQuery } from './contract.ts';
import { Fields, Id, Instant, Named, Nullable } from '../schema.ts';

export const CategoryView = Named('Category', {
  id: Id,
  name: Type.String(),
  parent_id: Nullable(Id),
  created_at: Instant,
  updated_at: Instant,
});
export type CategoryView = Static<typeof CategoryView>;

const BY_NAME: Order = {
  keys: [
    { sql: `name ${AS_PEOPLE_SORT}`, type: 'text' },
    { sql: 'id', type: 'uuid' },
  ],
  descending: false,
};

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
    key: ({ query }) => listKey('categories', query),
    tags: () => ['categories'],
  },
  run({ query }, context) {
    const columns = 'id, name, parent_id, created_at, updated_at';
    const sql = { columns, from: 'categories', where: conditions(), order: BY_NAME };
    return pageOf<CategoryRow>(context, sql, query, (row) => row);
  },
});

export const categoryQueries = [listCategories];
