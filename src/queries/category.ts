import { Type } from 'typebox';
import type { CategoryRow } from '../projections/categories.ts';
import { CategoryView } from '../views/category.ts';
import { defineQuery } from './contract.ts';

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
