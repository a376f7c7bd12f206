import { Type } from 'typebox';
import { ADMINS_ID, type AdminsCommand, adminsDecider } from '../aggregates/admins.ts';
import { type ActiveUser, ROLES, type Role, userDecider } from '../aggregates/user.ts';
import { checkOnce } from '../engine/decide/answer.ts';
import type { Outcome } from '../engine/decide/context.ts';
import { isOutcomeUnknown, isRefusal, missing, reject } from '../errors.ts';
import { streamOf } from '../eventstore/eventStore.ts';
import { UserView } from '../queries/user.ts';
import { Fields, Id } from '../schema.ts';
import { userAnswers } from './auth.ts';
import { type CommandContext, defineChange } from './contract.ts';

const counted = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;

/** A store that nobody runs must not sell anything, nor owe anything to a buyer. */
async function storeMustRest(context: CommandContext, storeId: string): Promise<void> {
  const { listed, unshipped } = await context.services.hints.workOfStore(storeId);
  if (listed === 0 && unshipped === 0) return;
  const work = `${counted(listed, 'product', 'products')} on sale and ${counted(unshipped, 'order', 'orders')} to ship`;
  const way = 'Take the products off the shop, and have the orders shipped, cancelled or refunded first.';
  reject('StoreAtWork', `The store of this seller has ${work}. ${way}`);
}

/** The admins as they are now. A step is named after their revision, because a role may be taken and given back more than once. */
async function admins(context: CommandContext) {
  const { state, revision } = await context.load(adminsDecider, ADMINS_ID);
  const handle = (intent: Pick<AdminsCommand, 'type' | 'data'>): Promise<unknown> =>
    context.handle(adminsDecider, ADMINS_ID, intent as AdminsCommand, {
      step: `${intent.type} after ${revision}`,
      provisional: true,
    });
  return { state, handle };
}

/** Says that the user no longer counts as an admin. Refused when no other admin would be left, however many are asked at once. */
async function retire(context: CommandContext, userId: string): Promise<void> {
  const { state, handle } = await admins(context);
  const others = await context.services.hints.adminsBeside([userId, ...Object.keys(state.retired)]);
  await handle({ type: 'RetireAdmin', data: { userId, others } });
}

async function reinstate(context: CommandContext, userId: string): Promise<void> {
  const { handle } = await admins(context);
  await handle({ type: 'ReinstateAdmin', data: { userId } });
}

/** Takes the role of an admin: first it no longer counts, then it is taken. When it is not taken, it counts again. */
async function takeAdmin(context: CommandContext, userId: string, take: () => Promise<Outcome>): Promise<Outcome> {
  await retire(context, userId);
  try {
    return await take();
  } catch (error) {
    if (isRefusal(error) && !isOutcomeUnknown(error)) await reinstate(context, userId);
    throw error;
  }
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
  if (role === 'admin') await reinstate(context, userId);
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
