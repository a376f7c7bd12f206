import { sealedInUser } from '../aggregates/sealed.ts';
import { ROLES } from '../aggregates/user.ts';
import { isBlank } from '../aggregates/words.ts';
import { newestFirst, pageOf } from '../engine/ask/pages.ts';
import { conditions, Paging } from '../engine/ask/paging.ts';
import { missing } from '../errors.ts';
import type { UserRow } from '../projections/users.ts';
import { defineQuery, type QueryContext } from './contract.ts';
import { peopleQuery } from './personIndex.ts';
import { type Static, Type } from 'typebox';
import { Fields, Id, Instant, Named, Nullable } from '../schema.ts';

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

const SEARCH_LENGTH_MAX = 200;

/** The profile of a user who is there. */
async function profileOf(id: string, { db, services }: QueryContext) {
  const [row] = await db.rows<UserRow & { revision: number }>('SELECT * FROM users WHERE id = $1', [id]);
  if (row === undefined) return missing('UserUnknown', 'There is no such user.');
  return {
    data: await services.personalData.reveal(userView(row), sealedInUser(row.id)),
    revision: BigInt(row.revision),
  };
}

const getMe = defineQuery({
  name: 'GetMe',
  summary: 'My profile',
  tag: 'users',
  route: 'GET /users/me',
  aliases: ['GET /users/profile', 'GET /protected/profile'],
  access: 'user',
  result: UserView,
  revised: 'always',
  codes: ['NOT_FOUND'],
  reads: ['users'],
  run: (_input, context) => profileOf(context.actor.id, context),
});

const getUser = defineQuery({
  name: 'GetUser',
  summary: 'A user',
  tag: 'users',
  route: 'GET /admin/users/:id',
  aliases: ['GET /users/:id'],
  access: ['admin'],
  params: Fields({ id: Id }),
  result: UserView,
  revised: 'always',
  codes: ['NOT_FOUND'],
  reads: ['users'],
  run: ({ params: { id } }, context) => profileOf(id, context),
});

/** The table to list from, and what its rows must have. A search is among the people in the index, which is brought up to date before. */
async function peopleWith(search: string | undefined, { services }: QueryContext) {
  const where = conditions();
  if (search === undefined || isBlank(search)) return { from: 'users u', where };
  const { personalData, settings, personIndex } = services;
  const query = peopleQuery(search, { personalData, country: settings.phoneDefaultCountry });
  if (query === undefined) return { from: 'users u', where: conditions('false') };
  await personIndex.bringUpToDate();
  where.add('t.terms @@ ?::tsquery', query);
  return { from: 'users u JOIN people_terms t ON t.user_id = u.id', where };
}

const listUsers = defineQuery({
  name: 'ListUsers',
  summary: 'All users, newest first; searched by e-mail address, phone number or words of the name',
  tag: 'users',
  route: 'GET /admin/users',
  access: ['admin'],
  query: Fields({
    ...Paging,
    search: Type.Optional(Type.String({ maxLength: SEARCH_LENGTH_MAX })),
    role: Type.Optional(Type.Enum(ROLES)),
    is_active: Type.Optional(Type.Boolean()),
  }),
  result: Type.Array(UserView),
  paginated: true,
  reads: ['users'],
  async run({ query: { search, role, is_active: isActive, ...page } }, context) {
    const { from, where } = await peopleWith(search, context);
    if (role !== undefined) where.add('u.role = ?', role);
    if (isActive !== undefined) where.add('u.is_active = ?', isActive);
    const sql = { columns: 'u.*', from, where, order: newestFirst('u.') };
    const listed = await pageOf<UserRow>(context, sql, page, userView);
    const views = listed.data as UserView[];
    return { ...listed, data: await context.services.personalData.revealAll(views, ({ id }) => sealedInUser(id)) };
  },
});

const SecondFactorView = Named('SecondFactor', { enabled: Type.Boolean(), recovery_codes_left: Type.Integer() });

const getSecondFactor = defineQuery({
  name: 'GetSecondFactor',
  summary: 'Whether my second factor is on, and how many recovery codes are left',
  tag: 'users',
  route: 'GET /users/me/second-factor',
  access: 'user',
  enrolment: true,
  result: SecondFactorView,
  codes: ['NOT_FOUND'],
  reads: ['users'],
  async run(_input, { actor, db }) {
    const sql = 'SELECT second_factor, recovery_codes_left FROM users WHERE id = $1';
    const [row] = await db.rows<Pick<UserRow, 'second_factor' | 'recovery_codes_left'>>(sql, [actor.id]);
    if (row === undefined) return missing('UserUnknown', 'There is no such user.');
    return { data: { enabled: row.second_factor, recovery_codes_left: row.recovery_codes_left } };
  },
});

export const userQueries = [getMe, getSecondFactor, listUsers, getUser];
