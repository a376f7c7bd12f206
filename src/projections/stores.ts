import type { Picture } from '../aggregates/picture.ts';
import type { StoreEvent } from '../aggregates/store.ts';
import { idOf } from '../eventstore/eventStore.ts';
import type { Projection } from '../engine/project/projection.ts';
import { vectorOf } from './search.ts';

export interface StoreRow {
  readonly id: string;
  readonly owner_id: string;
  readonly name: string;
  readonly description: string;
  readonly suspended: boolean;
  readonly logo: Picture | null;
  readonly created_at: string;
  readonly updated_at: string;
  /** The words of name and description: the text of a tsvector. Null in a row that an earlier version wrote. */
  readonly words: string | null;
}

export const stores: Projection<StoreRow, StoreEvent> = {
  name: 'stores',
  table: 'stores',
  key: 'id',
  of: 'store',
  columns: {
    id: 'uuid',
    owner_id: 'uuid',
    name: 'text',
    description: 'text',
    suspended: 'boolean',
    logo: 'jsonb',
    created_at: 'timestamptz',
    updated_at: 'timestamptz',
    words: 'tsvector',
  },
  on: {
    StoreOpened: {
      key: (event) => idOf(event.stream),
      row: (_row, { data: { ownerId, name, description }, metadata: { occurredAt } }, id) => ({
        ...{ id, owner_id: ownerId, name, description, suspended: false, logo: null },
        created_at: occurredAt,
        updated_at: occurredAt,
        words: vectorOf(name, description),
      }),
    },
    StoreUpdated: {
      key: (event) => idOf(event.stream),
      row: (row, { data, metadata }) =>
        row && {
          ...row,
          ...data,
          updated_at: metadata.occurredAt,
          words: vectorOf(data.name ?? row.name, data.description ?? row.description),
        },
    },
    StoreSuspended: {
      key: (event) => idOf(event.stream),
      row: (row) => row && { ...row, suspended: true },
    },
    StoreRestored: {
      key: (event) => idOf(event.stream),
      row: (row) => row && { ...row, suspended: false },
    },
    StoreLogoChanged: {
      key: (event) => idOf(event.stream),
      row: (row, { data: { logo }, metadata }) => row && { ...row, logo, updated_at: metadata.occurredAt },
    },
    StoreLogoRemoved: {
      key: (event) => idOf(event.stream),
      row: (row, { metadata }) => row && { ...row, logo: null, updated_at: metadata.occurredAt },
    },
  },
  tags: (id) => [`store:${id}`],
};
