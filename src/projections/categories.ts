import type { CategoryEvent } from '../aggregates/category.ts';
import type { CategoryTreeEvent } from '../aggregates/categoryTree.ts';
import { idOf } from '../eventstore/eventStore.ts';
import { type Projection, unchanged } from '../engine/project/projection.ts';

export interface CategoryRow {
  readonly id: string;
  readonly name: string;
  readonly parent_id: string | null;
  readonly created_at: string;
  readonly updated_at: string;
}

export const categories: Projection<CategoryRow, CategoryEvent | CategoryTreeEvent> = {
  name: 'categories',
  table: 'categories',
  key: 'id',
  of: 'category',
  columns: { id: 'uuid', name: 'text', parent_id: 'uuid', created_at: 'timestamptz', updated_at: 'timestamptz' },
  on: {
    CategoryCreated: {
      key: (event) => idOf(event.stream),
      row: (_row, { data, metadata }, id) => ({
        ...{ id, name: data.name, parent_id: data.parentId ?? null },
        created_at: metadata.occurredAt,
        updated_at: metadata.occurredAt,
      }),
    },
    CategoryRenamed: {
      key: (event) => idOf(event.stream),
      row: (row, { data, metadata }) => row && { ...row, name: data.name, updated_at: metadata.occurredAt },
    },
    // The event of a new category comes before the category itself, which then tells its parent.
    CategoryPlaced: {
      key: (event) => event.data.categoryId,
      row: (row, { data }) => row && { ...row, parent_id: data.parentId },
    },
    CategoryClaimAbandoned: unchanged,
    CategoryDeleted: { key: (event) => idOf(event.stream), row: () => null },
  },
};
