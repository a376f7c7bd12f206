import { missing } from '../errors.ts';
import type { UserRow } from '../projections/users.ts';
import { UserView, userView } from '../views/user.ts';
import { defineQuery } from './contract.ts';

const getMe = defineQuery({
  name: 'GetMe',
  summary: 'My profile',
  tag: 'users',
  route: 'GET /users/me',
  aliases: ['GET /users/profile'],
  access: 'user',
  result: UserView,
  reads: ['users'],
  async run(_input, { actor, db, services }) {
    const [row] = await db.rows<UserRow & { revision: number }>('SELECT * FROM users WHERE id = $1', [actor.id]);
    if (row === undefined) return missing('UserUnknown', 'There is no such user.');
    return { data: await services.personalData.reveal(userView(row)), revision: BigInt(row.revision) };
  },
});

export const userQueries = [getMe];
