import { type Static, Type } from 'typebox';
import type { CategoryRow } from '../projections/categories.ts';
import { defineQuery } from './contract.ts';
import { Id, Instant, Named } from '../schema.ts';

export const CategoryView = Named('Category', {
  id: Id,
  name: Type.String(),
  created_at: Instant,
  updated_at: Instant,
});
export type CategoryView = Static<typeof CategoryView>;

const listCategories = defineQuery({
  name: 'ListCategories',
  summary: 'All categories, by name',
  tag: 'categories',
  route: 'GET /categories',
  access: 'anyone',
  result: Type.Array(CategoryView),
  reads: ['categories'],
  cache: { ttlMs: 600_000, key: () => 'categories', tags: () => ['categories'] },
  async run(_input, { db }) {
    return {
      data: await db.rows<CategoryRow>('SELECT id, name, created_at, updated_at FROM categories ORDER BY name, id'),
    };
  },
});

export const categoryQueries = [listCategories];
