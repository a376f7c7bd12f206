import { Type } from 'typebox';
import { type ActiveUser, ROLES, type Role, userDecider } from '../aggregates/user.ts';
import { checkOnce } from '../engine/decide/answer.ts';
import type { Outcome } from '../engine/decide/context.ts';
import { missing, reject } from '../errors.ts';
import { streamOf } from '../eventstore/eventStore.ts';
import { UserView } from '../queries/user.ts';
import { Fields, Id } from '../schema.ts';
import { reinstateAdmin, takeAdmin } from './admins.ts';
import { userAnswers } from './auth.ts';
import { type CommandContext, defineChange } from './contract.ts';

const counted = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;

/** A store that nobody runs must not sell anything, nor owe anything to a buyer. */
export async function storeMustRest(context: CommandContext, storeId: string): Promise<void> {
  const { listed, unshipped } = await context.services.hints.workOfStore(storeId);
  if (listed === 0 && unshipped === 0) return;
  const work = `${counted(listed, 'product', 'products')} on sale and ${counted(unshipped, 'order', 'orders')} to ship`;
  const way = 'Take the products off the shop, and have the orders shipped, cancelled or refunded first.';
  reject('StoreAtWork', `The store of this seller has ${work}. ${way}`);
}

async function changeFrom(context: CommandContext, userId: string, { user, role }: { user: ActiveUser; role: Role }) {
  const change = (): Promise<Outcome> =>
    context.handle(userDecider, userId, { type: 'ChangeRole', data: { role } }, { pinned: true });
  if (user.role === 'admin' && role !== 'admin') return takeAdmin(context, userId, change);
  const { storeId } = user;
  if (user.role === 'seller' && role !== 'seller' && storeId !== null) {
    const stream = streamOf(userDecider.category, userId);
    await checkOnce(context, { stream }, () => storeMustRest(context, storeId));
  }
  const changed = await change();
  if (role === 'admin') await reinstateAdmin(context, userId);
  return changed;
}

const changeRole = defineChange({
  name: 'ChangeRole',
  summary: 'Change the role of a user; the tokens of a role that is taken away end at once',
  tag: 'users',
  route: 'PUT /admin/users/:id/role',
  access: ['admin'],
  security: 'change of role',
  tells: ({ params: { id }, body: { role } }) => ({ target: id, role }),
  params: Fields({ id: Id }),
  body: Fields({ role: Type.Enum(ROLES) }),
  result: UserView,
  answers: userAnswers,
  codes: ['CONFLICT', 'NOT_FOUND'],
  revokes: true,
  async run({ params: { id }, body: { role } }, context) {
    const { state } = await context.load(userDecider, id);
    if (state.status !== 'active') return missing('UserUnknown', 'There is no such user.');
    return changeFrom(context, id, { user: state, role });
  },
});

export const roleCommands = [changeRole];
