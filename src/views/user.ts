import { Type, type Static } from 'typebox';
import { Fields, Id, Instant, Nullable } from '../schema.ts';
import type { UserRow } from '../projections/users.ts';

export const UserView = Fields({
  id: Id,
  email: Type.String(),
  name: Type.String(),
  phone: Nullable(Type.String()),
  address: Nullable(Type.String()),
  role: Type.Union([Type.Literal('buyer'), Type.Literal('seller'), Type.Literal('admin')]),
  store_id: Nullable(Id),
  is_active: Type.Boolean(),
  created_at: Instant,
  updated_at: Instant,
});
export type UserView = Static<typeof UserView>;

/** Personal fields are still sealed; the caller reveals them. */
export const userView = (row: UserRow): UserView => ({
  id: row.id,
  email: row.email,
  name: row.name,
  phone: row.phone,
  address: row.address,
  role: row.role,
  store_id: row.store_id,
  is_active: row.is_active,
  created_at: row.created_at,
  updated_at: row.updated_at,
});
