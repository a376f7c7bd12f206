import type { CategoryEvent } from '../aggregates/category.ts';
import { idOf } from '../eventstore/eventStore.ts';
import { type Projection, unchanged } from '../engine/project/projection.ts';

export interface CategoryRow {
  readonly id: string;
  readonly name: string;
  readonly created_at: string;
  readonly updated_at: string;
}

export const categories: Projection<CategoryRow, CategoryEvent> = {
  name: 'categories',
  table: 'categories',
  key: 'id',
  of: 'category',
  columns: { id: 'uuid', name: 'text', created_at: 'timestamptz', updated_at: 'timestamptz' },
  on: {
    CategoryCreated: {
      key: (event) => idOf(event.stream),
      row: (_row, { data, metadata }, id) => ({
        ...{ id, name: data.name },
        created_at: metadata.occurredAt,
        updated_at: metadata.occurredAt,
      }),
    },
    CategoryRenamed: {
      key: (event) => idOf(event.stream),
      row: (row, { data, metadata }) => row && { ...row, name: data.name, updated_at: metadata.occurredAt },
    },
    CategoryClaimAbandoned: unchanged,
    CategoryDeleted: { key: (event) => idOf(event.stream), row: () => null },
  },
};
