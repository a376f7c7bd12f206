import { Type, type Static } from 'typebox';
import type { StoreRow } from '../projections/stores.ts';
import { Fields, Id, Instant, Nullable } from '../schema.ts';

export const StoreView = Fields({
  id: Id,
  owner_id: Id,
  name: Type.String(),
  description: Type.String(),
  logo_url: Nullable(Type.String()),
  created_at: Instant,
  updated_at: Instant,
});
export type StoreView = Static<typeof StoreView>;

export const storeView = (row: StoreRow): StoreView => ({
  id: row.id,
  owner_id: row.owner_id,
  name: row.name,
  description: row.description,
  logo_url: null,
  created_at: row.created_at,
  updated_at: row.updated_at,
});
