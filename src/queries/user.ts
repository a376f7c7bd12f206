import { sealedInUser } from '../aggregates/sealed.ts';
import { missing } from '../errors.ts';
import type { UserRow } from '../projections/users.ts';
import { defineQuery } from './contract.ts';
import { type Static, Type } from 'typebox';
import { Id, Instant, Named, Nullable } from '../schema.ts';

export const UserView = Named('User', {
  id: Id,
  email: Type.String(),
  name: Type.String(),
  phone: Nullable(Type.String()),
  address: Nullable(Type.String()),
  role: Type.Union([Type.Literal('buyer'), Type.Literal('seller'), Type.Literal('admin')]),
  store_id: Nullable(Id),
  is_active: Type.Boolean(),
  email_verified: Type.Boolean(),
  second_factor: Type.Boolean(),
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
  email_verified: row.email_verified,
  second_factor: row.second_factor,
  created_at: row.created_at,
  updated_at: row.updated_at,
});

const getMe = defineQuery({
  name: 'GetMe',
  summary: 'My profile',
  tag: 'users',
  route: 'GET /users/me',
  aliases: ['GET /users/profile'],
  access: 'user',
  result: UserView,
  revised: 'always',
  codes: ['NOT_FOUND'],
  reads: ['users'],
  async run(_input, { actor, db, services }) {
    const [row] = await db.rows<UserRow & { revision: number }>('SELECT * FROM users WHERE id = $1', [actor.id]);
    if (row === undefined) return missing('UserUnknown', 'There is no such user.');
    return {
      data: await services.personalData.reveal(userView(row), sealedInUser(row.id)),
      revision: BigInt(row.revision),
    };
  },
});

export const userQueries = [getMe];
